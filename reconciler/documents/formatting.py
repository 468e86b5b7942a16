"""YAML as it is laid out here: two spaces a level, lists below their key, one space behind a dash.

Invariant: only white space changes, and what is declared does not: every key, value, comment, quote and anchor stays
what it is, in its order. That is seen to before anything is handed out, by comparing what a parser says of both; a file
of which that cannot be said is not laid out otherwise.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

STEP = 2
_DASHES = re.compile(r"(?:-(?:[ ]+|$))+")
_INDICATED = re.compile(r"[|>][-+]?[1-9]")
_MARKER = re.compile(r"(?:---|\.\.\.)(?:[ ]|$)")
_NAMES = ("value", "tag", "anchor", "implicit", "style", "flow_style", "explicit")


class CannotFormat(Exception):
    """A text whose layout stays as it is, with why."""


@dataclass(slots=True)
class _Block:
    """A mapping or a list that is written on lines of its own.

    Attributes:
        first: its first line.
        last: its last one, or the one after it.
        column: where its keys or dashes stand.
        wanted: where they are to stand.
        listed: whether it is a list.
    """

    first: int
    last: int
    column: int
    wanted: int
    listed: bool


@dataclass(slots=True)
class _Layout:
    """What is known of lines.

    Attributes:
        blocks: by column, in order.
        moved: of a line that goes on with what began before, how far it is moved.
        texts: of a line of a block scalar, how far it is moved.
    """

    blocks: dict[int, list[_Block]] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)
    texts: dict[int, int] = field(default_factory=dict)

    def of(self, line: int, column: int, *, listed: bool) -> _Block | None:
        """The block whose key or dash begins a line."""
        known = self.blocks.get(column, [])
        at = bisect_right(known, line, key=lambda one: one.first)
        found = (one for one in reversed(known[:at]) if one.listed == listed)
        return next((one for one in found if line <= one.last), None)


def formatted(text: str) -> str:
    """A YAML text as it is laid out here.

    Raises:
        CannotFormat: it is no YAML, or so unusual that it stays as it is.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    before = _events(text)
    lines = text.split("\n")
    made = "\n".join(_spaced(_written(lines, _layout(before, lines)))) + "\n"
    if _meaning(before) != _meaning(_events(made)) or "".join(made.split()) != "".join(text.split()):
        raise CannotFormat("what it says would not be the same afterwards")
    return made


def _events(text: str) -> list[Any]:
    """What a parser says; the events have no types of their own that know of places."""
    parser = CParser(text)
    found: list[Any] = []
    try:
        while not isinstance(event := parser.get_event(), StreamEndEvent):
            found.append(event)
    except yaml.YAMLError as error:
        raise CannotFormat("it is no YAML") from error
    return found


def _meaning(events: list[Any]) -> list[tuple[Any, ...]]:
    """What a parser says, but for places."""
    return [(type(event), *(getattr(event, name, None) for name in _NAMES)) for event in events]


def _layout(events: list[Any], lines: list[str]) -> _Layout:
    layout = _Layout()
    above: list[_Block] = []
    flow = began = 0
    for number, event in enumerate(events):
        first, last = event.start_mark.line, event.end_mark.line
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            if flow or event.flow_style:
                if not flow:
                    began = first
                flow += 1
                continue
            wanted = above[-1].wanted + STEP if above else 0
            listed = isinstance(event, SequenceStartEvent)
            first, column = _begins(events, number, lines) if event.anchor or event.tag else _place(event)
            block = _Block(first, len(lines), column, wanted, listed)
            above.append(block)
            layout.blocks.setdefault(block.column, []).append(block)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            if not flow:
                above.pop().last = first
                continue
            flow -= 1
            if not flow:
                _goes_on(layout, began, last, above)
        elif isinstance(event, ScalarEvent) and not flow:
            if event.style in {"|", ">"}:
                _text(layout, event, lines, above)
            else:
                _goes_on(layout, first, last, above)
    return layout


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line, event.start_mark.column


