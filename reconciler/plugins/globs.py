"""Patterns of subjects and of command lines, as capabilities use them.

Subjects: the scheme, and a pattern of the name, in which `*` and `?` stand for anything. In a path that is anything
within one name, and `**` as a whole name stands for any number of names: `path:/etc/**` is /etc and everything below.
In a URL its scheme, its host, its port and the rest each have a pattern of their own, so that no `*` leads from one to
another: `url:https://*.example.com/*`, `url:*://*:*/*`.
Command lines: one pattern an argument, `*` and `?` for anything, `**` at the end for any further arguments.

Invariant: matching takes time in proportion to pattern times text, whoever chose them: nothing backtracks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from reconciler.model.subjects import PATH, SCHEME, URL, Subject, is_normal

EVERYWHERE = "/**"
_ANY_NAMES = "**"


def scheme_of(pattern: str) -> str:
    """The scheme of the subjects that a pattern is about.

    Raises:
        ValueError: it is no pattern of subjects.
    """
    scheme, colon, name = pattern.partition(":")
    if colon and name and SCHEME.fullmatch(scheme):
        return scheme
    hint = f"; a path is written path:{pattern}" if pattern.startswith("/") else ""
    raise ValueError(f"{pattern!r} is no pattern of subjects such as path:/etc/** or unit:nginx*{hint}")


@lru_cache(maxsize=1024)
def subject_matcher(pattern: str) -> Callable[[Subject], bool]:
    """What tells whether a subject matches.

    Raises:
        ValueError: it is no pattern of subjects.
    """
    scheme = scheme_of(pattern)
    name = pattern[len(scheme) + 1 :]
    if scheme == PATH:
        matches = path_matcher(name)
        return lambda subject: subject.scheme == PATH and matches(subject.name)
    if scheme == URL:
        return _url_matcher(name)
    glob = _glob(name)
    return lambda subject: subject.scheme == scheme and glob.fullmatch(subject.name) is not None


_URL = re.compile(r"(https?|\*)://(\[[^\]/]*\]|[^:/\[\]]+)(?::(\d+|\*))?(/.*)", re.DOTALL)


def _url_matcher(pattern: str) -> Callable[[Subject], bool]:
    """What tells whether a URL matches; without a port only the scheme's own does."""
    wanted = _URL.fullmatch(pattern)
    if wanted is None:
        raise ValueError(
            f"url:{pattern} is no pattern of URLs such as url:https://*.example.com/* or url:*://*:*/*"
        )
    globs = [_glob(part or "") for part in wanted.groups()]

    def matches(subject: Subject) -> bool:
        parts = _URL.fullmatch(subject.name)
        return (
            subject.scheme == URL
            and parts is not None
            and all(
                glob.fullmatch(part or "") is not None
                for glob, part in zip(globs, parts.groups(), strict=True)
            )
        )

    return matches


@lru_cache(maxsize=1024)
def path_matcher(pattern: str) -> Callable[[str], bool]:
    """What tells whether a normal path matches.

    Raises:
        ValueError: the pattern is no absolute path without `.` and `..`.
    """
    if not is_normal(pattern):
        raise ValueError(f"{pattern!r} is no absolute path pattern such as /etc/** or /etc/*.conf")
    if pattern == EVERYWHERE:
        return bool
    patterns = _names(pattern)
    return lambda path: _names_match(patterns, _names(path))


def _names(path: str) -> list[str]:
    return path[1:].split("/") if path != "/" else []


def _names_match(patterns: Sequence[str], names: Sequence[str]) -> bool:
    """The usual matching of a wildcard, with names for letters: only the last `**` is ever tried again."""
    at = name = 0
    last_any, resume_from = -1, 0
    while name < len(names):
        if at < len(patterns) and patterns[at] == _ANY_NAMES:
            last_any, resume_from = at, name
            at += 1
        elif at < len(patterns) and _glob(patterns[at]).fullmatch(names[name]):
            at += 1
            name += 1
        elif last_any >= 0:
            resume_from += 1
            at, name = last_any + 1, resume_from
        else:
            return False
    return all(rest == _ANY_NAMES for rest in patterns[at:])


def argv_matches(pattern: Sequence[str], argv: Sequence[str]) -> bool:
    """Whether a command line matches."""
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        argv = argv[: len(pattern)]
    return len(pattern) == len(argv) and all(
        _glob(glob).fullmatch(argument) is not None for glob, argument in zip(pattern, argv, strict=True)
    )


def check_argv(pattern: Sequence[str]) -> None:
    """Refuse a pattern that can mean nothing.

    Raises:
        ValueError: it is empty, or has a `**` before the end.
    """
    if not pattern or not pattern[0]:
        raise ValueError("a command pattern needs at least the command")
    if "**" in pattern[:-1]:
        raise ValueError("** stands for any further arguments, and so can only come last")


@lru_cache(maxsize=1024)
def _glob(glob: str) -> re.Pattern[str]:
    first, *pieces = [
        "".join("." if char == "?" else re.escape(char) for char in piece) for piece in glob.split("*")
    ]
    if not pieces:
        return re.compile(first, re.DOTALL)
    # The leftmost place of each piece is as good as any, so there is no need to come back to it.
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[:-1])
    return re.compile(f"{first}{middle}.*{pieces[-1]}", re.DOTALL)
