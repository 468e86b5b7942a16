"""inotify as a wake-up on the event loop: no thread, nothing to do while nothing happens, no overflow lost.

Only that something happened is of interest, never what: whoever is woken looks for himself. Linux only.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Mapping

from watchers.walk import Directory

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_ONLYDIR, _EXCL_UNLINK = 0x1000000, 0x4000000
_MASK = (
    _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
    | _ONLYDIR | _EXCL_UNLINK
)  # fmt: skip
_EVENT = struct.Struct("iIII")
_BUFFER = 64 << 10
_LIMITS = {
    errno.ENOSPC: "the system's watches are used up: raise fs.inotify.max_user_watches",
    errno.EMFILE: "the system's inotify instances are used up: raise fs.inotify.max_user_instances",
}


class InotifyHints:
    """Wakes whoever waits when something happens in one of the watched directories.

    Raises:
        OSError: there is no inotify, or none is left.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise _error("inotify")
        self._watches: dict[Directory, int] = {}
        self._names: dict[int, bytes | None] = {}
        self._woken = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._read)

    def watch(self, directories: Mapping[Directory, str | None]) -> tuple[bool, str]:
        """Watch these directories and no others; see `watchers.hints.Hints`."""
        added, why = False, ""
        for directory in self._watches.keys() - directories.keys():
            watch = self._watches.pop(directory)
            self._names.pop(watch, None)
            self._libc.inotify_rm_watch(self._descriptor, watch)
        for directory, name in directories.items():
            if directory not in self._watches:
                added = True
                path = directory[0]
                watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), _MASK)
                if watch < 0:
                    error = _error(path)
                    if error.errno not in {
                        errno.ENOENT,
                        errno.ENOTDIR,
                    }:  # else the next look sees that it is gone
                        added, why = False, str(error.strerror)
                        break
                    continue
                self._watches[directory] = watch
            self._names[self._watches[directory]] = None if name is None else os.fsencode(name)
        return added, why

    async def wait(self) -> None:
        """Wait until something has happened since the last time."""
        await self._woken.wait()
        self._woken.clear()

    def close(self) -> None:
        """Stop watching."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            watch, mask, _, length = _EVENT.unpack_from(data, offset)
            name = data[offset + _EVENT.size : offset + _EVENT.size + length].rstrip(b"\0")
            offset += _EVENT.size + length
            if mask & _IGNORED:
                self._forget(watch)
            elif mask & _OVERFLOW:
                self._woken.set()
            elif watch in self._names:
                only = self._names[watch]
                if only is None or not name or name == only:
                    self._woken.set()

    def _forget(self, watch: int) -> None:
        """The directory is gone, and its watch with it."""
        self._names.pop(watch, None)
        for directory, known in self._watches.items():
            if known == watch:
                del self._watches[directory]
                break


def _error(path: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, _LIMITS.get(number, f"{path}: {os.strerror(number).lower()}"))
