"""What the engine takes from the outside world, in one small object, so that a simulation can be the world instead.

Invariant: below `cli` and `api`, nothing reads the wall clock, randomness or the environment, starts a process, opens a
connection or starts a thread but through this. Waiting is done with asyncio on the running loop, whose clock the
simulation owns too.

The exceptions are what the simulation has no part in: `sockets`, behind `outside` and `connect`, opens connections;
`targets`, behind `connect`, starts runners, speaks SSH and asks for the names of this machine, this user and his home;
`plugins/compiled.py` compiles components in a process of its own; `languages/starlark` evaluates programs in one;
`plugins/watchdog.py` ends one that runs on, from a thread; `store/records.py` asks for the names of this machine and
this process, for the lease; `watchers/tree.py` and `watchers/fingerprint.py` look at the clock, for whether a tree is
quiet, and `watchers/hints.py` has watchfiles wait in a thread; `watchers/git` starts git, with what it is given of the
environment; and the names of temporary files are random without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from reconciler.errors import ErrorClass
from reconciler.model.calls import Call, Failure, Reply
from reconciler.model.metrics import NOBODY, Meter

if TYPE_CHECKING:
    import socket

    from reconciler.model.target import Target

T = TypeVar("T")


class Channel(Protocol):
    """A byte stream to a runner that has been started and has not said anything yet."""

    async def read(self, limit: int) -> bytes:
        """Up to `limit` bytes; b"" once the peer has closed.

        Raises:
            TransportError: the connection was lost.
        """

    async def write(self, data: bytes) -> None:
        """Send all of `data`, waiting while the peer is slow.

        Raises:
            TransportError: the connection was lost.
        """

    async def close(self) -> None:
        """End the stream and what carries it. May be called twice; never raises."""

    async def reach(self, host: str, port: int) -> socket.socket:
        """A TCP connection to `host`:`port` as it is reached from where the runner is. The caller sees to the time.

        Raises:
            RunnerError: nobody answers there, or it is not allowed to ask.
            TransportError: the stream has ended.
        """


Reach = Callable[[str, int], Awaitable["socket.socket"]]
"""What `Channel.reach` is."""


class AskOutside(Protocol):
    """Makes a call that the controller makes by itself; there is a reply, whatever came of it."""

    def __call__(self, call: Call, reach: Reach, /) -> Awaitable[Reply]:
        """The reply.

        Args:
            call: such as `http.get`.
            reach: opens a connection from where the target is.
        """


async def ask_nobody(call: Call, _reach: Reach) -> Reply:
    """For whoever has no business outside."""
    return Failure(ErrorClass.PERMANENT, "not_supported", f"nobody makes the call {call.name} here")


class Tracer(Protocol):
    """Is told what a round does while it does it, so that it can be seen where its time went."""

    def span(self, name: str, /, **about: str | int) -> contextlib.AbstractContextManager[object]:
        """What is done within it is `name`: `round`, `plan`, `read`, `intent`, `apply` or `verify`.

        Args:
            name: of a few.
            about: what it is about; of a round its id as `reconcile`.
        """


class _NoTracer:
    _span = contextlib.nullcontext[object]()

    def span(self, _name: str, /, **_about: str | int) -> contextlib.AbstractContextManager[object]:
        """Nobody wants to know."""
        return self._span


NO_TRACER: Tracer = _NoTracer()


Connect = Callable[["Target"], Awaitable[Channel]]


async def connect_nothing(_target: Target) -> Channel:
    """For whoever has no business with any target."""
    raise AssertionError("what only reads the store connects to nothing")


class Offload(Protocol):
    """Runs a blocking function on the one thread of a named lane, and waits for it."""

    def __call__(self, lane: str, function: Callable[[], T], /) -> Awaitable[T]:
        """The function's result. Cancelling the wait does not stop the function."""


class ThreadLanes:
    """One thread per lane name: calls of a lane run one after another, in order.

    SQLite's writer needs exactly that. WebAssembly does not: a lock guards it, on whatever thread (`docs/adr/0004`).
    """

    def __init__(self) -> None:
        self._lanes: dict[str, ThreadPoolExecutor] = {}

    async def __call__(self, lane: str, function: Callable[[], T], /) -> T:
        """The function's result; see Offload."""
        executor = self._lanes.get(lane)
        if executor is None:
            executor = self._lanes[lane] = ThreadPoolExecutor(1, thread_name_prefix=f"froyo-{lane}")
        return await asyncio.get_running_loop().run_in_executor(executor, function)

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        for executor in self._lanes.values():
            executor.shutdown(wait=True, cancel_futures=True)
        self._lanes.clear()


async def tick(seconds: float) -> None:
    """Wait until the loop's clock comes to a multiple of `seconds`, at most so long.

    Who waits for the same, or for a multiple of it, goes on with one waking up of the process: what is done again and
    again while nothing happens costs next to nothing beside that.
    """
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(seconds - now % seconds if seconds > 0 else 0)


async def gathered(*works: Coroutine[Any, Any, T]) -> list[T]:
    """What all of these give, done at once. The first that fails, or a cancellation, ends the others, and is raised.

    All have ended by then: what the end of the loop finds half-started, asyncio may wait for without end.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def first_of(*those: Awaitable[object], within: float) -> None:
    """Wait until one of them has come about, be it that it went wrong, but no longer than so many seconds.

    Also in a task that has been cancelled and is ending: that is ended by `asyncio.timeout` when its time has come, and
    goes no further, where Python is older than 3.11.5.
    """
    tasks = [asyncio.ensure_future(one) for one in those]
    try:
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def ungrouped() -> Iterator[None]:
    """What goes wrong in the tasks of a group is raised as it is: of several things the first.

    Not by `except*`: what is raised within that is a group again where Python is older than 3.11.4.
    """
    try:
        yield
    except BaseExceptionGroup as several:
        raise first_error(several) from None


def first_error(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of what the tasks of a group have raised, and of the groups in it."""
    error: BaseException = several
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _new_id() -> str:
    """An id that sorts by the time of its making: milliseconds in hex, then 40 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(5).hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The world, as the engine sees it.

    Attributes:
        connect: starts a runner on a target and gives the stream to it.
        now: the wall clock, seconds since the epoch. It may jump.
        random: the one source of jitter.
        new_id: a fresh id, sortable by time, of 22 hexadecimal digits.
        offload: runs blocking functions on named threads.
        environ: the process's environment.
        outside: makes the calls that the controller makes by itself.
        outside_of_guests: the same for what is declared by who has no business on this machine.
        meter: is told what is measured.
        tracer: is told what rounds do.
    """

    connect: Connect
    now: Callable[[], float] = time.time
    random: random.Random = field(default_factory=random.Random)
    new_id: Callable[[], str] = _new_id
    offload: Offload = field(default_factory=ThreadLanes)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    outside: AskOutside = ask_nobody
    outside_of_guests: AskOutside = ask_nobody
    meter: Meter = NOBODY
    tracer: Tracer = NO_TRACER
