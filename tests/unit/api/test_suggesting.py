"""What is said of a word that means nothing: which one was probably meant."""

import pytest

from reconciler.api.labels import parse_labels
from reconciler.api.selecting import Selection, plural
from reconciler.api.suggesting import no_match, unknown_target


def view(address, **labels):
    target, kind, name = address.split("/", 2)
    return {
        "address": address,
        "target": target,
        "kind": kind,
        "name": name,
        "metadata": {"labels": labels},
    }


KNOWN = [
    view("web-1/File/motd", tier="web"),
    view("web-1/Directory/etc", zone="a"),
    view("db-1/File/hosts", tier="db"),
]


@pytest.mark.parametrize(
    ("what", "meant"),
    [
        ("Fil", "'File'"),
        ("flies", "'files'"),
        ("directorys", "'Directory'"),
        ("web1", "'web-1'"),
        ("wbe-1", "'web-1'"),
        ("targts", "'targets'"),
        ("mtod", "'File/motd'"),
        ("File/mtod", "'File/motd'"),
        ("files/mtod", "'File/motd'"),
        ("Fiel/motd", "'File/motd'"),
        ("web-1/Fiel", "'web-1/File'"),
        ("File/etc", "'Directory/etc'"),
        ("web-1/File/etc", "'web-1/Directory/etc'"),
        ("web-1/File/mtod", "'web-1/File/motd'"),
        ("web-1/Fiel/motd", "'web-1/File/motd'"),
        ("wbe-1/File/motd", "'web-1/File/motd'"),
    ],
)
def test_what_was_probably_meant_is_named(what, meant):
    said = no_match(Selection(what), KNOWN, words=["targets"])
    assert said == f"nothing is known that matches {what!r}; did you mean {meant}?"


@pytest.mark.parametrize(
    "what", ["xyzzy", "xyzzy/plugh", "a/b/xyzzy", "File/no", "web-1/File/no", "File/nosuch", "web-1/File/sh"]
)
def test_where_nothing_is_close_it_is_said_where_to_look(what):
    assert no_match(Selection(what), KNOWN).endswith("; see: froyo get")


@pytest.mark.parametrize(
    ("selector", "hint"),
    [
        ("tier=wbe", "did you mean 'tier=web'?"),
        ("teir=web", "did you mean 'tier=web'?"),
        ("teir", "did you mean 'tier'?"),
        ("tier in (dbb)", "did you mean 'tier=db'?"),
        ("tier=xyzzy", "tier is: db, web"),
        ("xyzzy=1", "see: froyo get -o json"),
        ("tier=web,zone=a", "see: froyo get -o json"),
    ],
)
def test_a_label_that_nothing_has_gets_a_suggestion(selector, hint):
    said = no_match(Selection("", (), parse_labels(selector)), KNOWN)
    assert said == f"no resource has these labels; {hint}"


def test_a_target_is_doubted_before_all_else():
    assert (
        no_match(Selection("Fil", ("wbe-1",)), KNOWN) == "no target is named 'wbe-1'; did you mean 'web-1'?"
    )
    assert unknown_target("x", ["a", "b"]) == "no target is named 'x'; there is: a, b"
    assert unknown_target("x", list("abcdefg")).endswith("there is: a, b, c, d, e …")
    assert unknown_target("x", []).endswith("there is none")


def test_what_is_right_by_itself_and_not_together_is_said():
    assert "all of that" in no_match(Selection("File/hosts", ("web-1",)), KNOWN)
    assert "nothing is known yet" in no_match(Selection(), [])


def test_plurals_are_those_that_are_understood():
    assert [plural(kind) for kind in ("File", "Directory")] == ["files", "directories"]
