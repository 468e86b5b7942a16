"""Who decides what may be done: a source's policies about what it declares, and the operator's about everything.

Invariant: policies that should be there and are not, deny. This module must not know who asks. What it takes to ask is
imported where there are any.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.model.decisions import PolicyDecision
from reconciler.model.metrics import POLICY_DECISIONS, POLICY_TIME
from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.policy import Actor, AtWork, PlannedChange, PolicyFiles

if TYPE_CHECKING:
    from reconciler.model.desired import Desired
    from reconciler.model.facts import Facts
    from reconciler.model.source import Snapshot
    from reconciler.model.target import Target
    from reconciler.policy.admitting import Admitted
    from reconciler.policy.shelf import PolicyShelf
    from reconciler.runtime import Runtime

LANE = "policy"
FACTS_PATIENCE = 5.0
"""Seconds that are waited for what a target is, at first contact with it."""
DECISIVE = ("target", "changes", "actor")
"""What of a question about changes makes it the same one, whatever time it is and whatever others are at."""


class Note(Protocol):
    """Puts something on record for the audit log."""

    def __call__(self, action: str, data: Mapping[str, Any], /) -> None:
        """Put it on record.

        Args:
            action: what was done.
            data: what there is to say of it.
        """


class Own(Protocol):
    """Gives the policies of a source that hold on a target."""

    def __call__(self, source: SourceName, target: TargetName, /) -> Sequence[PolicyFiles]:
        """None where it has none."""


class Come(Protocol):
    """Waits until anything is known of a target."""

    def __call__(self, name: TargetName, /, *, within: float) -> Awaitable[None]:
        """Wait, but no longer than so many seconds."""


@dataclass(frozen=True, slots=True)
class OperatorPolicies:
    """What the operator has to say about everything.

    Attributes:
        files: the policies; None where the operator has none.
        trouble: why they cannot be had although there should be some, or "".
        place: where they are, for a person.
    """

    files: PolicyFiles | None = None
    trouble: str = ""
    place: str = ""

    def __bool__(self) -> bool:
        return self.files is not None or bool(self.trouble)


class Policing:
    """See the module.

    Args:
        shelf: gives what has policies ready; it is asked only where there are any.
        runtime: the world.
        facts: gives what is known of a target.
        capabilities: by package, what its provider may ask of a target.
        actor: on whose account things are done.
        note: puts decisions on record.
        come: waits for what is known of a target; None for who decides about no changes.
        shares: whether other controllers are at work on targets as well.

    Attributes:
        operator: what the operator has to say.
        own: gives the policies that a source in force has beside its manifests, as they hold on a target.
    """

    def __init__(
        self,
        shelf: Callable[[], PolicyShelf],
        runtime: Runtime,
        *,
        facts: Callable[[TargetName], Facts],
        capabilities: Mapping[str, Any],
        actor: Actor,
        note: Note,
        come: Come | None = None,
        shares: bool = False,
    ) -> None:
        self.operator = OperatorPolicies()
        self.own: Own = _none
        self._make = shelf
        self._made: PolicyShelf | None = None
        self._runtime = runtime
        self._facts = facts
        self._capabilities = capabilities
        self._actor = actor
        self._note = note
        self._come = come
        self._shares = shares

    def _shelf(self) -> PolicyShelf:
        if self._made is None:
            self._made = self._make()
        return self._made

    # --- Changes ------------------------------------------------------------------------------------------------------

    def decides(self, desired: Desired) -> bool:
        """Whether what is declared is decided about at all; from now on, by what is in there about its source."""
        self.own = lambda source, target: desired.policies_on(target) if source == desired.source else ()
        return bool(self.operator) or desired.policies is not None or bool(desired.governed)

    def follow(self, in_force: Callable[[SourceName], Desired | None]) -> None:
        """From now on, decide by what is in force."""

        def own(source: SourceName, target: TargetName) -> Sequence[PolicyFiles]:
            desired = in_force(source)
            return () if desired is None else desired.policies_on(target)

        self.own = own

    def close(self) -> None:
        """Free what was made ready."""
        if self._made is not None:
            self._made.close()

    def govern(self, source: SourceName, target: TargetName) -> bool:
        """See Policies."""
        return bool(self.operator) or bool(self.own(source, target))

    async def prepare(self, target: TargetName) -> None:
        """See Policies. Facts are gathered beside the rounds, as soon as there is a session."""
        if self._come is not None:
            await self._come(target, within=FACTS_PATIENCE)

    async def decide(
        self,
        target: Target,
        changes: Sequence[PlannedChange],
        at_work: Sequence[AtWork],
        *,
        binding: bool,
    ) -> tuple[PolicyDecision, ...]:
        """See Policies."""
        from reconciler.policy.deciding import decide
        from reconciler.policy.questions import about_plan

        found, loop = [], asyncio.get_running_loop()
        facts = self._facts(target.name)
        for files, mine in self._governing(target.name, changes).values():
            if not facts:  # a rule that goes by one would say nothing
                why = f"what {target.name} is has not been asked yet, or it has not said"
                found.append(_undecided(files.place, target.name, why, len(mine)))
                continue
            question = about_plan(
                target,
                mine,
                None if self._shares else at_work,
                facts=facts,
                capabilities=self._capabilities,
                actor=self._actor,
            )
            ask = partial(
                decide,
                self._shelf(),
                files,
                "plan",
                question,
                about=target.name,
                decisive=DECISIVE,
                now=self._runtime.now(),
            )
            begun = loop.time()
            found.append(await self._runtime.offload(LANE, ask))
            self._runtime.meter.observe(POLICY_TIME, loop.time() - begun, "plan")
        if self.operator.trouble:
            found.append(self._without(target.name, len(changes)))
        if binding:
            for one in found:
                self._count("plan", one)
                self._note(f"policy.{one.effect}", self._said(one))
        return tuple(found)

    def _governing(
        self, target: TargetName, changes: Sequence[PlannedChange]
    ) -> dict[Digest, tuple[PolicyFiles, list[PlannedChange]]]:
        """The policies of each place, with the changes that they decide about."""
        found: dict[Digest, tuple[PolicyFiles, list[PlannedChange]]] = {}
        if self.operator.files is not None:
            found[Digest("")] = self.operator.files, list(changes)
        for change in changes:
            for files in self.own(change.source, target):
                found.setdefault(files.digest, (files, []))[1].append(change)
        return found

    def _without(self, about: str, changes: int) -> PolicyDecision:
        """That the operator's policies cannot be had."""
        return _undecided(self.operator.place, about, f"they cannot be had: {self.operator.trouble}", changes)

    # --- Snapshots ----------------------------------------------------------------------------------------------------

    async def admit(self, snapshot: Snapshot, desired: Desired) -> Desired:
        """See that a snapshot may be put in force; what it declares, with what policies warn of.

        Raises:
            NotAdmitted: it may not.
        """
        if not self.operator and desired.policies is None:
            return desired
        from reconciler.policy.admitting import NotAdmitted

        try:
            admitted = await self._runtime.offload("config", partial(self.admitted, snapshot, desired))
        except NotAdmitted as error:
            self._record(error.decisions)
            raise
        self._record(admitted.decisions)
        return admitted.desired

    def admitting(self, load: Callable[[Snapshot], Desired]) -> Callable[[Snapshot], Desired]:
        """What evaluates a snapshot, and sees that it may be put in force."""

        def evaluate(snapshot: Snapshot) -> Desired:
            desired = load(snapshot)
            if not self.operator and desired.policies is None:
                return desired
            return self.admitted(snapshot, desired).desired

        return evaluate

    def admitted(self, snapshot: Snapshot, desired: Desired) -> Admitted:
        """The same, blocking.

        Raises:
            NotAdmitted: it may not.
        """
        from reconciler.policy.admitting import NotAdmitted, admit

        if self.operator.trouble:
            decision = self._without(desired.source, len(desired.instances))
            raise NotAdmitted.because(snapshot.root or snapshot.source, decision)
        places = [files for files in (self.operator.files, desired.policies) if files is not None]
        return admit(self._shelf(), places, snapshot, desired, now=self._runtime.now())

    def _record(self, decisions: Sequence[PolicyDecision]) -> None:
        for one in decisions:
            self._count("admission", one)
            self._note(f"policy.{one.effect}", {**self._said(one), "stage": "admission"})

    def _count(self, stage: str, decision: PolicyDecision) -> None:
        effect = "failed" if decision.failed else decision.effect
        self._runtime.meter.count(POLICY_DECISIONS, stage, effect)

    def _said(self, decision: PolicyDecision) -> dict[str, Any]:
        return {"object": decision.about, "actor": self._actor.name, **decision.document()}


def _undecided(place: str, about: str, why: str, changes: int) -> PolicyDecision:
    """What was not even asked."""
    digest = hashlib.sha256(f"{place}\0{about}\0{why}".encode()).hexdigest()[:22]
    return PolicyDecision(id=digest, place=place, about=about, failed=why, changes=changes)


def _none(_source: SourceName, _target: TargetName) -> Sequence[PolicyFiles]:
    """No source has any."""
    return ()
