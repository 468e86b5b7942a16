"""The daemon's API from the other side of its unix socket, on the standard library alone.

Invariant: whatever goes wrong is a UsageError (what was asked makes no sense) or a TransportError (the daemon cannot
answer), each with a sentence.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from reconciler.errors import TransportError, UsageError

Document = dict[str, Any]

ENDED = "the daemon has ended; see: froyo status, and `froyo up DIR` starts it again"

PATIENCE = 60.0
"""Seconds that an answer may take; a plan looks at every target first."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(os.fspath(self._path))


class Client:
    """Asks the daemon.

    Args:
        path: of its socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def alive(self) -> bool:
        """Whether somebody listens there."""
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.connect(os.fspath(self.path))
        except OSError:
            return False
        finally:
            probe.close()
        return True

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:
        """What is answered to a question."""
        return self._ask("GET", _target(path, query), None)

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float = PATIENCE) -> Document:
        """What is answered to a request."""
        return self._ask("POST", path, json.dumps(body).encode(), timeout=timeout)

    def _ask(self, method: str, target: str, body: bytes | None, *, timeout: float = PATIENCE) -> Document:
        connection = _Connection(self.path, timeout)
        try:
            connection.request(method, target, body=body, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            document = _document(answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        finally:
            connection.close()
        if answer.status in (400, 404, 413):
            raise UsageError(str(document.get("message", document)))
        if answer.status != 200 and document.get("kind") == "Error":
            raise TransportError(str(document["message"]))
        return document

    def follow(self, query: Mapping[str, str], *, every: float | None = None) -> Iterator[Document | None]:
        """Events as they come; None each `every` seconds, so that whoever waits can look at the clock.

        Raises:
            TransportError: the daemon has ended.
        """
        # Plain HTTP/1.0 and an unbuffered socket: what has arrived is seen at once, and waiting can be cut short.
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(os.fspath(self.path))
            target = _target("/v1/events", {**query, "follow": "1"})
            line.sendall(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
            pending = b""
            while b"\r\n\r\n" not in pending:
                pending += self._receive(line)
            head, _, pending = pending.partition(b"\r\n\r\n")
            if head.split(b" ", 2)[1] != b"200":
                while arrived := line.recv(65536):
                    pending += arrived
                raise UsageError(str(_document(pending).get("message")))
            while True:
                *entries, pending = pending.split(b"\n")
                for entry in filter(None, entries):
                    yield _document(entry)
                while every is not None and not select.select([line], [], [], every)[0]:
                    yield None
                pending += self._receive(line)
        except OSError as error:
            raise self._lost(error) from error
        finally:
            line.close()

    def _receive(self, line: socket.socket) -> bytes:
        arrived = line.recv(65536)
        if not arrived:
            raise TransportError(ENDED)
        return arrived

    def _lost(self, error: Exception) -> TransportError:
        if isinstance(error, TimeoutError):
            return TransportError(f"{self.path}: the daemon does not answer; see: froyo doctor")
        if isinstance(error, ConnectionError | FileNotFoundError | http.client.IncompleteRead):
            return TransportError(ENDED)
        why = error.strerror if isinstance(error, OSError) else ""
        return TransportError(
            f"{self.path}: the daemon cannot be asked ({why or error!r}); see: froyo doctor"
        )


def _target(path: str, query: Mapping[str, str] | None) -> str:
    return quote(path, safe="/:") + (f"?{urlencode(query)}" if query else "")


def _document(text: bytes) -> Document:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise TransportError(
            "the daemon's answer cannot be understood; is it another version of froyo?"
        ) from error
    if not isinstance(found, dict):
        raise TransportError("the daemon's answer cannot be understood; is it another version of froyo?")
    return found
