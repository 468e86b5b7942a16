"""What goes on, while it goes on: a live tree of targets and units in a terminal, plain lines elsewhere.

Invariants: it leaves no trace on the terminal once it is over, however it ends, and is never higher than the terminal.
What is quick shows nothing, and Rich is imported only for what is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reconciler.cli.here import from_here
from reconciler.cli.phrases import count
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line
from reconciler.engine.round.progress import Progress
from reconciler.model.names import Address, TargetName, split_address

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from reconciler.app.evaluating import Evaluated

PATIENCE = 0.4
"""Seconds after which a terminal shows what goes on."""
PLAIN_PATIENCE = 1.0
"""Seconds after which a pipe is told."""
FRAME = 0.1

UNITS = 5
"""Units under way that are named below a target at most: a person reads no more of what changes all the time."""
MARGIN = 4
"""Lines of the terminal that stay free: what stands above is what one came from."""

APPLYING, PLANNING = "applying", "planning"
"""What may be going on as a whole."""

_Line = tuple[str, str, str, str]
_FINISHED = ("done", "failed")
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(slots=True)
class _Row:
    """A target.

    Attributes:
        step: what it is at.
        number: of instances that the step is about; in the end, of those that were changed.
        total: of instances that are declared on it.
        under_way: instances that the step is about and that nothing was concluded about yet, in order.
        ended: instances that something was concluded about.
        told: what was said of it, where that is lines: a walk comes to the same step many times.
    """

    step: str = ""
    number: int = 0
    total: int = 0
    under_way: dict[Address, None] = field(default_factory=dict)
    ended: set[Address] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    @property
    def finished(self) -> bool:
        return self.step in _FINISHED


class LiveProgress(Progress):
    """Shows what goes on until the context ends.

    Args:
        screen: what the command prints to; this goes to its `err`.
        doing: what is done: APPLYING or PLANNING.
    """

    def __init__(self, screen: Terminal, doing: str) -> None:
        self._screen = screen
        self._doing = doing
        self._rows: dict[TargetName, _Row] = {}
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._live: Live | None = None
        self._animated = screen.interactive and screen.err.isatty() and not screen.quiet

    def step(self, target: TargetName, step: str, instances: Collection[Address]) -> None:
        """A target goes on to something."""
        row = self._rows.setdefault(target, _Row())
        row.step, row.number = step, len(instances)
        if step == "connecting":
            row.total = len(instances)
        row.under_way = {} if step in ("connecting", *_FINISHED) else dict.fromkeys(instances)
        late = time.monotonic() - self._began > PLAIN_PATIENCE
        told = self._told(row)
        news = told if self._screen.verbose else step
        if not self._animated and (late or self._screen.verbose) and news not in row.told:
            row.told.add(news)
            self.notice(f"{one_line(target)}: {told}")

    def ended(self, address: Address) -> None:
        """Something was concluded about an instance."""
        row = self._rows.get(split_address(address)[0])
        if row is not None:
            row.under_way.pop(address, None)
            row.ended.add(address)

    def notice(self, text: str) -> None:
        """Something that takes long, for a person to see."""
        if not self._screen.quiet:
            self._screen.note(text)

    def tell(self, evaluated: Evaluated) -> None:
        """What a person should know of a source that was read, although it counts."""
        for warning in evaluated.desired.warnings:
            self.notice(f"warning: {one_line(from_here(warning))}")
        for told in evaluated.notices:
            self.notice(one_line(told))

    async def __aenter__(self) -> Self:
        if self._animated:
            self._task = asyncio.create_task(self._animate(), name="progress")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._live is not None:
            self._live.stop()

    async def _animate(self) -> None:
        await asyncio.sleep(PATIENCE)
        from rich.console import Console
        from rich.live import Live

        console = Console(
            file=self._screen.err,
            no_color=not self._screen.colour,
            force_terminal=True,
            highlight=False,
            safe_box=True,
        )
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()
        while True:
            self._live.update(self.tree(time.monotonic() - self._began), refresh=True)
            await asyncio.sleep(FRAME)

    def tree(self, seconds: float) -> Text:
        """How it looks after so many seconds: a line for all, one for each target that there is room for, its units."""
        from rich.text import Text

        finished = sum(row.finished for row in self._rows.values())
        spinner = _SPINNER if self._screen.unicode else "|/-\\"
        head = spinner[int(seconds / FRAME) % len(spinner)]
        title = f"{head} {self._doing}: {finished} of {count(len(self._rows), 'target')}"
        total = sum(row.total for row in self._rows.values())
        if total:
            title += f", {self._settled():,} of {count(total, 'instance')}"
        tree = Text(self._screen.plain(f"{title}, {seconds:.1f} s"), overflow="ellipsis", no_wrap=True)
        for rail, name, told, style in self._lines(max(2, self._screen.height - MARGIN)):
            tree.append(self._screen.plain(f"\n{rail}"), style=self._style("dim"))
            tree.append(name, style=self._style("bold" if told else ""))
            tree.append(self._screen.plain(told), style=self._style(style))
        return tree

    def _settled(self) -> int:
        """Instances that need no more of one's patience."""
        return sum(row.total if row.step == "done" else len(row.ended) for row in self._rows.values())

    def _style(self, style: str) -> str:
        return style if self._screen.colour else ""  # NO_COLOR is about bold and dim, too

    def _lines(self, room: int) -> Iterator[_Line]:
        """The lines below the first, `room` of them at most: what leads there, a name, what is said of it, a style."""
        # What is still going on comes first: that is what one waits for.
        rows = sorted(self._rows.items(), key=lambda item: item[1].finished)
        shown = rows if len(rows) <= room else rows[: room - 1]
        busy = sum(bool(row.under_way) for _, row in shown)
        each = min(UNITS, (room - len(rows)) // busy) if busy and len(rows) < room else 0
        for index, (name, row) in enumerate(shown, start=1):
            last = index == len(rows)
            style = {"done": "green", "failed": "red"}.get(row.step, "cyan")
            yield "└─ " if last else "├─ ", one_line(name), f"  {self._told(row)}", style
            yield from _units(row, "   " if last else "│  ", each)
        if len(rows) > len(shown):
            yield "└─ ", "", f"… and {count(len(rows) - len(shown), 'more target')}", "dim"

    def _told(self, row: _Row) -> str:
        """What a target is at, and how far."""
        if row.step == "done":
            changes = "to change" if self._doing == PLANNING else "changed"
            return f"done, {row.number:,} {changes}" if row.number else "done, as declared"
        if row.step in ("failed", "connecting"):
            return row.step
        if row.number == row.total or not row.total:
            return f"{row.step} {count(row.number, 'instance')}"
        return f"{row.step} {row.number:,} of {count(row.total, 'instance')}"


def _units(row: _Row, rail: str, room: int) -> Iterator[_Line]:
    """The units of a target that are under way, as many as there is room for."""
    if not row.under_way or room < 1:
        return
    names = [one_line(split_address(address)[1]) for address in row.under_way]
    shown = names if len(names) <= room else names[: room - 1]
    for index, name in enumerate(shown, start=1):
        yield f"{rail}{'└─' if index == len(names) else '├─'} ", name, "", ""
    if left := len(names) - len(shown):
        yield f"{rail}└─ ", "", f"… and {left:,} more" if shown else count(left, "instance"), "dim"
