"""What a provider asks of a target and what it is answered, as values.

They are made, and checked, where their JSON comes in (`plugins/replies.py`, `targets/protocol.py`). `wire` gives
the JSON of a reply, which is the same in a frame and on the way to a provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ErrorClass


@dataclass(frozen=True, slots=True)
class Call:
    """Something that is asked of a target.

    Attributes:
        name: such as `file.stat`.
        args: those of one item of the runner's command.
    """

    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ok:
    """It was done.

    Attributes:
        value: as the protocol describes it for each call.
    """

    value: Mapping[str, Any]

    def wire(self) -> dict[str, Any]:
        """As JSON."""
        return {"ok": self.value}


@dataclass(frozen=True, slots=True)
class Failure:
    """It was not done.

    Attributes:
        error_class: what the scheduler does about it.
        code: for programs, such as `enoent`.
        message: for people.
        retry_after_ms: when it may be tried again, of what is throttled.
        whole: whether the command of which it was a part failed as a whole: what became of this part is not said.
    """

    error_class: ErrorClass
    code: str
    message: str
    retry_after_ms: int | None = None
    whole: bool = False

    def wire(self) -> dict[str, Any]:
        """As JSON."""
        error: dict[str, Any] = {"class": self.error_class.value, "code": self.code, "message": self.message}
        if self.retry_after_ms is not None:
            error["retry_after_ms"] = self.retry_after_ms
        return {"error": error}


Reply = Ok | Failure
"""The answer to one call."""
