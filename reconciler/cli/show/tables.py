"""Tables: columns as wide as what is in them, the last one cut where the terminal ends."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from reconciler.cli.terminal import Terminal

GAP = 3
"""Columns between two columns."""

LEAST = 12
"""Columns below which a sentence is not worth its place."""

Cell = tuple[str, str]
"""A style, or "", and a text."""


def table(screen: Terminal, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """The lines of a table, with its header.

    In a terminal that is too narrow the last column is cut, then left out; then the widest ones are cut.
    """
    texts = [[screen.fit(text) for _, text in row] for row in rows]
    widths = [
        max([columns(title), *(columns(row[index]) for row in texts)]) for index, title in enumerate(header)
    ]
    if screen.width is not None:
        left = screen.width - sum(widths[:-1]) - GAP * (len(widths) - 1)
        if left < min(LEAST, widths[-1]):
            header, widths = header[:-1], widths[:-1]
        else:
            widths[-1] = min(widths[-1], left)
        _narrow(widths, screen.width)
    lines = [screen.paint("dim", _row(list(header), widths))]
    for row, shown in zip(rows, texts, strict=True):
        cells = [
            screen.paint(style, _pad(text, width)) if style else _pad(text, width)
            for (style, _), text, width in zip(row, shown, widths, strict=False)
        ]
        lines.append((" " * GAP).join(cells).rstrip())
    return lines


def columns(text: str) -> int:
    """How many columns a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _narrow(widths: list[int], room: int) -> None:
    """Take from the widest columns what does not fit, down to where nothing could be read any more."""
    while sum(widths) + GAP * (len(widths) - 1) > room:
        widest = max(range(len(widths)), key=lambda index: (widths[index], index))
        if widths[widest] <= 8:
            return
        widths[widest] -= 1


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
