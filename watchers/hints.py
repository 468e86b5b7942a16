"""What tells a watcher that looking might be worth it.

That is inotify on Linux, watchfiles elsewhere, and nothing but the clock where there is neither. A hint is
only ever a reason to look sooner. Nothing is concluded from it, nor from its absence.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from reconciler.runtime import Offload
    from watchers.walk import Directory


class Hints(Protocol):
    """A source of hints."""

    def watch(self, directories: Mapping[Directory, str | None]) -> tuple[bool, str]:
        """Watch these directories and no others.

        Args:
            directories: each with the one name in it that matters, or None where all do.

        Returns:
            Whether any of them was not watched before, so that it has to be looked at again; and why not all
            of them can be watched, or "".
        """

    async def wait(self) -> None:
        """Wait until something has happened since the last time."""

    def close(self) -> None:
        """Stop watching."""


class NoHints:
    """Where no events can be had.

    Args:
        why: why that is so.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    def watch(self, directories: Mapping[Directory, str | None]) -> tuple[bool, str]:
        """Watches nothing, and says why."""
        del directories
        return False, self._why

    async def wait(self) -> None:
        """Waits for ever."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """Nothing to stop."""


class WatchfilesHints:
    """watchfiles: works on every system, and wakes up `STEP` times a second for it.

    It can only be made anew to watch something else. It ends with an error when it meets a name that is not
    UTF-8, and says nothing of an overflow; the rescans are for that.

    Args:
        offload: gives it a thread.
        lane: the name of that thread.
    """

    STEP = 100
    """Milliseconds. Reaction against idle cost: at 50, two processors were busy for 0.15 % with nothing."""

    def __init__(self, offload: Offload, lane: str) -> None:
        self._offload = offload
        self._lane = lane
        self._directories: dict[Directory, str | None] | None = None
        self._names: dict[str, str | None] = {}
        self._next: Callable[[], Any] | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._stop = threading.Event()

    def watch(self, directories: Mapping[Directory, str | None]) -> tuple[bool, str]:
        """See Hints."""
        if directories == self._directories:
            return False, ""
        import watchfiles._rust_notify as rust

        names = {path: name for (path, _, _), name in directories.items()}
        try:
            notify = rust.RustNotify(
                list(names),
                debug=False,
                force_polling=False,
                poll_delay_ms=0,
                recursive=False,
                ignore_permission_denied=True,
            )
        except (OSError, rust.WatchfilesRustInternalError) as error:
            return False, str(error)
        # The older one ends at its next step, and is closed when its thread has let go of it.
        self._stop.set()
        stop = self._stop = threading.Event()
        self._next = lambda: notify.watch(1600, self.STEP, 0, stop)
        self._directories, self._names = dict(directories), names
        return True, ""

    async def wait(self) -> None:
        """See Hints."""
        while self._next is not None:
            if self._waiting is None:  # else a wait that was given up is still under way
                self._waiting = asyncio.ensure_future(self._offload(self._lane, self._next))
            try:
                changes = await asyncio.shield(self._waiting)
            except RuntimeError:
                self._directories = None  # so that all of it is watched anew
                return
            finally:
                if self._waiting.done():
                    self._waiting = None
            if changes != "stop" and any(self._matters(path) for _, path in changes):
                return
        await asyncio.Event().wait()

    def _matters(self, path: str) -> bool:
        above, name = os.path.split(path)
        return self._names.get(above) in {None, name}

    def close(self) -> None:
        """See Hints."""
        self._stop.set()


def open_hints(offload: Offload, lane: str) -> Hints:
    """The best hints that this system has."""
    if sys.platform != "linux":
        return WatchfilesHints(offload, lane)
    from watchers.inotify import InotifyHints

    try:
        return InotifyHints()
    except OSError as error:
        return NoHints(error.strerror or str(error))
