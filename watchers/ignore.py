"""What is no part of a source: hidden directories, what editors leave behind, and what .froyoignore names.

`.froyoignore` has the syntax of `.gitignore`, may stand in any directory, and counts from there down.
pathspec, which reads it, is imported only when there is such a file.
"""

from __future__ import annotations

import re
from typing import Any

NAME = ".froyoignore"

ODD = frozenset(".#4")
"""What a name begins with that may be transient, unless it holds a "~" or "___"."""

_TRANSIENT = re.compile(
    r".*~|#.*#|\.#.*|\..*\.sw[a-z]|4913|.*___jb_(?:tmp|old)___|\.goutputstream-.*|\..*\.kate-swp|\.nfs[0-9a-f]+"
)


def is_transient(name: str) -> bool:
    """Whether an editor (or NFS) makes files of that name while it works."""
    return _TRANSIENT.fullmatch(name) is not None


def skips_directory(name: str) -> bool:
    """Whether directories of that name are never looked into: `.git`, and a ConfigMap's `..data`."""
    return name.startswith(".")


class Rules:
    """The rules that hold in a directory: its own .froyoignore, and those of the directories above it.

    Args:
        prefix: path of the directory relative to the root, with a slash at its end; "" for the root.
        text: of its .froyoignore.
        above: the rules of the directory that holds it.
    """

    __slots__ = ("above", "prefix", "spec")

    def __init__(self, prefix: str, text: str, above: Rules | None) -> None:
        from pathspec import GitIgnoreSpec

        self.prefix = prefix
        self.above = above
        self.spec: Any = GitIgnoreSpec.from_lines(text.splitlines())

    def ignores(self, path: str, *, directory: bool) -> bool:
        """Whether a path, relative to the root, is ignored. The nearest file that speaks of it decides."""
        rules: Rules | None = self
        while rules is not None:
            below = path.removeprefix(rules.prefix)
            decision: bool | None = rules.spec.check_file(below + "/" if directory else below).include
            if decision is not None:
                return decision
            rules = rules.above
        return False
