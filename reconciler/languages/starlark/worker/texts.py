"""A module's text with some of it written otherwise, and where each place of that stood before.

Invariant: lines stay what they are, so a place is known by its line, and only its column has to be found.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

Place = tuple[int, int]
"""Line and column, 1-based, in characters, as Starlark counts them."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Something that is written otherwise.

    Attributes:
        start: where it begins: line, 1-based, and column, 0-based and in bytes, as Python's trees have them.
        rank: of those that begin at one place, the lower is written first.
        end: where it ends.
        text: what is written instead.
        of: the place of the program that all of it stands for.
    """

    start: tuple[int, int]
    rank: tuple[int, ...]
    end: tuple[int, int]
    text: str
    of: Place


@dataclass(slots=True)
class WrittenModule:
    """What is written.

    Attributes:
        text: the module, as it is given to Starlark.
        columns: of each line that is not what it was, what stands from which column on: either a place that all of it
            stands for, or the column where it stood.
    """

    text: str
    columns: dict[int, list[tuple[int, Place | int]]] = field(default_factory=dict)

    def place(self, line: int, column: int) -> Place:
        """Where in the program a place of the text stands."""
        known = self.columns.get(line)
        if known is None:
            return line, column
        at = bisect_right(known, column, key=lambda one: one[0]) - 1
        if at < 0:
            return line, column
        begin, stood = known[at]
        return stood if isinstance(stood, tuple) else (line, stood + column - begin)


def character(line: bytes, column: int) -> int:
    """The 1-based column in characters of one in bytes, 0-based."""
    return len(line[:column].decode(errors="replace")) + 1


def written(text: str, edits: list[Edit]) -> WrittenModule:
    """A text with some of it written otherwise. What is, overlaps nothing else that is."""
    lines = [line.encode() for line in text.split("\n")]
    pieces: list[str] = []
    result = WrittenModule("")
    line, column = 1, 0  # up to where it has been taken over
    out = 1  # the column of what comes next

    def take(until: tuple[int, int]) -> None:
        nonlocal line, column, out
        while line < until[0]:
            pieces.append(lines[line - 1][column:].decode(errors="surrogateescape") + "\n")
            line, column, out = line + 1, 0, 1
        if column < until[1]:
            piece = lines[line - 1][column : until[1]].decode(errors="surrogateescape")
            pieces.append(piece)
            column, out = until[1], out + len(piece)

    for edit in sorted(edits):
        take(edit.start)
        result.columns.setdefault(line, []).append((out, edit.of))
        pieces.append(edit.text)
        breaks = edit.text.count("\n")
        out = out + len(edit.text) if not breaks else len(edit.text) - edit.text.rfind("\n")
        line, column = edit.end
        stands = character(lines[line - 1], column)
        result.columns.setdefault(line, []).append((out, stands))
    take((len(lines), len(lines[-1])))
    result.text = "".join(pieces)
    return result
