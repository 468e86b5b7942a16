"""What tells a watcher that looking might be worth it: what the system says has happened in directories (watchfiles).

A hint is only ever a reason to look sooner. Nothing is concluded from it, nor from its absence: watchfiles says nothing
of events that were lost, and ends at a name that is not UTF-8. All sources of a process share one watch, because it
wakes at each step, whether or not anything has happened.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from watchers.walk import Directory

Directories = Mapping["Directory", str | None]
"""Each with the one name in it that matters, or None where all do."""

STEP = 200
"""Milliseconds. What has happened is told after one to two steps; waking up for them takes 0.02 % of a core."""

POLL = 2_000
"""Milliseconds between the stats of everything, on a system that has no events at all."""

AGAIN = 60.0
"""Seconds until it is tried again to watch what the system has refused to watch."""

_LIMITS = {
    "OS file watch limit reached": "the system's watches are used up: raise fs.inotify.max_user_watches",
    "Too many open files": "the system's inotify instances are used up: raise fs.inotify.max_user_instances",
}

# It would tell of each change that there was one, perhaps into a file of the directory that it watches.
logging.getLogger("watchfiles").setLevel(logging.WARNING)


class Hints(Protocol):
    """A source of hints."""

    async def watch(self, directories: Directories) -> tuple[bool, str]:
        """Watch these directories and no others.

        Returns:
            Whether any of them was not watched before, so that it has to be looked at again; and why not all
            of them can be watched, or "".
        """

    async def wait(self) -> None:
        """Wait until something has happened since the last time."""

    def close(self) -> None:
        """Stop watching."""


class FileEvents:
    """One watch of all the directories that its hints are asked to watch."""

    def __init__(self) -> None:
        self._wanted: dict[_FileHints, Directories] = {}
        self._following: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    def hints(self) -> Hints:
        """Hints for one more source."""
        return _FileHints(self)

    async def watch(self, hints: _FileHints, directories: Directories) -> tuple[bool, str]:
        """Watch `directories` for these hints, beside what all others want; see `Hints.watch`."""
        async with self._changing:
            if directories == self._wanted.get(hints) or hints.is_refused(directories):
                return False, hints.why
            wanted = {**self._wanted, hints: directories}
            following = asyncio.create_task(self._follow(wanted), name="events of directories")
            try:
                await asyncio.sleep(0)  # its first step: after that all of them are watched, or it has ended
            except asyncio.CancelledError:
                following.cancel()
                raise
            if following.done():  # and what was watched before still is
                error = following.exception()
                if isinstance(error, FileNotFoundError):
                    return True, ""
                hints.refuse(directories, _why(error))
                return False, hints.why
            self._end()
            self._wanted, self._following = wanted, following
            following.add_done_callback(self._ended)
            hints.accept(next(filter(None, (_unwatchable(path) for path, _, _ in directories)), ""))
            return True, hints.why

    def drop(self, hints: _FileHints) -> None:
        """Watch nothing for these hints any more."""
        self._wanted.pop(hints, None)
        if not self._wanted:
            self._end()

    async def _follow(self, wanted: Mapping[_FileHints, Directories]) -> None:
        from watchfiles import Change, awatch

        watched: dict[str, list[tuple[_FileHints, str | None]]] = {}
        for hints, directories in wanted.items():
            for (path, _, _), name in directories.items():
                if not _unwatchable(path):
                    watched.setdefault(path, []).append((hints, name))
        async for changes in awatch(
            *watched,
            watch_filter=None,
            debounce=0,
            step=STEP,
            rust_timeout=0,
            force_polling=False,
            poll_delay_ms=POLL,
            recursive=False,
            ignore_permission_denied=False,  # with it, no error of any kind is told
        ):
            for change, path in changes:
                for hints, _ in watched.get(path, ()):
                    hints.woken.set()
                    if change != Change.modified:  # another directory is there now, or none
                        self._wanted.pop(hints, None)
                above, name = os.path.split(path)
                for hints, only in watched.get(above, ()):
                    if only is None or only == name:
                        hints.woken.set()

    def _ended(self, following: asyncio.Task[None]) -> None:
        """It met an error: whoever looks now has it begin anew."""
        if not following.cancelled() and following.exception() is not None:
            for hints in self._wanted:
                hints.woken.set()
            self._wanted = {}

    def _end(self) -> None:
        if self._following is not None:
            self._following.cancel()
            self._following = None


class _FileHints:
    """See Hints.

    Attributes:
        woken: something has happened since the last time.
        why: not all can be watched, or "".
    """

    def __init__(self, events: FileEvents) -> None:
        self.woken = asyncio.Event()
        self.why = ""
        self._events = events
        self._refused: tuple[Directories, float] | None = None

    async def watch(self, directories: Directories) -> tuple[bool, str]:
        return await self._events.watch(self, directories)

    async def wait(self) -> None:
        await self.woken.wait()
        self.woken.clear()

    def close(self) -> None:
        self._events.drop(self)

    def accept(self, why: str) -> None:
        """What it wants is watched, but for `why`."""
        self.why = why
        self._refused = None

    def refuse(self, directories: Directories, why: str) -> None:
        """They could not be watched, and whoever asks again soon is told the same."""
        self.why = why
        self._refused = directories, asyncio.get_running_loop().time() + AGAIN

    def is_refused(self, directories: Directories) -> bool:
        """Whether they could not be watched a short time ago."""
        return self._refused is not None and (
            directories == self._refused[0] and asyncio.get_running_loop().time() < self._refused[1]
        )


def _unwatchable(path: str) -> str:
    """Why a directory cannot be watched, or ""."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return f"{path!a} cannot be watched: its name is not UTF-8"
    return "" if os.access(path, os.R_OK) or not os.path.exists(path) else f"{path}: permission denied"


def _why(error: BaseException | None) -> str:
    """What to say of an error with which watching has begun."""
    text = str(error)
    return next((said for part, said in _LIMITS.items() if part in text), text)
