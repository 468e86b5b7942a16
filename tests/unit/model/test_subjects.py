"""What a resource is about: one spelling for one thing, and what lies within what."""

import pytest

from reconciler.model.subjects import Subject, above, is_normal, parse, subject, within


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("path:/etc/motd", "/etc/motd"),
        ("path:/srv/www/", "/srv/www"),
        ("path:/srv//./x/../www", "/srv/www"),
        ("path://srv", "/srv"),
        ("path:/", "/"),
        ("path:srv/x/..", "srv/x/.."),
        ("unit:foo@bar.service", "foo@bar.service"),
        ("port:tcp/443", "tcp/443"),
    ],
)
def test_one_thing_has_one_spelling(written, name):
    assert parse(written).name == name
    assert parse(str(parse(written))) == parse(written)


@pytest.mark.parametrize("written", ["", "motd", "path:", ":x", "Path:/x", "pa th:/x", "/etc:x"])
def test_what_has_no_scheme_or_no_name_is_no_subject(written):
    with pytest.raises(ValueError, match="is no subject, such as path:/etc/motd"):
        parse(written)


def test_paths_lie_within_each_other_and_nothing_else_does():
    etc, motd = subject("path", "/etc"), subject("path", "/etc/motd")
    assert above(motd) == etc
    assert above(etc) == Subject("path", "/")
    assert above(Subject("path", "/")) is None
    assert above(subject("unit", "a/b")) is None
    assert within(motd, etc)
    assert within(motd, Subject("path", "/"))
    assert within(motd, motd)
    assert not within(etc, motd)
    assert not within(subject("path", "/etcx"), etc)
    assert not within(subject("unit", "/etc/motd"), etc)


@pytest.mark.parametrize(
    "path", ["", "etc", "/etc/", "//etc", "/etc/../x", "/.", "/..", "/etc/.", "/a\0b", None, 5]
)
def test_a_path_that_could_mean_another_is_not_normal(path):
    assert not is_normal(path)


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/etc/.hidden", "/etc/..odd", "/etc/...", "/with space/\udcff\n"]
)
def test_a_path_that_means_itself_is_normal(path):
    assert is_normal(path)


@pytest.mark.parametrize(
    ("name", "normal"), [("nginx.service", True), ("/a//b/", True), ("", False), ("a\0b", False), (5, False)]
)
def test_any_other_name_means_itself(name, normal):
    assert is_normal(name, "unit") is normal
