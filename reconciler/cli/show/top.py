"""What `froyo top` shows: targets, what is being done, drift, and what happens, live.

Textual is imported with this module, and this module by that command alone. Invariant: what comes from a target or a
manifest is shown as text and never as markup, and the screen asks for nothing while nothing changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, RichLog, Static
from textual.worker import Worker, get_current_worker

from reconciler.api import times
from reconciler.cli.phrases import count
from reconciler.core.visible import one_line
from reconciler.errors import FroyoError

Document = dict[str, Any]

EVENTS = 200
"""Events that are shown at first."""

SLICE = 0.25
"""Seconds after which whoever waits for news sees that he need not any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How everything is at one moment.

    Attributes:
        status: a `Status`.
        events: what has happened since the last look, oldest first.
        work: what is measured, by name.
    """

    status: Document
    events: list[Document] = field(default_factory=list)
    work: Mapping[str, float] = field(default_factory=dict)


class Top(App[str]):
    """See the module. What `run` returns is why it ended by itself, or None.

    Args:
        look: how everything is, and what has happened behind the event of that id.
        news: whether anything has changed, as soon as it has, and within so many seconds.
        every: seconds after which it is looked all the same.
    """

    CSS = """
    #how { height: auto; padding: 0 1; background: $boost; }
    #targets, #waiting { width: 1fr; border: round $primary; }
    #events { border: round $primary; height: 1fr; }
    #tables { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "End")]
    TITLE = "froyo top"

    def __init__(self, look: Callable[[int], Seen], news: Callable[[float], bool], *, every: float) -> None:
        super().__init__()
        self._look = look
        self._news = news
        self._every = every
        self._last = 0

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield Static(id="how")
        with Vertical():
            with Horizontal(id="tables"):
                yield DataTable[Text](id="targets", cursor_type="row", zebra_stripes=True)
                yield DataTable[Text](id="waiting", cursor_type="row", zebra_stripes=True)
            yield RichLog(id="events", wrap=True, max_lines=1000)
        yield Footer()

    def on_mount(self) -> None:
        """Begin to look."""
        targets, waiting = self.query_one("#targets", DataTable), self.query_one("#waiting", DataTable)
        targets.border_title, waiting.border_title = "Targets", "Not as declared"
        self.query_one("#events").border_title = "What happens"
        targets.add_columns("TARGET", "SESSION", "RESOURCES", "SEEN")
        waiting.add_columns("RESOURCE", "REASON", "MESSAGE")
        self.run_worker(self._follow, thread=True, exclusive=True)

    def _follow(self) -> None:
        worker = get_current_worker()
        while not worker.is_cancelled:
            try:
                seen = self._look(self._last)
                if not worker.is_cancelled:
                    self.call_from_thread(self.show, seen)
                self._wait(worker)
            except FroyoError as error:
                if not worker.is_cancelled:
                    self.call_from_thread(self.exit, str(error), 1)
                return

    def _wait(self, worker: Worker[Any]) -> None:
        until = time.monotonic() + self._every
        while not worker.is_cancelled and time.monotonic() < until:
            if self._news(SLICE):
                return

    def show(self, seen: Seen) -> None:
        """Show how everything is now."""
        now = time.time()
        self.query_one("#how", Static).update(how(seen))
        _fill(
            self.query_one("#targets", DataTable),
            [
                (
                    view["name"],
                    session(view, now=now),
                    str(view["instances"]),
                    times.age(view["lastSeen"], now=now),
                )
                for view in seen.status["targets"]
            ],
        )
        _fill(
            self.query_one("#waiting", DataTable),
            [(view["address"], view["reason"], view["message"]) for view in seen.status["notReady"]],
        )
        log = self.query_one("#events", RichLog)
        for event in seen.events:
            self._last = max(self._last, event["id"])
            style = (
                "yellow" if event["type"] == "Warning" else "cyan" if event.get("cause") == "drift" else ""
            )
            line = f"{event['at'][11:19]} {event['reason']:<14} {event['object']}  {event['message']}"
            log.write(Text(one_line(line), style=style))


def how(seen: Seen) -> Text:
    """How everything is, in two lines."""
    status, work = seen.status, seen.work
    ready, every = status["ready"], status["instances"]
    text = Text()
    text.append(f"{ready} of {count(every, 'resource')} ready", style="green" if ready == every else "red")
    sources = (f"{one_line(one['name'])} at {one_line(one['revision'] or '-')}" for one in status["sources"])
    text.append("   " + ", ".join(sources))
    for name, trouble in status["problems"].items():
        text.append(f"\n{one_line(name)}: {one_line(trouble)}", style="bold red")
    parts = (
        f"{work.get(name, 0.0):.0f} {said}"
        for name, said in (
            ("froyo_active_workers", "rounds under way"),
            ("froyo_workqueue_depth", "waiting"),
            ("froyo_reconcile_total", "done"),
            ("froyo_reconcile_errors_total", "failed"),
            ("froyo_drift_total", "drifted"),
        )
    )
    number = work.get("froyo_drift_latency_seconds_count", 0.0)
    text.append("\n" + "   ".join(parts))
    if number:
        mean = work["froyo_drift_latency_seconds_sum"] / number
        text.append(f"   right again in {mean * 1000:.0f} ms on average")
    return text


def session(view: Document, *, now: float) -> str:
    """Since when there is a session, or why there is none."""
    if view.get("connectedSince"):
        return f"for {times.age(view['connectedSince'], now=now)}"
    return next((one["message"] for one in view["conditions"] if one["type"] == "Ready"), "not yet")


def _fill(table: DataTable[Text], rows: list[tuple[str, ...]]) -> None:
    at = table.scroll_offset
    table.clear()
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    table.scroll_to(at.x, at.y, animate=False)
