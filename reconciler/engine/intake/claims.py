"""What only one source can have, and who has it: of two that claim one thing, the one that has it keeps it.

Unless that one is about to give it up, and waits for what the other one has: then they exchange it, at one moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.errors import Problem
from reconciler.model.desired import Desired
from reconciler.model.names import SourceName, TargetName
from reconciler.model.resource import Instance
from reconciler.model.target import Target

_APART = "take one of the two declarations away"
_CALLED = "give one of them another name, or say namespace in its metadata"
_ALIKE = "say in both of them how it is reached in the same way, or in one alone"


@dataclass(frozen=True, slots=True)
class Had:
    """What a source had when it was last in force, and keeps until it is read.

    Attributes:
        source: its name.
        instances: that it has.
        targets: that it declares.
    """

    source: SourceName
    instances: Collection[Instance]
    targets: Mapping[TargetName, Target] = field(default_factory=dict)


def claims(one: Instance) -> list[tuple[TargetName, str]]:
    """What only one source can have of an instance: its address, and what it is the one owner of."""
    return [(one.target, str(one.ref)), *subjects(one)]


def subjects(one: Instance) -> list[tuple[TargetName, str]]:
    """What an instance is the one owner of, whatever it is called."""
    return [(one.target, str(subject)) for subject in one.provides]


def parts(one: Instance) -> list[tuple[TargetName, str]]:
    """What an instance owns a part of: others may as well, and nobody may own the whole."""
    return [(one.target, str(subject)) for subject in one.shares]


def clashes(
    desired: Desired,
    source: SourceName,
    instances: Iterable[Instance],
    targets: Mapping[TargetName, Target] | None = None,
) -> list[Problem]:
    """What `desired` claims of what another source has, or says otherwise of a target.

    Args:
        desired: what one source declares.
        source: the other one.
        instances: that it has.
        targets: that it declares.
    """
    problems = []
    targets = targets or {}
    for name in desired.targets.keys() & targets.keys():
        mine, their = desired.targets[name], targets[name]
        if mine.transport != their.transport:
            what = f"target {name}"
            problems.append(_clash(what, mine.origin, source, their.origin, how=" in another way", do=_ALIKE))
    theirs = list(instances)
    taken = {claim: one for one in theirs for claim in claims(one)}
    # What they own a part of can be shared, and not be owned as a whole.
    shared = {claim: one for one in theirs for claim in parts(one)}
    for one in desired.instances.values() if taken else ():
        held = next((taken[claim] for claim in (*claims(one), *parts(one)) if claim in taken), None)
        held = held or next((shared[claim] for claim in subjects(one) if claim in shared), None)
        if held is not None:
            only_named = set(subjects(one)).isdisjoint(subjects(held))
            do = _CALLED if only_named and one.ref == held.ref else _APART
            problems.append(_clash(_named(one), one.origin, source, held.origin, do=do))
    return problems


def still_wanted(had: Had, wanted: Desired) -> Had:
    """What of that its source has not given up itself: the rest need nobody else wait for.

    Its last good snapshot may be in conflict with what is in force, so that it can never be put back.
    """
    claimed = {claim for one in wanted.instances.values() for claim in claims(one)}
    instances = [one for one in had.instances if not claimed.isdisjoint(claims(one))]
    targets = {
        name: one
        for name, one in had.targets.items()
        if name in wanted.targets and wanted.targets[name].transport == one.transport
    }
    return Had(had.source, instances, targets)


def exchange(
    desired: Desired, in_force: Mapping[SourceName, Desired], waiting: Mapping[SourceName, Desired]
) -> Collection[Desired]:
    """What of others waits and has to be in force together with `desired`; nothing where they cannot be.

    Each of two sources may claim what the other one is about to give up: neither could ever be first.

    Args:
        desired: what one source has come to declare, and claims of others.
        in_force: what each source has.
        waiting: what others have come to declare, and cannot have yet.
    """
    chosen = {desired.source: desired}
    todo = [desired]
    while todo:
        one = todo.pop()
        for source, other in {**in_force, **chosen}.items():
            if source == one.source or not clashes(one, source, other.instances.values(), other.targets):
                continue
            if source in chosen or source not in waiting:
                return ()
            chosen[source] = waiting[source]
            todo.append(waiting[source])
    del chosen[desired.source]
    return list(chosen.values())


def _named(one: Instance) -> str:
    about = ", ".join(str(subject).removeprefix("path:") for subject in one.provides)
    return f"{one.ref} on {one.target}" + (f" ({about})" if about else "")


def _clash(
    what: str, here: object, source: SourceName, there: object, *, how: str = "", do: str = _APART
) -> Problem:
    return Problem(
        file=getattr(here, "file", ""),
        line=getattr(here, "line", 0),
        column=0,
        message=f"{what} is declared by another source already{how}: {source}"
        + (f", {there}" if str(there) else ""),
        hint=f"it stays with that one, and nothing of this source changes; {do}",
    )
