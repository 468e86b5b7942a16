"""What a person means by a word."""

import pytest

from reconciler.api.labels import parse_labels
from reconciler.api.selecting import Selection, is_kind, means

VIEW = {
    "address": "web-1/File/motd",
    "target": "web-1",
    "kind": "File",
    "name": "motd",
    "subject": "path:/etc/motd",
}


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
        "web-1/files",
        "FILES",
        "web-1/",
        "web-1/*",
        "web-1/File/motd",
        "web-1/files/motd",
        "motd",
        "/etc/motd",
        "path:/etc/motd",
    ],
)
def test_words_that_mean_a_resource(what):
    assert means(what, VIEW)


@pytest.mark.parametrize(
    "what", ["web:here", "web:here/", "web:here/File", "web:here/File/web:motd", "File/web:motd", "web:motd"]
)
def test_what_is_of_a_namespace_is_meant_by_its_name(what):
    """What is before a colon was always taken for what a resource is about."""
    view = VIEW | {"address": "web:here/File/web:motd", "target": "web:here", "name": "web:motd"}
    assert means(what, view)
    assert not means(what, VIEW)


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
        "mot",
        "/etc",
        "/etc/motd2",
        "path:/etc",
        "unit:motd",
    ],
)
def test_words_that_do_not(what):
    assert not means(what, VIEW)


def test_kinds_have_a_plural():
    assert is_kind("directories", "Directory")
    assert is_kind("Symlinks", "Symlink")
    assert not is_kind("directorys", "Directory")


def test_everything_that_is_set_has_to_hold():
    labelled = {**VIEW, "metadata": {"labels": {"tier": "web"}}}
    other = {**VIEW, "target": "web-2", "address": "web-2/File/motd"}
    assert Selection("File", ("web-1",)).narrow([VIEW, other]) == [VIEW]
    assert Selection("", (), parse_labels("tier=web")).narrow([VIEW, labelled]) == [labelled]
    assert not Selection("File").needs_specs
    assert Selection("", (), parse_labels("x")).needs_specs
    assert Selection("/etc/motd").needs_specs
