"""What the runner says, as immutable values: one class for each thing that can happen on a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.calls import Failure, Reply

PROTOCOL: Final = 1
"""The version of the protocol that this side speaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The runner is up.

    Attributes:
        protocol: the version that it speaks.
        version: its own.
        os: such as `linux`.
        arch: such as `amd64`.
        pid: its process id on the target.
        uid: the user that it runs as there.
        boot_id: of the kernel; another one says that the target was started anew.
        commands: what it can do.
        watch: how it notices changes: `fanotify`, `inotify` or `none`.
        schemes: of the subjects whose changes it can notice, such as `path`.
    """

    protocol: int
    version: str
    os: str
    arch: str
    pid: int
    uid: int
    boot_id: str
    commands: frozenset[str]
    watch: str
    schemes: frozenset[str]


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command that is under way has something to say (the EVENT frame).

    Attributes:
        id: the command.
        event: `chunk`, `changed` or `progress`.
        data: depends on the event.
    """

    id: int
    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """A command has ended, with one reply for each of its items, in order."""

    id: int
    results: list[Reply]


@dataclass(frozen=True, slots=True)
class Failed:
    """A command has failed as a whole (the ERROR frame)."""

    id: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The runner has nothing to say, and lives."""


@dataclass(frozen=True, slots=True)
class Exit:
    """The runner ends itself.

    Attributes:
        reason: `eof`, `exit`, `ttl`, `protocol`, `signal` or `tampered`.
        message: more for a person, or "".
    """

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The stream has ended.

    Attributes:
        incomplete: bytes of a frame that was cut off; 0 for a clean end.
    """

    incomplete: int


Message = Ready | CommandEvent | Done | Failed | Heartbeat | Exit | Closed
