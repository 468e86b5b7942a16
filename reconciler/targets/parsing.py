"""Frames that a runner has sent, as messages: each is held to its shape here, so that nobody above checks again.

This module must not know which message may come when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.errors import ErrorClass, RemoteProtocolError
from reconciler.model.calls import Failure, Ok, Reply
from reconciler.model.subjects import PATH
from reconciler.targets.frames import Frame
from reconciler.targets.messages import (
    PROTOCOL,
    CommandEvent,
    Done,
    Exit,
    Failed,
    Heartbeat,
    Message,
    Ready,
)

_CLASSES = {one.value: one for one in ErrorClass}
_EVENTS = frozenset({"chunk", "changed", "progress"})
_WATCHES = frozenset({"fanotify", "inotify", "none"})
_GREATEST = 2**53 - 1


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
    commands = _names(frame, "commands")
    schemes = _names(frame, "schemes") if "schemes" in frame else frozenset({PATH})
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
        commands=commands,
        watch=watch,
        schemes=schemes,
    )


def _names(frame: Frame, field: str) -> frozenset[str]:
    names = frame.get(field)
    if type(names) is not list or not all(type(name) is str for name in names):
        raise _malformed(frame, field)
    return frozenset(names)


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


PARSERS: dict[str, Callable[[Frame], Message]] = {
    "READY": _ready,
    "EVENT": _progress,
    "DONE": _done,
    "ERROR": _failed,
    "HEARTBEAT": lambda _: Heartbeat(),
    "EXIT": _exit,
}
"""By the type of a frame."""
