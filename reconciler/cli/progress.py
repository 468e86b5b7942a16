"""What goes on, while it goes on: a live tree of targets in a terminal, plain lines elsewhere, nothing if it is quick.

Invariant: it leaves no trace on the terminal once it is over, however it ends; Rich is imported only when there is
something to show for longer than a blink.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reconciler.cli.phrases import count
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import visible
from reconciler.model.names import TargetName

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

PATIENCE = 0.4
"""Seconds after which a terminal shows what goes on."""
PLAIN_PATIENCE = 1.0
"""Seconds after which a pipe is told."""
FRAME = 0.1

_FINISHED = ("done", "failed")
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


@dataclass(slots=True)
class _Row:
    step: str
    number: int


class Progress:
    """Shows what goes on until the context ends.

    Args:
        screen: what the command prints to; this goes to its `err`.
        doing: what is done, such as "applying".
    """

    def __init__(self, screen: Terminal, doing: str) -> None:
        self._screen = screen
        self._doing = doing
        self._rows: dict[TargetName, _Row] = {}
        self._began = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self._live: Live | None = None
        self._animated = screen.interactive and screen.err.isatty() and not screen.quiet

    def step(self, target: TargetName, step: str, number: int) -> None:
        """A target goes on to something."""
        self._rows[target] = _Row(step, number)
        late = time.monotonic() - self._began > PLAIN_PATIENCE
        if not self._animated and not self._screen.quiet and (late or self._screen.verbose):
            self._screen.note(f"{visible(target)}: {_told(step, number)}")

    def notice(self, text: str) -> None:
        """Something that takes long, for a person to see."""
        if not self._screen.quiet:
            self._screen.note(text)

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
        """How it looks after so many seconds: a line for all, and one for each target that there is room for."""
        from rich.text import Text

        finished = sum(row.step in _FINISHED for row in self._rows.values())
        spinner = _SPINNER if self._screen.unicode else "|/-\\"
        head = spinner[int(seconds / FRAME) % len(spinner)]
        title = f"{head} {self._doing}: {finished} of {count(len(self._rows), 'target')}, {seconds:.1f} s"
        tree = Text(self._screen.plain(title), overflow="ellipsis", no_wrap=True)
        room = max(2, self._screen.height - 4)
        # What is still going on comes first: that is what one waits for.
        rows = sorted(self._rows.items(), key=lambda item: item[1].step in _FINISHED)
        # NO_COLOR is about bold and dim, too.
        rail, bold = ("dim", "bold") if self._screen.colour else ("", "")
        for index, (name, row) in enumerate(rows[:room], start=1):
            tree.append(self._screen.plain("\n└─ " if index == len(rows) else "\n├─ "), style=rail)
            tree.append(visible(name), style=bold)
            style = {"done": "green", "failed": "red"}.get(row.step, "cyan")
            tree.append(f"  {_told(row.step, row.number)}", style=style if self._screen.colour else "")
        if len(rows) > room:
            tree.append(
                self._screen.plain(f"\n└─ … and {count(len(rows) - room, 'more target')}"), style="dim"
            )
        return tree


def _told(step: str, number: int) -> str:
    if step == "done":
        return f"done, {number:,} changed" if number else "done, as declared"
    if step in ("failed", "connecting"):
        return step
    return f"{step} {count(number, 'instance')}"
