"""A program that is given a line, and asked what became of it.

Invariant: it is over when the program is, or its time: what it has begun and left behind, in a session of its own even,
is waited for by nobody, whatever of ours that has open; and of what it complains no more is kept than is told.
Blocking: to be used on a lane.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO, cast

_KEPT = 4096
"""Bytes of its complaints that are kept; the rest is read, and dropped."""


class NotEnded(Exception):
    """It has not ended in time, and was killed."""


def run(argv: Sequence[str], line: bytes, *, timeout: float) -> tuple[int, str]:
    """With what status a program ends, below zero for a signal, and what it says on its standard error, in one line.

    Args:
        argv: the program, by its path, and its arguments.
        line: what it finds on its standard input.
        timeout: seconds that it may take.

    Raises:
        NotEnded: it did not, and is gone now, with all that it had begun but what left its session.
        OSError: it cannot be run.
        ValueError: an argument is none.
    """
    with open(os.memfd_create("alert", os.MFD_CLOEXEC), "w+b") as given:
        given.write(line)
        given.seek(0)
        process = subprocess.Popen(
            argv,
            stdin=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
    with cast("IO[bytes]", process.stderr) as complaints:
        said = _until_it_ends(process, complaints.fileno(), time.monotonic() + timeout)
    return process.returncode, " ".join(said.decode("utf-8", "replace").split())


def _until_it_ends(process: subprocess.Popen[bytes], complaints: int, end: float) -> bytes:
    """Wait for its end, and see that it is gone; what it has said by then."""
    said = b""
    os.set_blocking(complaints, False)
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(complaints, select.POLLIN)
        while (left := end - time.monotonic()) > 0:
            ready = [descriptor for descriptor, _ in poll.poll(left * 1000)]
            if complaints in ready:
                if not (chunk := _read(complaints)):
                    poll.unregister(complaints)
                said = (said + chunk)[:_KEPT]
            if ended in ready:
                process.wait()
                return (said + _read(complaints))[:_KEPT]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise NotEnded
    finally:
        os.close(ended)


def _read(descriptor: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        return os.read(descriptor, 1 << 16)
    return b""
