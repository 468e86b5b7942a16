"""The controller's side of the runner's protocol, without any I/O: bytes in and messages out, and back.

    connection = Connection()
    for message in connection.receive_data(await channel.read(65536)):
        ...                                   # Ready, CommandEvent, Done, Failed, Heartbeat, Exit, Closed
    number, data = connection.send_command("file.stat", [{"path": "/etc/motd"}])

Invariants: every message that it gives is complete and of the right shape, so that nobody above checks again;
ids rise by one from 1 in the order of the bytes; after a violation nothing more can be said or heard. Which
message may come when is decided by the tables of `states`, never here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ErrorClass, LocalProtocolError, RemoteProtocolError
from reconciler.model.calls import Failure, Ok, Reply
from reconciler.targets.frames import MAX_FRAME, Frame, FrameReader, encode
from reconciler.targets.messages import (
    PROTOCOL,
    Closed,
    CommandEvent,
    Done,
    Exit,
    Failed,
    Heartbeat,
    Message,
    Ready,
)
from reconciler.targets.states import (
    ANSWERING,
    CANCELLING,
    EOF,
    CommandState,
    ConnectionState,
    after_receiving,
    after_sending,
)

_CLASSES = {one.value: one for one in ErrorClass}
_EVENTS = frozenset({"chunk", "changed", "progress"})
_WATCHES = frozenset({"fanotify", "inotify", "none"})
_GREATEST = 2**53 - 1


@dataclass(slots=True)
class _Command:
    """A command that has not been answered."""

    items: int
    state: CommandState = CommandState.OPEN


class Connection:
    """One conversation with one runner.

    Args:
        max_frame: bytes of the longest frame in either direction; also the limit on incomplete data.
    """

    def __init__(self, *, max_frame: int = MAX_FRAME) -> None:
        self._max_frame = max_frame
        self._reader = FrameReader(limit=max_frame)
        self._commands: dict[int, _Command] = {}
        self._next_id = 1
        self.state = ConnectionState.STARTING

    @property
    def under_way(self) -> Collection[int]:
        """The commands that have not been answered."""
        return self._commands.keys()

    @property
    def size(self) -> int:
        """Bytes of the frame that the message that was given last came in."""
        return self._reader.size

    # --- Receiving ------------------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> Iterator[Message]:
        """What the bytes complete, message by message; b"" says that the stream has ended.

        It works as it is iterated over. What is left over is kept for the next call.

        Raises:
            RemoteProtocolError: the runner broke the protocol, after the messages before were given.
        """
        try:
            self._reader.feed(data)
            while (frame := self._reader.next_frame()) is not None:
                yield self._receive(frame)
            if not data:
                self.state = after_receiving(self.state, EOF)
                yield Closed(incomplete=self._reader.incomplete)
        except RemoteProtocolError:
            self.state = ConnectionState.BROKEN
            raise

    def _receive(self, frame: Frame) -> Message:
        kind: str = frame["type"]
        parse = _PARSERS.get(kind)
        if parse is None:
            raise RemoteProtocolError(
                f"the runner said {kind[:40]!r}, which is nothing that a runner says", kind="unknown_type"
            )
        state = after_receiving(self.state, kind)
        message = parse(frame)
        if isinstance(message, CommandEvent | Done | Failed):
            self._answer(kind, message)
        self.state = state
        return message

    def _answer(self, kind: str, message: CommandEvent | Done | Failed) -> None:
        command = self._commands.get(message.id)
        if command is None:
            raise RemoteProtocolError(
                f"{kind} for command {message.id}, which is not under way", kind="bad_id"
            )
        if isinstance(message, Done) and len(message.results) != command.items:
            raise RemoteProtocolError(
                f"DONE for command {message.id} has {len(message.results)} results for {command.items} items",
                kind="bad_field",
            )
        command.state = ANSWERING[command.state][kind]
        if command.state is CommandState.ANSWERED:
            del self._commands[message.id]

    # --- Sending --------------------------------------------------------------------------------------

    def send_command(
        self,
        command: str,
        items: list[dict[str, Any]],
        *,
        options: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> tuple[int, bytes]:
        """A command's id and the bytes that start it.

        Args:
            command: its name, such as `file.stat`.
            items: each gets a reply.
            options: that concern all of them.
            deadline: seconds after which the runner gives up.

        Raises:
            LocalProtocolError: not now, or not in one frame.
        """
        frame: Frame = {"type": "CMD", "id": self._next_id, "command": command, "items": items}
        if options is not None:
            frame["options"] = options
        if deadline is not None:
            frame["deadline_ms"] = max(1, round(deadline * 1000))
        data = self._send(frame)
        number = self._next_id
        self._next_id += 1
        self._commands[number] = _Command(items=len(items))
        return number, data

    def send_cancel(self, number: int) -> bytes:
        """Ask to end a command; it is still answered.

        Raises:
            LocalProtocolError: it is not under way, or was cancelled before.
        """
        command = self._commands.get(number)
        if command is None or "CANCEL" not in CANCELLING[command.state]:
            raise LocalProtocolError(f"command {number} cannot be cancelled: it is not under way")
        data = self._send({"type": "CANCEL", "id": number})
        command.state = CANCELLING[command.state]["CANCEL"]
        return data

    def send_blob(self, *, digest: str, offset: int, data: str, encoding: str, last: bool) -> bytes:
        """A piece of a body. It is not answered.

        Args:
            digest: of the whole body.
            offset: of this piece in the body.
            data: the piece, encoded, in base64.
            encoding: `identity` or `gzip`.
            last: nothing follows.
        """
        return self._send(
            {
                "type": "BLOB",
                "digest": digest,
                "offset": offset,
                "data": data,
                "encoding": encoding,
                "last": last,
            }
        )

    def send_renew(self, ttl: float) -> bytes:
        """Let the runner live `ttl` seconds from now."""
        return self._send({"type": "RENEW", "ttl_ms": max(1, round(ttl * 1000))})

    def send_heartbeat(self) -> bytes:
        """Say that we live."""
        return self._send({"type": "HEARTBEAT"})

    def send_exit(self) -> bytes:
        """Ask the runner to end. Nothing can be said after it."""
        return self._send({"type": "EXIT"})

    def _send(self, frame: Frame) -> bytes:
        state = after_sending(self.state, frame["type"])
        data = encode(frame, limit=self._max_frame)
        self.state = state
        return data


# --- The shape of each frame --------------------------------------------------------------------------


def _text(frame: Mapping[str, Any], name: str) -> str:
    value = frame.get(name)
    if type(value) is not str:
        raise _malformed(frame, name)
    return value


def _number(frame: Mapping[str, Any], name: str) -> int:
    value = frame.get(name)
    if type(value) is not int or not 0 <= value <= _GREATEST:
        raise _malformed(frame, name)
    return value


def _malformed(frame: Mapping[str, Any], name: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"a {frame.get('type', 'fault')} has no proper {name!r}", kind="bad_field")


def _failure(value: object) -> Failure:
    if type(value) is not dict:
        raise RemoteProtocolError("an error is not an object", kind="bad_field")
    error_class = _CLASSES.get(_text(value, "class"))
    if error_class is None:
        raise _malformed(value, "class")
    later = None if value.get("retry_after_ms") is None else _number(value, "retry_after_ms")
    return Failure(error_class, _text(value, "code"), _text(value, "message"), later)


def reply(value: object) -> Reply:
    """The value of a result.

    Raises:
        RemoteProtocolError: it is none.
    """
    if type(value) is dict:
        if "ok" in value and "error" not in value and type(value["ok"]) is dict:
            return Ok(value["ok"])
        if "error" in value and "ok" not in value:
            return _failure(value["error"])
    raise RemoteProtocolError("a result is neither {ok} nor {error}", kind="bad_field")


def _ready(frame: Frame) -> Ready:
    protocol = _number(frame, "protocol")
    if protocol != PROTOCOL:
        raise RemoteProtocolError(
            f"the runner speaks protocol {protocol}, this controller {PROTOCOL}", kind="bad_field"
        )
    commands = frame.get("commands")
    if type(commands) is not list or not all(type(command) is str for command in commands):
        raise _malformed(frame, "commands")
    watch = _text(frame, "watch")
    if watch not in _WATCHES:
        raise _malformed(frame, "watch")
    return Ready(
        protocol=protocol,
        version=_text(frame, "version"),
        os=_text(frame, "os"),
        arch=_text(frame, "arch"),
        pid=_number(frame, "pid"),
        uid=_number(frame, "uid"),
        boot_id=_text(frame, "boot_id"),
        commands=frozenset(commands),
        watch=watch,
    )


def _progress(frame: Frame) -> CommandEvent:
    data = frame.get("data")
    if type(data) is not dict:
        raise _malformed(frame, "data")
    event = _text(frame, "event")
    if event not in _EVENTS:
        raise _malformed(frame, "event")
    return CommandEvent(_number(frame, "id"), event, data)


def _done(frame: Frame) -> Done:
    results = frame.get("results")
    if type(results) is not list:
        raise _malformed(frame, "results")
    return Done(_number(frame, "id"), [reply(result) for result in results])


def _failed(frame: Frame) -> Failed:
    return Failed(_number(frame, "id"), _failure(frame.get("error")))


def _exit(frame: Frame) -> Exit:
    return Exit(_text(frame, "reason"), _text(frame, "message") if "message" in frame else "")


_PARSERS: dict[str, Callable[[Frame], Message]] = {
    "READY": _ready,
    "EVENT": _progress,
    "DONE": _done,
    "ERROR": _failed,
    "HEARTBEAT": lambda _: Heartbeat(),
    "EXIT": _exit,
}
