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
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

from reconciler.errors import TransportError, UsageError, in_words

Document = dict[str, Any]

ENDED = "the daemon has ended; see: froyo status, and `froyo up DIR` starts it again"

ANSWER = 10.0
"""Seconds that an answer may take, unless it takes a look at every target; a daemon that works needs milliseconds."""


class Silent(TransportError):
    """A daemon is there, and does not answer: it is stopped, its cgroup is frozen, or its machine is far too busy."""


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
        """Whether somebody listens there, and be it without answering."""
        probe = socket.socket(socket.AF_UNIX)
        probe.settimeout(ANSWER)
        try:
            probe.connect(os.fspath(self.path))
        except (BlockingIOError, TimeoutError):
            return True  # more wait than a queue holds
        except OSError:
            return False
        finally:
            probe.close()
        return True

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Document:
        """What is answered to a question, within `timeout` seconds; None for as many as a daemon that works may need.

        Raises:
            Silent: nothing is.
        """
        return self._ask("GET", _target(path, query), None, ANSWER if timeout is None else timeout)

    def text(self, path: str) -> str:
        """What is answered as text, within ANSWER seconds.

        Raises:
            Silent: nothing is.
        """
        connection = _Connection(self.path, ANSWER)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        finally:
            connection.close()

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float | None = None) -> Document:
        """What is answered to a request, within `timeout` seconds, as for `get`.

        Raises:
            Silent: nothing is.
        """
        if timeout is not None and timeout > ANSWER:
            self.get("/v1/healthz")  # nobody waits so long for a daemon that says nothing at all
        return self._ask("POST", path, json.dumps(body).encode(), ANSWER if timeout is None else timeout)

    def _ask(self, method: str, target: str, body: bytes | None, timeout: float) -> Document:
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

    def follow(self, query: Mapping[str, str]) -> Iterator[Document]:
        """Events as they come.

        Raises:
            TransportError: the daemon has ended.
        """
        with self._stream(_target("/v1/events", {**query, "follow": "1"})) as stream:
            while True:
                yield from stream.receive()

    def changes(self, *, timeout: float | None = None) -> Stream:
        """Tells as soon as something else is on record, from before this returns.

        Args:
            timeout: seconds within which the answer has to begin; ANSWER of them unless told otherwise.

        Raises:
            TransportError: the daemon has ended.
        """
        return self._stream("/v1/changes", timeout)

    def _stream(self, target: str, timeout: float | None = None) -> Stream:
        # Plain HTTP/1.0 and an unbuffered socket: what has arrived is seen at once, and waiting can be cut short.
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(ANSWER if timeout is None else timeout)
        try:
            line.connect(os.fspath(self.path))
            line.sendall(f"GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode("ascii"))
            return Stream(line, self._lost)
        except BaseException as error:
            line.close()
            if isinstance(error, OSError):
                raise self._lost(error) from error
            raise

    def _lost(self, error: Exception) -> TransportError:
        if isinstance(error, TimeoutError | BlockingIOError):
            pid = self._listener()
            who = f"the daemon (pid {pid})" if pid else f"the daemon behind {self.path}"
            todo = f" `kill -CONT {pid}` lets a stopped one go on, `kill -9 {pid}` ends it" if pid else ""
            return Silent(f"{who} does not answer: is it stopped, or its cgroup frozen?{todo}")
        if isinstance(error, ConnectionError | FileNotFoundError | http.client.IncompleteRead):
            return TransportError(ENDED)
        return TransportError(
            f"{self.path}: the daemon cannot be asked ({in_words(error)}); see: froyo doctor"
        )

    def _listener(self) -> int:
        """The process that listens; 0 where that is not known."""
        probe = socket.socket(socket.AF_UNIX)
        probe.setblocking(False)  # noqa: FBT003 - socket's own signature
        try:
            probe.connect(os.fspath(self.path))
            pid, _, _ = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError:
            return 0
        finally:
            probe.close()
        return int(pid)


class Stream:
    """Documents as they come, once the answer has begun well.

    Args:
        line: on which they were asked for; closed with this.
        lost: what an error of that means.

    Raises:
        UsageError: what was asked for makes no sense.
    """

    def __init__(self, line: socket.socket, lost: Callable[[Exception], TransportError]) -> None:
        self._line = line
        self._lost = lost
        pending = b""
        while b"\r\n\r\n" not in pending:
            pending += self._read()
        head, _, self._pending = pending.partition(b"\r\n\r\n")
        line.settimeout(None)  # what follows comes when it happens
        if head.split(b" ", 2)[1] != b"200":
            while arrived := line.recv(65536):
                self._pending += arrived
            raise UsageError(str(_document(self._pending).get("message")))

    def receive(self, within: float | None = None) -> list[Document]:
        """What has come by now, as soon as there is anything; nothing after `within` seconds.

        Raises:
            TransportError: the daemon has ended.
        """
        try:
            if b"\n" not in self._pending:
                if within is not None and not select.select([self._line], [], [], within)[0]:
                    return []
                self._pending += self._read()
        except OSError as error:
            raise self._lost(error) from error
        *lines, self._pending = self._pending.split(b"\n")
        return [_document(line) for line in lines if line]

    def _read(self) -> bytes:
        arrived = self._line.recv(65536)
        if not arrived:
            raise TransportError(ENDED)
        return arrived

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()


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
