"""Events, a line each: when, to what, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.api import times
from reconciler.cli.phrases import without_name
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line

Document = dict[str, Any]

_GOOD = frozenset({"Repaired", "Created", "Updated", "Removed", "Recovered", "Connected", "SourceReady"})


def event_line(screen: Terminal, event: Document, *, now: float, width: int = 0) -> str:
    """An event in one line.

    Args:
        screen: where it is printed to.
        event: a document.
        now: seconds since the epoch.
        width: columns for the object, so that messages stand below each other.
    """
    warning = event["type"] == "Warning"
    sign = screen.paint("bad", "✘") if warning else screen.paint("good", "✔") if good(event) else "·"
    when = times.clock(event["at"], now=now)
    name = one_line(event["object"])
    message = without_name(event["object"].removeprefix("Target/"), event["message"])
    message = one_line(message)
    style = "bad" if warning else "bold"
    return (
        f"{screen.paint('dim', when)} {sign} {screen.paint(style, f'{name:<{width}}')}  "
        f"{message}{_aside(screen, event)}"
    )


def good(event: Document) -> bool:
    """Whether an event says that something is right now."""
    return event["reason"] in _GOOD


def _aside(screen: Terminal, event: Document) -> str:
    """What `-v` adds: the reason and the cause."""
    if not screen.verbose:
        return ""
    cause = f", {event['cause']}" if event.get("cause") else ""
    return "  " + screen.paint("dim", f"[{event['reason']}{cause}]")


def event_block(screen: Terminal, event: Document, *, now: float, width: int = 0) -> list[str]:
    """An event, and below it the problems of a source, which are what one wants to see."""
    problems = event.get("data", {}).get("problems", ())
    return [
        event_line(screen, event, now=now, width=width),
        *(f"    {screen.paint('bad', one_line(problem))}" for problem in problems),
    ]


def event_lines(screen: Terminal, events: Sequence[Document], *, now: float) -> list[str]:
    """Events, their messages below each other."""
    most = 36 if screen.width is None else min(36, screen.width // 3)
    width = min(most, max((len(one_line(event["object"])) for event in events), default=0))
    return [line for event in events for line in event_block(screen, event, now=now, width=width)]
