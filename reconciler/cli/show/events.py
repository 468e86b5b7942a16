"""Events: when, to what, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.here import from_here
from reconciler.cli.phrases import DRIFT, without_name
from reconciler.cli.show.plans import named
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line

Document = dict[str, Any]

MESSAGE = 32
"""Columns without which a message goes below its event."""
INDENT = "    "

_GOOD = frozenset(
    {
        "Repaired",
        "Created",
        "Updated",
        "Removed",
        "Restored",
        "Refreshed",
        "Recovered",
        "Connected",
        "SourceReady",
    }
)


def event_block(screen: Terminal, event: Document, *, now: float, width: int = 0) -> list[str]:
    """An event: a line, or as many as its message needs in a narrow terminal; below, the problems of a source.

    Args:
        screen: where it is printed to.
        event: a document.
        now: seconds since the epoch.
        width: columns for the object, so that messages stand below each other.
    """
    problems = event.get("data", {}).get("problems", ())
    lines = _lines(screen, event, now=now, width=width)
    return [
        *lines,
        *(f"    {screen.paint('bad', one_line(from_here(problem)))}" for problem in problems),
    ]


def _lines(screen: Terminal, event: Document, *, now: float, width: int) -> list[str]:
    warning = event["type"] == "Warning"
    sign = _sign(screen, event)
    when = times.clock(event["at"], now=now)
    name = _name(event)
    message = one_line(without_name(event["object"].removeprefix("Target/"), event["message"]))
    style = "bad" if warning else "bold"
    head = f"{screen.paint('dim', when)} {sign} {screen.paint(style, f'{name:<{width}}')}"
    begin = len(when) + 3 + max(width, len(name)) + 2
    aside = screen.paint("dim", _aside(screen, event))
    if screen.width is not None and screen.width - begin < MESSAGE:
        return [head, *(f"{INDENT}{line}" for line in _told(screen, message, aside, len(INDENT)))]
    first, *rest = _told(screen, message, aside, begin)
    return [f"{head}  {first}", *(" " * begin + line for line in rest)]


def _told(screen: Terminal, message: str, aside: str, begin: int) -> list[str]:
    """A message in lines that break between words, behind `begin` columns."""
    *lines, last = screen.wrapped(message, by=begin)
    return [*lines, f"{last}  {aside}" if aside else last]


def _name(event: Document) -> str:
    return named(event["object"], event.get("data", {}))


def _sign(screen: Terminal, event: Document) -> str:
    """What kind of news it is; drift that was put back has a sign of its own, here as in plans."""
    if event["type"] == "Warning":
        return screen.paint("bad", "✘")
    if event["reason"] == "Repaired":
        return screen.paint("good", DRIFT)
    return screen.paint("good", "✔") if good(event) else "·"


def good(event: Document) -> bool:
    """Whether an event says that something is right now."""
    return event["reason"] in _GOOD


def _aside(screen: Terminal, event: Document) -> str:
    """What `-v` adds: the reason and the cause."""
    if not screen.verbose:
        return ""
    cause = f", {event['cause']}" if event.get("cause") else ""
    return f"[{event['reason']}{cause}]"


def event_lines(screen: Terminal, events: Sequence[Document], *, now: float) -> list[str]:
    """Events, their messages below each other."""
    most = 48 if screen.width is None else min(48, screen.width // 2)
    width = min(most, max((len(_name(event)) for event in events), default=0))
    return [line for event in events for line in event_block(screen, event, now=now, width=width)]
