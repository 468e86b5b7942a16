"""An event loop on virtual time: nothing waits, and what happens is a function of what it is given.

Time moves only when nobody has anything left to do, and then straight to when somebody has. Nothing is asked of the
operating system, there are no threads, and sets of tasks and futures are walked in the order of their making, so the
same seed gives the same history to the last step.
"""

import asyncio
import itertools
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

MOST_STEPS_AT_ONCE = 50_000
"""Turns of the loop without any time passing: more means that something spins."""


class Spinning(AssertionError):
    """Something keeps the loop busy without any time passing."""


class Deadlock(AssertionError):
    """Everybody waits for something that will never come."""


class SimTask(asyncio.Task):  # type: ignore[type-arg] # of any result
    """A task that is hashed by its number: sets of tasks are walked in the same order in every run."""

    def __init__(self, *args: Any, number: int, **kwargs: Any) -> None:
        self._number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number

    __eq__ = object.__eq__


class SimFuture(asyncio.Future):  # type: ignore[type-arg] # of any result
    """The same for a future."""

    def __init__(self, *, loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number

    __eq__ = object.__eq__


class _Clock:
    """What the loop takes for a selector."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Deadlock("everybody waits for something that will never come")
        if timeout > 0:
            self.now += timeout
            self.turns = 0
        else:
            self.turns += 1
            if self.turns > MOST_STEPS_AT_ONCE // 5:
                # No machine takes as many steps in no time at all: what waits for less than a float can say ends.
                self.now += 1e-9
            if self.turns > MOST_STEPS_AT_ONCE:
                raise Spinning(f"more than {MOST_STEPS_AT_ONCE} turns of the loop at {self.now:.6f}")
        return []

    def close(self) -> None:
        """There is nothing to close."""


class SimLoop(asyncio.BaseEventLoop):
    """See the module.

    Args:
        started: told of each task as it is made.

    Attributes:
        frozen: gives where what is to happen in a context is kept until it may; None where it may now.
    """

    def __init__(self, started: Callable[[SimTask], None] = lambda _task: None) -> None:
        super().__init__()
        self.frozen: Callable[[Context], list[asyncio.Handle] | None] | None = None
        self._selector = _Clock()
        self._numbers = itertools.count(1)
        self._started = started
        self.set_task_factory(self._make_task)  # type: ignore[arg-type] # of any result

    def time(self) -> float:
        return self._selector.now

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if self.frozen is not None:
            context = copy_context() if context is None else context
            if (kept := self.frozen(context)) is not None:
                kept.append(asyncio.Handle(callback, args, self, context))
                return kept[-1]
        return super().call_soon(callback, *args, context=context)  # type: ignore[arg-type] # any callback

    def thaw(self, kept: list[asyncio.Handle]) -> None:
        """Have what was kept happen now."""
        self._ready.extend(kept)  # type: ignore[attr-defined] # of asyncio's own loop
        kept.clear()

    def create_future(self) -> SimFuture:
        return SimFuture(loop=self, number=next(self._numbers))

    def _make_task(self, loop: Any, coro: Any, **more: Any) -> SimTask:
        task = SimTask(coro, loop=loop, number=next(self._numbers), **more)
        self._started(task)
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def close(self) -> None:
        super().close()
        self._selector.close()


def run(main: Any, *, started: Callable[[SimTask], None] = lambda _task: None) -> Any:
    """What the coroutine `main` returns, on a loop of its own."""
    loop = SimLoop(started)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)
        loop.close()
