"""What a person means by a word."""

import pytest

from reconciler.api.selecting import Selection, is_kind, means, parse_labels
from reconciler.errors import UsageError

VIEW = {"address": "web-1/File/motd", "target": "web-1", "kind": "File", "name": "motd"}


@pytest.mark.parametrize(
    "what",
    [
        "",
        "*",
        "all",
        "File",
        "file",
        "files",
        "web-1",
        "File/motd",
        "files/motd",
        "web-1/File",
        "web-1/",
        "web-1/*",
        "web-1/File/motd",
        "web-1/files/motd",
    ],
)
def test_words_that_mean_a_resource(what):
    assert means(what, VIEW)


@pytest.mark.parametrize(
    "what",
    [
        "Directory",
        "web",
        "File/mot",
        "File/motd-2",
        "web-2/File/motd",
        "web-1/Directory",
        "web-1/File/mot",
        "web-1/Directory/motd",
        "motd",
    ],
)
def test_words_that_do_not(what):
    assert not means(what, VIEW)


def test_kinds_have_a_plural():
    assert is_kind("directories", "Directory")
    assert is_kind("Symlinks", "Symlink")
    assert not is_kind("directorys", "Directory")


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("tier=web", {"tier": "web"}, {"tier": "db"}),
        ("tier==web", {"tier": "web"}, {}),
        ("tier!=web", {}, {"tier": "web"}),
        ("tier in (web, db)", {"tier": "db"}, {"tier": "x"}),
        ("tier notin (web)", {"tier": "db"}, {"tier": "web"}),
        ("tier", {"tier": ""}, {}),
        ("!tier", {}, {"tier": "web"}),
        ("a=1,b in (2,3),!c", {"a": "1", "b": "3"}, {"a": "1", "b": "3", "c": ""}),
        ("example.com/tier=web", {"example.com/tier": "web"}, {"tier": "web"}),
        ("", {"any": "thing"}, None),
    ],
)
def test_label_selectors_are_those_of_kubectl(text, yes, no):
    selector = parse_labels(text)
    assert selector.matches(yes)
    assert no is None or not selector.matches(no)


@pytest.mark.parametrize("text", ["tier=web=x", "a b", "=x", "tier in web", "tier in (a"])
def test_a_selector_that_cannot_be_understood_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match="role=web"):
        parse_labels(text)


def test_everything_that_is_set_has_to_hold():
    labelled = {**VIEW, "metadata": {"labels": {"tier": "web"}}}
    other = {**VIEW, "target": "web-2", "address": "web-2/File/motd"}
    assert Selection("File", ("web-1",)).narrow([VIEW, other]) == [VIEW]
    assert Selection("", (), parse_labels("tier=web")).narrow([VIEW, labelled]) == [labelled]
    assert not Selection("File").needs_labels
    assert Selection("", (), parse_labels("x")).needs_labels
