"""Which programs the CUE of a source has: its packages, directory by directory, told from how their files begin.

The compiler finds out the same from the same files; here it is known without it, at each look at a source, so that one
in which nothing is new costs reading alone. What each file begins with is kept by the digest of its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.documents.text import FileText
from reconciler.model.names import Digest
from reconciler.model.source import Snapshot, SnapshotFile

_SKIPPED = re.compile(r'(?:[\s,]+|//[^\n]*|@\w+\((?:[^()"]|"(?:\\.|[^"\\])*"|\([^()]*\))*\))*')
_CLAUSE = re.compile(r"package[ \t]+([\w$#]+)")
_KEPT = 4096


@dataclass(frozen=True, slots=True)
class CueProgram:
    """One package of one directory, or a file without a package.

    Attributes:
        name: what the compiler calls it.
        files: its own, in order; the first stands for it.
    """

    name: str
    files: tuple[str, ...]

    @property
    def path(self) -> str:
        """The file that stands for it."""
        return self.files[0]


class Clauses:
    """Remembers of which packages files are."""

    def __init__(self) -> None:
        self._known: dict[Digest, str] = {}

    def of(self, file: SnapshotFile) -> str:
        """The name of a file's package; "" where it is of none.

        Raises:
            SnapshotGone: the file cannot be had any more.
        """
        known = self._known.get(file.digest)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            text = file.read().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
            known = self._known[file.digest] = package_of(text)
        return known


def package_of(text: str) -> str:
    """The package that a file says it is of; "" where it says none."""
    start = _SKIPPED.match(text)
    clause = _CLAUSE.match(text, start.end() if start else 0)
    return "" if clause is None or clause[1] == "_" else clause[1]


def is_cue(path: str) -> bool:
    """Whether a file is a part of a program: no tool or test, no module's own, and nothing that is set aside."""
    if not path.endswith(".cue") or path.endswith(("_tool.cue", "_test.cue")):
        return False
    return not any(part == "cue.mod" or part.startswith(("_", ".")) for part in path.split("/"))


def programs_of(snapshot: Snapshot, paths: Iterable[str], clauses: Clauses) -> list[CueProgram]:
    """The programs of a source, in order of their files."""
    packages: dict[str, list[str]] = {}
    for path in paths:
        if is_cue(path):
            package = clauses.of(snapshot.files[path])
            directory = path.rpartition("/")[0] or "."
            packages.setdefault(f"{directory}:{package}" if package else path, []).append(path)
    return [CueProgram(name, tuple(files)) for name, files in packages.items()]


def sent(texts: Mapping[str, FileText]) -> dict[str, str]:
    """Files as a request has them."""
    return {path: text.text for path, text in texts.items()}
