import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.subjects import parse
from reconciler.plugins.globs import argv_matches, check_argv, path_matcher, subject_matcher


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/**", "/", True),
        ("/**", "/etc/motd", True),
        ("/", "/", True),
        ("/", "/etc", False),
        ("/etc/motd", "/etc/motd", True),
        ("/etc/motd", "/etc/motd2", False),
        ("/etc/*", "/etc/motd", True),
        ("/etc/*", "/etc", False),
        ("/etc/*", "/etc/ssh/sshd_config", False),
        ("/etc/*.conf", "/etc/a.conf", True),
        ("/etc/*.conf", "/etc/aconf", False),
        ("/etc/*.conf", "/etc/.conf", True),
        ("/etc/a?c", "/etc/abc", True),
        ("/etc/a?c", "/etc/a/c", False),
        ("/etc/**", "/etc", True),
        ("/etc/**", "/etc/ssh/sshd_config", True),
        ("/etc/**", "/etcetera", False),
        ("/**/motd", "/motd", True),
        ("/**/motd", "/a/b/motd", True),
        ("/**/motd", "/a/b/motd/c", False),
        ("/a/**/b/**/c", "/a/b/c", True),
        ("/a/**/b/**/c", "/a/x/b/b/y/c", True),
        ("/a/**/b/**/c", "/a/x/c", False),
        ("/srv/*a*b*", "/srv/xaxbx", True),
        ("/srv/*a*b*", "/srv/xbxax", False),
        ("/srv/[a]", "/srv/a", False),
        ("/srv/[a]", "/srv/[a]", True),
        ("/srv/*", "/srv/a\nb", True),
    ],
)
def test_a_path_pattern_means_what_it_says(pattern: str, path: str, matches: bool) -> None:
    assert bool(path_matcher(pattern)(path)) is matches


@pytest.mark.parametrize(
    ("pattern", "written", "matches"),
    [
        ("path:/etc/**", "path:/etc/motd", True),
        ("path:/etc/**", "path:/srv", False),
        ("path:/**", "unit:nginx.service", False),
        ("unit:nginx*", "unit:nginx@a/b.service", True),
        ("unit:nginx*", "unit:apache.service", False),
        ("unit:/**", "path:/etc", False),
        ("port:tcp/44?", "port:tcp/443", True),
    ],
)
def test_a_pattern_is_about_subjects_of_its_scheme_alone(pattern: str, written: str, matches: bool) -> None:
    assert bool(subject_matcher(pattern)(parse(written))) is matches


@pytest.mark.parametrize("pattern", ["", "etc", "/etc/**", "path:", ":x", "Path:/x"])
def test_a_pattern_without_a_scheme_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no pattern of subjects such as"):
        subject_matcher(pattern)


@pytest.mark.parametrize("pattern", ["", "etc/**", "/etc/", "/etc/../**"])
def test_a_pattern_that_is_no_path_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no absolute path pattern"):
        path_matcher(pattern)


names = st.text("ab.*?", min_size=1, max_size=6).filter(
    lambda name: name not in {".", ".."} and "**" not in name
)


@given(names, st.text("ab.", min_size=1, max_size=8).filter(lambda name: name not in {".", ".."}))
def test_one_name_matches_as_in_a_shell(pattern: str, name: str) -> None:
    assert bool(path_matcher(f"/{pattern}")(f"/{name}")) is fnmatchcase(name, pattern)


segments = st.lists(st.sampled_from(["**", "a", "b", "*"]), min_size=1, max_size=6)


@given(segments, st.lists(st.sampled_from("abc"), max_size=7))
def test_any_names_match_as_an_expression_would(patterns: list[str], path: list[str]) -> None:
    expression = "".join({"**": "(/[^/]+)*", "*": "/[^/]*"}.get(one, f"/{one}") for one in patterns)
    expected = re.fullmatch(expression, "".join(f"/{name}" for name in path)) is not None
    assert bool(path_matcher("/" + "/".join(patterns))("/" + "/".join(path))) is expected


def test_a_hostile_pattern_comes_to_an_end() -> None:
    """Whatever backtracks takes longer than anybody has, and than a test gets."""
    assert not path_matcher("/" + "*a" * 60 + "*b")("/" + "a" * 4000)
    assert not path_matcher("/" + "**/a/" * 60 + "b")("/a" * 2000)
    assert not argv_matches(("*a" * 60 + "b",), ("a" * 4000,))


@pytest.mark.parametrize(
    ("pattern", "argv", "matches"),
    [
        (["visudo", "-cf", "*"], ["visudo", "-cf", "/etc/x/y"], True),
        (["visudo", "-cf", "*"], ["visudo", "-cf"], False),
        (["visudo", "-cf", "*"], ["visudo", "-cf", "a", "b"], False),
        (["visudo", "**"], ["visudo"], True),
        (["visudo", "**"], ["visudo", "a", "b"], True),
        (["visudo", "**"], ["sh", "-c", "visudo"], False),
        (["**"], ["anything", "at", "all"], True),
        (["/usr/bin/*"], ["/usr/bin/id"], True),
        (["/usr/bin/*"], ["id"], False),
        (["sh", "a", "**"], ["sh"], False),
    ],
)
def test_a_command_pattern_means_what_it_says(pattern: list[str], argv: list[str], matches: bool) -> None:
    assert argv_matches(pattern, argv) is matches


@pytest.mark.parametrize("pattern", [[], [""], ["**", "x"], ["a", "**", "b"]])
def test_a_command_pattern_that_means_nothing_is_refused(pattern: list[str]) -> None:
    with pytest.raises(ValueError, match=r"at least the command|only come last"):
        check_argv(pattern)
