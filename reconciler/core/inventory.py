"""Whose a thing is, why it is changed, and whether it may be: decided from records, never from a guess.

What is ours is what we created, or found and adopted; nothing else may ever be removed because its manifest
is gone.

    ours?  there?  equal?    changed because              touched?                     ours afterwards?
    no     yes     yes       - (nothing to do)            -                            yes: adopted
    no     yes     no        adopt                        adopt: replace yes,          yes, once changed
                                                          adopt: hold not yet
    no     no      no        spec (it is created)         yes                          yes, once created
    no     no      yes       - (declared absent, is)      -                            no
    yes    any     yes       - (in sync)                  -                            as before
    yes    any     no        drift, if it was seen in     yes                          as before
                             sync at this generation,
                             else spec

What is ours and declared no longer is changed because of `prune`, and is not ours once it is gone: see `prune.py`.
Nor is what a person has had put back as it was before us, which is changed because of `restore`.

`policy: observe` and `paused` forbid to touch in every row, and what is not touched does not become ours,
except by being found equal. This module must not know how anything is changed, nor what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.model.conditions import Reason
from reconciler.model.plan import Cause
from reconciler.model.resource import Adopt, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.model.names import Address, Digest
    from reconciler.model.resource import Instance
    from reconciler.model.state import ResourceState

_FORBIDDEN = {Policy.OBSERVE: Reason.DIFFERS, Policy.PAUSED: Reason.PAUSED}


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows for one instance.

    Attributes:
        cause: why it is changed, or would be; for what is equal, why it is ours.
        held: why it is not touched although it differs; None if it may be, or need not.
    """

    cause: Cause
    held: Reason | None


def seen_in_sync(state: ResourceState | None, digest: Digest) -> bool:
    """Whether an observation in sync with the declaration `digest` is on record."""
    return state is not None and state.digest == digest and state.observed is not None


def cause_of(state: ResourceState | None, digest: Digest, *, exists: bool, unfinished: bool = False) -> Cause:
    """Why an instance that differs is changed.

    DRIFT is said only where it had been seen in sync as it is declared now; what we never touched is
    adopted; anything else follows the declaration.

    Args:
        state: what is on record about it, or None.
        digest: of the instance as declared now.
        exists: whether the thing is there.
        unfinished: whether it is known to be half of what was begun here.
    """
    if unfinished:
        return Cause.SPEC
    if seen_in_sync(state, digest):
        return Cause.DRIFT
    owned = state is not None and state.owned
    return Cause.ADOPT if exists and not owned else Cause.SPEC


def decide(
    instance: Instance,
    state: ResourceState | None,
    *,
    exists: bool,
    equal: bool,
    unfinished: bool = False,
) -> Decision:
    """What follows from a fresh observation of `instance`: see the table above.

    Args:
        instance: as declared.
        state: what is on record about it, or None at first contact.
        exists: whether the thing is there.
        equal: whether it is as declared, ignored fields left aside.
        unfinished: whether it is known to be half of what was begun here: nobody's drift, and nothing to adopt.
    """
    if instance.removal is not None:
        return Decision(cause=Cause.RESTORE if instance.removal.asked else Cause.PRUNE, held=None)
    cause = cause_of(state, instance.digest, exists=exists, unfinished=unfinished)
    return Decision(cause=cause, held=None if equal else _held(instance, cause))


def _held(instance: Instance, cause: Cause) -> Reason | None:
    if (forbidden := _FORBIDDEN.get(instance.common.policy)) is not None:
        return forbidden
    waits = cause is Cause.ADOPT and instance.common.adopt is Adopt.HOLD
    return Reason.HELD if waits else None


def ours(state: ResourceState, *, exists: bool, changed: bool) -> bool:
    """Whether what was seen as it is declared is ours from then on.

    Args:
        state: what is on record about it.
        exists: whether the thing is there.
        changed: whether we made it so: what was there before us and is gone is ours, too, since what was in it can be
            brought back.
    """
    return state.owned or changed or exists


@dataclass(frozen=True, slots=True)
class Changes:
    """How two snapshots of what is desired differ; each in the order of its snapshot.

    Attributes:
        added: declared now and not before.
        changed: declared otherwise than before.
        removed: declared before and not now.
    """

    added: tuple[Address, ...]
    changed: tuple[Address, ...]
    removed: tuple[Address, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def changes(before: Mapping[Address, Digest], after: Mapping[Address, Digest]) -> Changes:
    """What a new snapshot means for each address, told from the digests of the instances."""
    return Changes(
        added=tuple(address for address in after if address not in before),
        changed=tuple(address for address, digest in after.items() if before.get(address, digest) != digest),
        removed=tuple(address for address in before if address not in after),
    )
