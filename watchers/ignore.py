"""What is no part of a source: hidden directories, what editors leave behind, and what .froyoignore names.

`.froyoignore` has the syntax and the meaning of `.gitignore`, held to git itself by the tests. It may stand
in any directory and counts from there down. Imports nothing but `re`: whoever only takes stats reads it too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = ".froyoignore"

ODD = frozenset(".#4")
"""What a name begins with that may be transient, unless it holds a "~" or "___"."""

_TRANSIENT = re.compile(
    r".*~|#.*#|\.#.*|\..*\.sw[a-z]|4913|.*___jb_(?:tmp|old)___|\.goutputstream-.*|\..*\.kate-swp|\.nfs[0-9a-f]+"
)
_WILD = re.compile(r"[*?[\\]")
_CLASS = re.compile(r"\[(?P<not>[!^]?)(?P<members>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]")
_POSIX = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s", "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}  # fmt: skip


def is_transient(name: str) -> bool:
    """Whether an editor (or NFS) makes files of that name while it works."""
    return _TRANSIENT.fullmatch(name) is not None


def skips_directory(name: str) -> bool:
    """Whether directories of that name are never looked into: `.git`, and a ConfigMap's `..data`."""
    return name.startswith(".")


def is_versioning(name: str) -> bool:
    """Whether that is where versions are kept, which nobody means when they name the directory around it."""
    return name in {".git", ".hg", ".svn", ".bzr", ".jj"}


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One line.

    Attributes:
        regex: what it matches: a name, or a path if it is `anchored`.
        anchored: it is held against the path from its file on, not against the name alone.
        directories: it matches directories only.
        ignores: False for a line that begins with "!".
    """

    regex: re.Pattern[str]
    anchored: bool
    directories: bool
    ignores: bool


class IgnoreRules:
    """The rules that hold in a directory: its own .froyoignore, and those of the directories above it.

    Args:
        prefix: path of the directory relative to the root, with a slash at its end; "" for the root.
        text: of its .froyoignore.
        above: the rules of the directory that holds it.
    """

    __slots__ = ("above", "patterns", "prefix")

    def __init__(self, prefix: str, text: str, above: IgnoreRules | None) -> None:
        self.prefix = prefix
        self.above = above
        found = (_parse(line.rstrip("\r")) for line in text.split("\n"))
        self.patterns = [pattern for pattern in found if pattern is not None][::-1]

    def ignores(self, path: str, *, directory: bool) -> bool:
        """Whether a path, relative to the root, is ignored, given that the directories that hold it are not.

        The nearest file that speaks of it decides, and in that the last line that does.
        """
        name = path[path.rfind("/") + 1 :]
        rules: IgnoreRules | None = self
        while rules is not None:
            below = path[len(rules.prefix) :]
            for pattern in rules.patterns:
                if pattern.directories and not directory:
                    continue
                if pattern.regex.fullmatch(below if pattern.anchored else name):
                    return pattern.ignores
            rules = rules.above
        return False


def _parse(line: str) -> _Pattern | None:
    """A line, or None if it says nothing."""
    while line.endswith(" ") and not line.endswith("\\ "):
        line = line[:-1]
    if not line or line.startswith("#"):
        return None
    ignores = not line.startswith("!")
    line = line if ignores else line[1:]
    directories = line.endswith("/")
    line = line[:-1] if directories else line
    anchored = "/" in line
    line = line.removeprefix("/")
    regex = _translate(line, anchored=anchored) if line else None
    return _Pattern(regex, anchored, directories, ignores) if regex is not None else None


def _translate(pattern: str, *, anchored: bool) -> re.Pattern[str] | None:
    """A pattern as a regular expression; None if it can match nothing."""
    made = ""
    at = 0
    # Git compares what comes before the first wildcard by itself: `c**/x` has its `**` at the beginning of the rest.
    first = _WILD.search(pattern)
    while at < len(pattern):
        character = pattern[at]
        if character == "*":
            end = at
            while pattern[end : end + 1] == "*":
                end += 1
            begins = pattern[at - 1 : at] in {"", "/"} or (first is not None and at == first.start())
            # A slash that is written with a backslash ends it, too, and then there has to be one.
            escaped = pattern.startswith("\\/", end)
            alone = end - at > 1 and begins and (escaped or pattern[end : end + 1] in {"", "/"})
            if not (alone and anchored):
                made += "[^/]*"
            elif escaped or end == len(pattern):
                made += ".*"
            else:
                made += "(?:.*/)?"
                end += 1
            at = end
        elif character == "[":
            found = _CLASS.match(pattern, at)
            if found is None:
                return None
            made += _members(found)
            at = found.end()
        elif character == "\\":
            if at + 1 == len(pattern):
                return None
            made += re.escape(pattern[at + 1])
            at += 2
        else:
            made += "[^/]" if character == "?" else re.escape(character)
            at += 1
    try:
        return re.compile(made, re.DOTALL)
    except re.error:
        return None


def _members(found: re.Match[str]) -> str:
    """A bracket expression; it never matches a slash."""
    members = ""
    rest = found["members"]
    while rest:
        if posix := re.match(r"\[:([a-z]+):\]", rest):
            members += _POSIX.get(posix[1], "")
            rest = rest[posix.end() :]
        elif rest.startswith("\\"):
            members += re.escape(rest[1])
            rest = rest[2:]
        else:
            members += rest[0] if rest[0] == "-" else re.escape(rest[0])
            rest = rest[1:]
    return f"(?!/)[{'^' if found['not'] else ''}{members}]"
