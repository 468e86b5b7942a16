"""The process's standard streams as a command can rely on them, whatever they were when it was started.

Imports next to nothing.
"""

from __future__ import annotations

import io
import os
import sys

STANDARD_OUTPUT = "standard output"


class _Output(io.TextIOWrapper):
    """Standard output, whose errors say that it is that which cannot be written."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise _named(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise _named(error) from error


def _named(error: OSError) -> OSError:
    return OSError(error.errno, error.strerror, STANDARD_OUTPUT)


def prepare() -> None:
    """Make all three fit for use, before a file of ours gets the number of one that is missing."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        _open(number)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - it is for good
    for number in (1, 2):
        os.set_blocking(number, True)
    if sys.stdout is (own := sys.__stdout__) and own is not None:
        encoding, buffered = own.encoding, own.line_buffering
        sys.stdout = _Output(
            own.detach(), encoding=encoding, errors="backslashreplace", line_buffering=buffered
        )
        # It is asked how wide the terminal is, and can say nothing any more.
        sys.__stdout__ = sys.stdout  # type: ignore[misc] # it is typed as final


def _open(number: int) -> None:
    """Put nothing where a standard stream is missing (`froyo … >&-`)."""
    try:
        os.fstat(number)
    except OSError:
        nothing = os.open(os.devnull, os.O_RDWR)
        if nothing == number:
            os.set_inheritable(nothing, True)  # noqa: FBT003 - os's own signature
        else:
            os.dup2(nothing, number)
            os.close(nothing)


def silence() -> None:
    """Let what waits to be written go nowhere: else it fails once more, at the very end and in Python's words."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