def _begins(events: list[Any], number: int, lines: list[str]) -> tuple[int, int]:
    """Where the first key or dash is of a block that an anchor or a tag stands before."""
    if not isinstance(events[number], SequenceStartEvent):
        return _place(events[number + 1])
    for line in range(events[number].start_mark.line + 1, len(lines)):
        text = lines[line].lstrip(" ")
        if text and not text.startswith("#"):
            return line, len(lines[line]) - len(text)
    raise CannotFormat("a list begins in a way that is not understood")


def _goes_on(layout: _Layout, first: int, last: int, above: list[_Block]) -> None:
    """What begins on one line ends on another one."""
    by = above[-1].wanted - above[-1].column if above else 0
    layout.moved.update(dict.fromkeys(range(first + 1, last + 1), by))


def _text(layout: _Layout, event: Any, lines: list[str], above: list[_Block]) -> None:
    """A block scalar: what is in it keeps its own layout."""
    if not above:
        raise CannotFormat("a document is a text")
    first = event.start_mark.line
    last = event.end_mark.line + (event.end_mark.column > 0)
    by = above[-1].wanted - above[-1].column
    if not _INDICATED.match(lines[first][event.start_mark.column :]):
        filled = [line for line in lines[first + 1 : last] if line.strip()]
        base = len(filled[0]) - len(filled[0].lstrip(" ")) if filled else 0
        by = above[-1].wanted + STEP - base
    layout.texts.update(dict.fromkeys(range(first + 1, min(last, len(lines))), by))


def _written(lines: list[str], layout: _Layout) -> Iterator[tuple[str, bool]]:
    """Each line as it is to be, and whether it belongs to a text."""
    comments: list[tuple[int, str]] = []
    last: tuple[int, int] = (0, 0)
    for number, line in enumerate(lines):
        bare = line.strip(" ")
        column = len(line) - len(line.lstrip(" "))
        if (by := layout.texts.get(number)) is not None:
            yield _moved(line, column, by), True
        elif not bare:
            if comments:
                comments.append((-1, ""))
            else:
                yield "", False
        elif (by := layout.moved.get(number)) is not None:
            yield " " * max(column + by, 0) + line.strip(), False
        elif bare.startswith("#"):
            comments.append((column, bare.rstrip()))
        else:
            last, text = _structure(number, line, column, layout, last)
            yield from _comments(comments, last, layout, number)
            comments = []
            yield text, False
    yield from _comments(comments, last, layout, len(lines))


def _structure(
    number: int, line: str, column: int, layout: _Layout, last: tuple[int, int]
) -> tuple[tuple[int, int], str]:
    """A line with a key, a dash, or a mark between documents; where it stood and is to stand."""
    bare = line.strip()
    if not column and _MARKER.match(line):
        return (0, 0), bare
    dashes = _DASHES.match(line, column)
    block = layout.of(number, column, listed=dashes is not None)
    if block is None:
        if layout.blocks:
            raise CannotFormat(f"line {number + 1} is laid out in a way that is not understood")
        return last, bare
    if dashes is not None:
        count = dashes.group().count("-")
        bare = ("- " * count + line[dashes.end() :].strip()).rstrip()
    return (column, block.wanted), " " * block.wanted + bare


def _comments(
    comments: list[tuple[int, str]], following: tuple[int, int], layout: _Layout, number: int
) -> Iterator[tuple[str, bool]]:
    """Comments before a line: where that is to stand if they stood there, else with the block that they stood in."""
    stood, wanted = following
    for column, text in comments:
        if column < 0:
            yield "", False
            continue
        at = wanted if column == stood else None
        if at is None:
            around = [layout.of(number - 1, column, listed=listed) for listed in (False, True)]
            at = next((one.wanted for one in around if one is not None), wanted)
        yield " " * at + text, False


def _moved(line: str, column: int, by: int) -> str:
    """A line of a text; of one that is white space only what is more than its indentation counts."""
    if not line.strip(" "):
        return " " * max(column + by, 0) if column else ""
    return " " * max(column + by, 0) + line[column:]


def _spaced(lines: Iterator[tuple[str, bool]]) -> Iterator[str]:
    """No more than one empty line after another, and none at the beginning and the end, but in texts."""
    waiting = 0
    begun = False
    for line, text in lines:
        if not line and not text:
            waiting += 1
            continue
        if waiting and begun:
            yield ""
        waiting, begun = 0, True
        yield line
