"""How a provider says that something did not work, and what is to be done about it.

    Fault
    ├── TransientError    may pass by itself: tried again, with growing pauses
    ├── ThrottledError    tried again at the time that it names
    ├── ConflictError     the world has moved since it was read: read again at once
    ├── PermanentError    only a change of the manifest can mend it
    └── CallError         a call failed; its class is the one that the target gave

Raised from the code that handles one resource, a fault is that resource's alone. An exception of any other
type is a defect of the provider: a permanent fault which names the exception and its line.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


DEFECTS = (Exception, SystemExit)
"""What an author's code may raise without meaning a fault; `sys.exit()` must not end whoever runs it."""


class ErrorClass(StrEnum):
    """What the engine does about a fault."""

    TRANSIENT = "transient"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    PERMANENT = "permanent"


class Fault(Exception):
    """Something did not work.

    Args:
        message: says what, why, and what a person can do about it. Never a secret's value.
        retry_after_ms: the time to wait, for throttled ones.
    """

    error_class: ErrorClass = ErrorClass.PERMANENT

    def __init__(self, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms

    def to_json(self) -> dict[str, Any]:
        """The fault as it crosses the boundary."""
        fault: dict[str, Any] = {"class": self.error_class, "message": self.message}
        if self.retry_after_ms is not None:
            fault["retry_after_ms"] = self.retry_after_ms
        return fault


class TransientError(Fault):
    """May pass by itself."""

    error_class = ErrorClass.TRANSIENT


class ThrottledError(Fault):
    """Asked to wait. Give `retry_after_ms`."""

    error_class = ErrorClass.THROTTLED


class ConflictError(Fault):
    """The world has moved since it was read."""

    error_class = ErrorClass.CONFLICT


class PermanentError(Fault):
    """Only a change of the manifest, or of the world by a person, can mend it."""

    error_class = ErrorClass.PERMANENT


class CallError(Fault):
    """A call failed on the target, or the host refused it.

    Attributes:
        call: its name, such as `file.stat`.
        code: what happened, for programs: `enoent`, `no_space`, `read_only`, `refused` …
    """

    _KNOWN: ClassVar[Mapping[str, ErrorClass]] = {member.value: member for member in ErrorClass}

    def __init__(self, call: str, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "failed")), retry_after_ms=error.get("retry_after_ms"))
        self.call = call
        self.code = str(error.get("code", ""))
        self.error_class = self._KNOWN.get(str(error.get("class")), ErrorClass.PERMANENT)

    def to_json(self) -> dict[str, Any]:
        """The fault as it crosses the boundary; the message names the call. Its code lets the engine say what to do."""
        fault = super().to_json() | {"message": f"{self.call}: {self.message}"}
        return fault | {"call": self.call, "code": self.code} if self.code else fault
