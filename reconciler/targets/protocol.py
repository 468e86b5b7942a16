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

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import LocalProtocolError, RemoteProtocolError
from reconciler.model.fence import Fence
from reconciler.targets.frames import MAX_FRAME, Frame, FrameReader, encode
from reconciler.targets.messages import (
    Closed,
    CommandEvent,
    Done,
    Failed,
    Message,
)
from reconciler.targets.parsing import PARSERS
from reconciler.targets.states import (
    ANSWERING,
    CANCELLING,
    EOF,
    CommandState,
    ConnectionState,
    after_receiving,
    after_sending,
)


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
        parse = PARSERS.get(kind)
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

    def send_fence(self, fence: Fence) -> bytes:
        """Say under whose lease this is."""
        return self._send({"type": "FENCE", "store": fence.store, "token": fence.token})

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
