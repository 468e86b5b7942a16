"""Versions and ranges of them, as semver.org, npm and Cargo have it."""

import pytest

from reconciler.model.versions import version, version_range


@pytest.mark.parametrize(
    ("written", "inside", "outside"),
    [
        ("^1.2", "1.2.0 v1.9.9", "2.0.0 1.1.9 2.0.0-rc.1"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^0", "0.9.0", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~1.2", "1.2.0", "1.3.0"),
        ("~1", "1.9.0", "2.0.0"),
        ("1.x", "1.0.0 1.9.0", "2.0.0"),
        ("1.2.*", "1.2.9", "1.3.0"),
        ("1", "1.9.9", "2.0.0"),
        ("*", "9.9.9", "1.0.0-rc.1"),
        (">=1.2 <2", "1.2.0 1.9.0", "2.0.0 1.1.0 2.0.0-rc.1"),
        (">1.2", "1.3.0", "1.2.9"),
        (">1.2.3", "1.2.4", "1.2.3"),
        ("<=1.2", "1.2.9", "1.3.0"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        ("1.2.3", "1.2.3", "1.2.4 1.2.3-rc.1"),
        ("=1.2.3-rc.1", "1.2.3-rc.1", "1.2.3-rc.2 1.2.3"),
        (">=1.0.0-rc.1", "1.0.0-rc.1 1.0.0-rc.10 1.0.0", "1.0.0-beta 1.1.0-rc.2"),
        ("^1 || ^3", "1.1.0 3.1.0", "2.0.0"),
        ("^1, <1.5", "1.4.9", "1.5.0"),
    ],
)
def test_a_range_holds_what_it_says(written: str, inside: str, outside: str) -> None:
    found = version_range(written)
    assert found is not None
    for one in [*inside.split(), *outside.split()]:
        known = version(one)
        assert known is not None
        assert (known in found) == (one in inside.split()), one


@pytest.mark.parametrize("text", ["", "abc", "^", "1.2.3.4", "^1 || ", "1.2.3x", "x" * 300, ">=1 nope"])
def test_what_is_no_range_is_none(text: str) -> None:
    assert version_range(text) is None


@pytest.mark.parametrize("text", ["1.2", "01.2.3", "1.2.3.4", "v", "1.2.3-", "release-1", "1" * 300])
def test_what_is_no_version_is_none(text: str) -> None:
    assert version(text) is None


def test_the_newest_of_tags_is_told_by_its_version() -> None:
    found = version_range("^1")
    assert found is not None
    assert found.newest(["v1.2.0", "v1.10.0", "v2.0.0", "x", "1.9.0+build"]) == "v1.10.0"
    assert found.newest(["v2.0.0", "latest"]) is None


def test_versions_have_the_order_of_semver() -> None:
    written = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ]
    known = [found for one in written if (found := version(one)) is not None]
    assert sorted(known, reverse=True)[::-1] == known
