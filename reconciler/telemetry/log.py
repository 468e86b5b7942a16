"""Saying something in the log: an event in words, and its fields.

Invariants: whoever logs imports nothing that is not there already (the standard library's `logging` comes
with asyncio), so that a one-shot command pays for formatting only if it has something to say; and nothing
is said at all before `output.configure` has decided where to and has put its filter for secrets in between.
This module must not know how a line looks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

ROOT = "froyo"
"""The name of the logger above all of ours; its level is that of the program."""


class Logger:
    """Says events. Made by `get_logger`.

    Example:
        >>> log = get_logger("froyo.engine")
        >>> log.info("put back", target="web-1", address="web-1/File/motd", took=0.038)
    """

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: object) -> None:
        """For who is looking for a defect."""
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """For who wants to know what goes on."""
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Somebody should look at it some time."""
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something that was asked for was not done."""
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, **fields: object) -> None:
        """The same, with the traceback of the exception that is being handled: for defects only."""
        self._log(logging.ERROR, event, fields, exc_info=True)

    def _log(self, level: int, event: str, fields: Mapping[str, object], *, exc_info: bool = False) -> None:
        if self._logger.isEnabledFor(level) and self._logger.hasHandlers():
            # No arguments are given, so that "%" in an event stands for itself.
            self._logger.log(level, event, exc_info=exc_info, extra={"fields": fields})


def get_logger(name: str = ROOT) -> Logger:
    """The logger of that name, which is `froyo` or begins with `froyo.`."""
    return Logger(logging.getLogger(name))
