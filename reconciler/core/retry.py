"""What the class of an error means for when to try again, and for the condition that says so.

    transient   backoff                                         Ready=False TransientError, or Unreachable
    throttled   at the time that it names; backoff if none      Ready=False Throttled
    conflict    at once, after reading again; backoff from      Ready=False Conflict
                the fourth in a row, or it would spin
    permanent   never by itself                                 Stalled PermanentError

Rescans go on whatever this says. One looks again at what failed for good when it was read or planned; what failed so
when it was applied is only applied again once what is declared or observed is another.

This module must not know how trying is done, nor count: the caller says how many failures there were in a
row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from reconciler.errors import ErrorClass, FroyoError, ProtocolError, ProviderError, TransportError
from reconciler.model.conditions import Reason

CONFLICTS_AT_ONCE = 3
"""How many conflicts in a row are answered by reading again at once."""

_REASONS = {
    ErrorClass.TRANSIENT: Reason.TRANSIENT_ERROR,
    ErrorClass.THROTTLED: Reason.THROTTLED,
    ErrorClass.CONFLICT: Reason.CONFLICT,
    ErrorClass.PERMANENT: Reason.PERMANENT_ERROR,
}


class When(Enum):
    """When to try again."""

    NOW = "now"
    AT = "at"
    BACKOFF = "backoff"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Requeue:
    """What follows from a failure.

    Attributes:
        when: to try again. NEVER means: not by itself.
        at: the time, for AT.
        reason: for the condition.
    """

    when: When
    reason: Reason
    at: float | None = None

    @property
    def stalled(self) -> bool:
        """Whether this is the Stalled condition's matter rather than Ready's."""
        return self.when is When.NEVER


def requeue(
    error_class: ErrorClass, *, now: float, failures: int = 1, retry_after: float | None = None
) -> Requeue:
    """What follows from a failure of `error_class`.

    Args:
        error_class: as the error says.
        now: on the clock of which `at` is to be.
        failures: how many in a row, this one included.
        retry_after: seconds that a throttled one asks for.
    """
    reason = _REASONS[error_class]
    if error_class is ErrorClass.PERMANENT:
        return Requeue(When.NEVER, reason)
    if error_class is ErrorClass.THROTTLED and retry_after is not None:
        return Requeue(When.AT, reason, now + max(0.0, retry_after))
    if error_class is ErrorClass.CONFLICT and failures <= CONFLICTS_AT_ONCE:
        return Requeue(When.NOW, reason)
    return Requeue(When.BACKOFF, reason)


def requeue_error(error: FroyoError, *, now: float, failures: int = 1) -> Requeue:
    """The same for an exception; a target that cannot be talked to is unreachable, which is transient."""
    retry_after = error.retry_after if isinstance(error, ProviderError) else None
    decision = requeue(error.error_class, now=now, failures=failures, retry_after=retry_after)
    if isinstance(error, TransportError | ProtocolError):
        return Requeue(decision.when, Reason.UNREACHABLE, decision.at)
    return decision
