"""Why a call of the controller's was not answered as it was asked, in the words of its reply."""

from __future__ import annotations

from reconciler.errors import ErrorClass
from reconciler.model.calls import Failure


class Unanswered(Exception):
    """There is no answer. Never leaves this package: it becomes a Failure.

    Args:
        code: for programs: `bad_request`, `forbidden_address`, `no_name`, `no_connection`, `no_forwarding`,
            `bad_certificate`, `no_tls`, `no_http` or `deadline`.
        message: for people: what was asked for, where, and why it was not answered.
        error_class: whether the same question may be answered later.
    """

    def __init__(self, code: str, message: str, *, error_class: ErrorClass = ErrorClass.TRANSIENT) -> None:
        super().__init__(message)
        self.failure = Failure(error_class, code, message)


def bad(message: str) -> Unanswered:
    """What was asked for makes no sense, and never will."""
    return Unanswered("bad_request", message, error_class=ErrorClass.PERMANENT)
