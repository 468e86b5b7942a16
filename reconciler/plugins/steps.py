"""What a provider's instance is to the host, whether it lives in WebAssembly or in CPython."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from reconciler.errors import ErrorClass
from reconciler.plugins.calls import Phase


@dataclass(frozen=True, slots=True)
class Finished:
    """The phase is over.

    Attributes:
        text: the reply, JSON.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider waits for replies.

    Attributes:
        text: the calls, JSON.
        task: the instance's own name for what waits; means nothing to another instance.
    """

    text: str
    task: int = 0


class Fault(Exception):
    """The provider says that it cannot serve the request as a whole.

    Args:
        message: its own words.
        error_class: as it says.
        retry_after_ms: as it says.
    """

    def __init__(self, message: str, error_class: ErrorClass, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.error_class = error_class
        self.retry_after_ms = retry_after_ms


class Misbehaviour(Exception):
    """The provider broke a limit or the interface, or its instance died. That instance is of no use now."""


class Interrupted(Exception):
    """The instance was given little time, and needed more. It is of no use now; its provider may be fine."""


class ProviderInstance(Protocol):
    """A loaded provider. All of it may block, and none of it is thread-safe."""

    def start(self, phase: Phase, request: str) -> Finished | Pending:
        """Begin a phase.

        Raises:
            Fault: as the provider says.
            Misbehaviour: as the host finds.
        """

    def resume(self, task: int, replies: str) -> Finished | Pending:
        """Carry on; raises as `start` does."""

    def close(self) -> None:
        """Free what it holds. Never raises."""
