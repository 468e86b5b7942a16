"""Log lines in systemd's journal, with fields of their own, so that `journalctl FROYO_TARGET=web-1` finds them.

The native protocol of the journal: one datagram an entry, to its socket. Invariant: no field leaves with a secret in
it, and none is longer than the journal takes in one datagram. This module must not know what fields there are.
"""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.telemetry.log import ROOT

if TYPE_CHECKING:
    from reconciler.core.redaction import Redactor

SOCKET = "/run/systemd/journal/socket"
LONGEST = 32 << 10
"""Characters of a field."""
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


def is_journal(environ: Mapping[str, str], descriptor: int) -> bool:
    """Whether what is written to a descriptor goes to the journal, as systemd.exec(5) says that it is told."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino)) and os.path.exists(SOCKET)


class JournalHandler(logging.Handler):
    """Writes entries.

    Args:
        redactor: knows the secrets.
        path: of the journal's socket.
    """

    def __init__(self, redactor: Redactor, path: str = SOCKET) -> None:
        super().__init__()
        self._redactor = redactor
        self._path = path
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry; one that cannot be sent is lost, as a line on a full disk would be."""
        try:
            self._line.sendto(
                b"".join(_field(name, value) for name, value in self._entry(record)), self._path
            )
        except OSError:
            return

    def close(self) -> None:
        """Let go of the socket."""
        self._line.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> list[tuple[str, str]]:
        fields: dict[str, object] = dict(getattr(record, "fields", {}))
        message = record.getMessage()
        if record.exc_info:
            fields["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        if why := fields.get("why"):
            message = f"{message}: {why}"
        entry = {
            "MESSAGE": message,
            "PRIORITY": str(PRIORITIES.get(record.levelno, 6)),
            "SYSLOG_IDENTIFIER": ROOT,
            "SYSLOG_PID": str(record.process),
            **({} if record.name == ROOT else {"FROYO_LOGGER": record.name}),
            **_about(fields.pop("object", None)),
            **{f"FROYO_{name.upper()}": str(value) for name, value in fields.items()},
        }
        # A field of another name would be ignored by the journal, and the whole entry with it.
        return [
            (name, self._redactor.text(value)[:LONGEST])
            for name, value in entry.items()
            if name.replace("_", "").isalnum() and name.isascii()
        ]


def _about(object_: Any) -> dict[str, str]:
    """What an entry is about: an address, `Target/name` or `Source/name`."""
    if not isinstance(object_, str):
        return {}
    first, _, rest = object_.partition("/")
    if first == "Target":
        return {"FROYO_TARGET": rest}
    if first == "Source":
        return {"FROYO_SOURCE": object_.removeprefix("Source")}
    return {"FROYO_TARGET": first, "FROYO_ADDRESS": object_, "FROYO_KIND": rest.partition("/")[0]}


def _field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return name.encode() + b"=" + data + b"\n"
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
