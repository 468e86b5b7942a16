"""What follows from a reason: the one table that everybody asks who decides something by one.

Invariant: every reason has its row, and so a new one is classified once, here. What a reason means to a person is said
in `docs/spec/conditions.md`. This module must not know who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.conditions import Reason


@dataclass(frozen=True, slots=True)
class Traits:
    """What holds of an instance, or of a run's unit, with a reason. What is safe is left out.

    Attributes:
        as_declared: it was seen as it is declared.
        done: a unit that ended with it ended well.
        trouble: that it is as declared again afterwards is worth an event.
        settled: not as declared, and yet a rescan need not look before it moves or its own time has come.
        left_alone: people decided that it is not touched, so nothing that depends on it waits for it.
        unclaimed: a unit that ended with it may have been done without its inventory, so that it alone still knows
            what was there before us.
        asks: it waits for a person to approve.
        awaited: what is declared is still to come: a person or a window has to let it, and a rollout waits for that.
        governed: policies have not let it pass, so that it is decided about again when they are others.
        held: why it is left as it is, because of what is declared, or no longer is; what a unit says comes before it.
    """

    as_declared: bool = False
    done: bool = False
    trouble: bool = False
    settled: bool = False
    left_alone: bool = False
    unclaimed: bool = False
    asks: bool = False
    awaited: bool = False
    governed: bool = False
    held: str = ""


TRAITS: Mapping[Reason, Traits] = {
    Reason.IN_SYNC: Traits(as_declared=True, done=True),
    Reason.APPLIED: Traits(as_declared=True, done=True),
    Reason.PENDING: Traits(unclaimed=True),
    Reason.DEPENDENCY_NOT_READY: Traits(),
    Reason.APPLYING: Traits(),
    Reason.DIFFERS: Traits(trouble=True, settled=True, held="left as it is by policy: observe"),
    Reason.HELD: Traits(
        trouble=True,
        settled=True,
        asks=True,
        awaited=True,
        held="was there before and differs; left as it is by adopt: hold",
    ),
    Reason.PRUNE_HELD: Traits(
        trouble=True, settled=True, asks=True, held="is declared no longer; left until a person approves"
    ),
    Reason.POLICY_DENIED: Traits(trouble=True, settled=True, governed=True),
    Reason.POLICY_HELD: Traits(
        trouble=True,
        settled=True,
        asks=True,
        awaited=True,
        governed=True,
        held="policies want it approved by a person first",
    ),
    Reason.PAUSED: Traits(left_alone=True),
    Reason.SUSPENDED: Traits(left_alone=True),
    Reason.CONTESTED: Traits(done=True, trouble=True, settled=True),
    Reason.DID_NOT_CONVERGE: Traits(trouble=True, settled=True),
    Reason.UNHEALTHY: Traits(trouble=True),
    Reason.UNREACHABLE: Traits(unclaimed=True),
    Reason.TRANSIENT_ERROR: Traits(trouble=True),
    Reason.THROTTLED: Traits(trouble=True),
    Reason.CONFLICT: Traits(),
    Reason.PERMANENT_ERROR: Traits(trouble=True),
    Reason.ABANDONED: Traits(unclaimed=True),
    Reason.WATCH_DEGRADED: Traits(),
}

AS_DECLARED = frozenset(reason for reason, traits in TRAITS.items() if traits.as_declared)
DONE = frozenset(reason for reason, traits in TRAITS.items() if traits.done)
TROUBLE = frozenset(reason for reason, traits in TRAITS.items() if traits.trouble)
SETTLED = frozenset(reason for reason, traits in TRAITS.items() if traits.settled)
LEFT_ALONE = frozenset(reason for reason, traits in TRAITS.items() if traits.left_alone)
ASKS = frozenset(reason for reason, traits in TRAITS.items() if traits.asks)
AWAITED = frozenset(reason for reason, traits in TRAITS.items() if traits.awaited)
GOVERNED = frozenset(reason for reason, traits in TRAITS.items() if traits.governed)
UNCLAIMED = frozenset(reason for reason, traits in TRAITS.items() if traits.unclaimed)
HELD: Mapping[Reason, str] = {reason: traits.held for reason, traits in TRAITS.items() if traits.held}
DECIDED = LEFT_ALONE | HELD.keys()
"""It is as a person, or a manifest, wants it left: no failure."""


def result_of(reason: Reason) -> str:
    """What a look has led to, in the words of controller-runtime where it has one."""
    traits = TRAITS[reason]
    if traits.as_declared:
        return "success"
    if traits.held or traits.left_alone or traits.asks:
        return "held"
    return "error" if traits.trouble else "requeue"
