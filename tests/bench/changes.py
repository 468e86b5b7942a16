"""Sleeps until something in some directories changes, so that whoever waits for a file takes no processor from it."""

from __future__ import annotations

import ctypes
import os
import select
from collections.abc import Iterable
from pathlib import Path
from typing import Self

ATTRIB, CLOSE_WRITE, MOVED_TO, CREATE = 0x4, 0x8, 0x80, 0x100
NONBLOCK = os.O_NONBLOCK


class Changes:
    """A watch; to be used with `with`.

    Args:
        directories: whose entries are watched.
    """

    def __init__(self, directories: Iterable[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = libc.inotify_init1(NONBLOCK)
        for directory in directories:
            found = libc.inotify_add_watch(
                self._file, os.fsencode(directory), ATTRIB | CLOSE_WRITE | MOVED_TO | CREATE
            )
            if found < 0:
                raise OSError(ctypes.get_errno(), f"{directory} cannot be watched")
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def wait(self, seconds: float) -> None:
        """Until the next change, or for so long."""
        if self._poll.poll(seconds * 1000):
            os.read(self._file, 1 << 16)
