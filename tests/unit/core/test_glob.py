"""Path globs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.glob import compile_glob


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/etc/motd", "/etc/motd", True),
        ("/etc/motd", "/etc/motd.d", False),
        ("/etc/motd", "/etc/motd/x", False),
        ("/etc/motd", "/ETC/motd", False),
        ("/etc/*", "/etc/motd", True),
        ("/etc/*", "/etc/.hidden", True),
        ("/etc/*", "/etc/a/b", False),
        ("/etc/*", "/etc", False),
        ("/etc/*.conf", "/etc/a.conf", True),
        ("/etc/*.conf", "/etc/.conf", True),
        ("/etc/*.conf", "/etc/a.confx", False),
        ("/etc/?", "/etc/a", True),
        ("/etc/?", "/etc/ab", False),
        ("/etc?motd", "/etc/motd", False),
        ("/etc/[ab]", "/etc/b", True),
        ("/etc/[!ab]", "/etc/b", False),
        ("/etc[/]motd", "/etc/motd", False),
        ("/**", "/", True),
        ("/**", "/any/thing", True),
        ("/**", "relative", False),
        ("**", "/any/thing", True),
        ("**", "relative", True),
        ("/etc/**", "/etc/a", True),
        ("/etc/**", "/etc/a/b", True),
        ("/etc/**", "/etc", False),
        ("/etc/**", "/etcetera", False),
        ("/home/*/**", "/home/a", False),
        ("/home/*/**", "/home/a/b", True),
        ("/home/*/**", "/home/a/b/c", True),
        ("/a/**/z", "/a/z", True),
        ("/a/**/z", "/a/b/c/z", True),
        ("/a/**/z", "/a/z/y", False),
        ("/a/**/m/**/z", "/a/m/x/m/y/z", True),
        ("/a/**/m/**/z", "/a/x/z", False),
        ("/a/**/b/c", "/a/b/b/c", True),
        ("/a**z", "/a/z", False),
        ("/a**z", "/abcz", True),
        ("/a.b", "/axb", False),
        ("/a\n", "/a", False),
        ("/a", "/a\n", False),
        ("/*", "/a\nb", True),
    ],
)
def test_globs_match_whole_paths(pattern, path, expected):
    assert compile_glob(pattern)(path) is expected


PARTS = st.sampled_from(["a", "b", "ab", "*", "a*", "?", "**"])
NAMES = st.sampled_from(["a", "b", "ab", "ba"])


@given(pattern=st.lists(PARTS, min_size=1, max_size=6), path=st.lists(NAMES, min_size=1, max_size=7))
def test_globs_match_what_a_regular_expression_that_may_take_its_time_matches(pattern, path):
    expression = ""
    for index, part in enumerate(pattern):
        last = index == len(pattern) - 1
        if part == "**":
            expression += "(/[^/]+)+" if last else "(/[^/]+)*"
        else:
            expression += "/" + part.replace("*", "[^/]*").replace("?", "[^/]")
    expected = re.fullmatch(expression, "/" + "/".join(path)) is not None
    assert compile_glob("/" + "/".join(pattern))("/" + "/".join(path)) is expected


def test_a_hostile_path_takes_no_longer_than_pattern_times_path():
    matches = compile_glob("/**/a*a*a*a*a*b/**/a*a*a*a*a*b/**/c")
    assert not matches("/" + "/".join(["a" * 200] * 200))
