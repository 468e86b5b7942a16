"""Tables: columns as wide as what is in them; where the terminal is too narrow, fewer of them.

Invariants: without a terminal nothing is cut and nothing left out. The column that names what a row is about is whole
wherever it is shown: it is what people copy.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line

GAP = 3
"""Columns between two columns."""

LEAST = 12
"""Columns below which a sentence is not worth its place."""

Cell = tuple[str, str]
"""A style, or "", and a text."""


def table(
    screen: Terminal, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, key: int = 0
) -> list[str]:
    """The lines of a table, with its header.

    In a terminal that is too narrow the last column is cut, and then columns are left out, the last ones first.

    Args:
        screen: where it is printed to.
        header: the title of each column.
        rows: their cells.
        key: the column that names what a row is about. It is never left out nor cut: half a name is none.
    """
    texts = [
        [one_line(text) if index == key else screen.fit(text) for index, (_, text) in enumerate(row)]
        for row in rows
    ]
    widths = [
        max([columns(title), *(columns(row[index]) for row in texts)]) for index, title in enumerate(header)
    ]
    shown = list(range(len(header)))
    if screen.width is not None:
        shown = _fitting(widths, screen.width, key)
    lines = [
        screen.paint("dim", _row([header[index] for index in shown], [widths[index] for index in shown]))
    ]
    for row, told in zip(rows, texts, strict=True):
        cells = [
            screen.paint(row[index][0], _pad(told[index], widths[index]))
            if row[index][0]
            else _pad(told[index], widths[index])
            for index in shown
        ]
        lines.append((" " * GAP).join(cells).rstrip())
    return lines


def _fitting(widths: list[int], room: int, key: int) -> list[int]:
    """The columns that there is room for; the last one of them is made narrower where that is enough."""
    shown = list(range(len(widths)))
    while len(shown) > 1 and (over := sum(widths[i] for i in shown) + GAP * (len(shown) - 1) - room) > 0:
        last = shown[-1]
        if last == len(widths) - 1 and last != key and widths[last] - over >= LEAST:
            widths[last] -= over
            break
        shown.remove(max(index for index in shown if index != key))
    return shown


def columns(text: str) -> int:
    """How many columns a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(_pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _pad(text: str, width: int) -> str:
    taken = columns(text)
    if taken <= width:
        return text + " " * (width - taken)
    kept, taken = "", 0
    for character in text:
        if taken + _columns(character) > width - 1:
            break
        kept, taken = kept + character, taken + _columns(character)
    return kept + "…" + " " * (width - 1 - taken)
