"""How targets are that have had their turn in a rollout: from what is known of their instances.

Invariants: nobody calls a target ready by what was known of it before its turn: each instance has to be ready as it is
declared there now. What was wrong before and is no other now is not what its turn has done, and is waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reconciler.core.conditions import get_condition, summarize
from reconciler.core.reasons import AWAITED, DECIDED
from reconciler.engine.loop.controller import Controller
from reconciler.engine.settings import EngineSettings
from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.desired import Desired
from reconciler.model.names import Address, TargetName, address
from reconciler.model.resource import Instance
from reconciler.model.rollout import Rollout, RolloutRecord, Sight, TargetSeen
from reconciler.model.state import ResourceState, TargetState

_READY = Sight(TargetSeen.READY)
ANSWER = 10.0
"""Seconds that the answer to a probe takes at most, as far as a rollout waits for one."""


class Seeing:
    """One look at the targets of a source.

    Args:
        controller: knows how they are.
        desired: what is in force of the source.
    """

    def __init__(self, controller: Controller, desired: Desired) -> None:
        self._targets: Mapping[TargetName, TargetState] = controller.targets
        self._states: Mapping[Address, ResourceState] = controller.states()
        self._desired = desired
        removals = controller.in_force.removals
        going = {a: one for a, (one, whose) in removals.going.items() if whose == desired.source}
        self._instances = {**desired.instances, **going}
        self._instances |= {a: one for a, one in removals.restored.items() if a in desired.instances}
        self._on: dict[TargetName, list[Instance]] = {}
        for one in self._instances.values():
            self._on.setdefault(one.target, []).append(one)

    def sights(self, record: RolloutRecord) -> dict[TargetName, Sight]:
        """Of each target of a rollout that has had its turn, how it is."""
        return {
            name: self._target(name, turn.begun)
            for name, turn in record.turns.items()
            if turn.begun is not None
        }

    def unwell(self, rollout: Rollout) -> str:
        """The first of the probes that a rollout names that is not ready, or ""."""
        for ref in rollout.probes:
            for name in self._desired.targets:
                one = self._desired.instances.get(address(name, ref))
                if one is not None and not self._instance(one, 0.0).seen.well:
                    return one.address
        return ""

    def _target(self, name: TargetName, begun: float) -> Sight:
        on = self._on.get(name, ())
        if not on and name not in self._desired.waiting:
            return _READY
        state = self._targets.get(name)
        reached = None if state is None else get_condition(state.conditions, ConditionType.READY)
        if reached is None or not reached.status:
            return Sight(
                TargetSeen.UNREACHABLE, "it cannot be reached" if reached is None else reached.message
            )
        if name in self._desired.waiting:
            return Sight(TargetSeen.COMING, "its facts are not known")
        return _worst(self._instance(one, begun) for one in on)

    def _instance(self, one: Instance, begun: float) -> Sight:
        state, ref = self._states.get(one.address), one.ref
        if state is None or state.digest != one.digest:
            return Sight(TargetSeen.COMING, f"{ref} has not been looked at yet")
        ready = get_condition(state.conditions, ConditionType.READY)
        if ready is not None and ready.status and ready.observed_generation == state.generation:
            return _READY
        summary = summarize(state.conditions)
        why = f"{ref}: {summary.reason}" + (f": {summary.message}" if summary.message else "")
        if summary.reason in AWAITED:
            return Sight(TargetSeen.HELD, why)
        if summary.reason is Reason.SUSPENDED and state.observed_generation != state.generation:
            return Sight(TargetSeen.SUSPENDED, why)
        if summary.reason in DECIDED:
            return _READY
        stalled = get_condition(state.conditions, ConditionType.STALLED)
        if stalled is None and ready is not None and ready.status:  # so it was before its turn
            return Sight(TargetSeen.COMING, f"{ref} has not been looked at yet")
        bad = stalled or (ready if summary.reason is Reason.UNHEALTHY else None)
        now = bad is not None and bad.observed_generation == state.generation and bad.since >= begun
        return Sight(TargetSeen.FAILED if now else TargetSeen.COMING, why)


def probed(desired: Desired, record: RolloutRecord, rollout: Rollout) -> list[Instance]:
    """What is probed on the targets of a wave, and what the rollout names."""
    wave = {turn.target for turn in record.turns.values() if turn.wave == record.wave}
    named = {*rollout.probes}
    return [
        one
        for one in desired.instances.values()
        if one.probe is not None and (one.target in wave or one.ref in named)
    ]


def settle(probes: Iterable[Instance], settings: EngineSettings) -> float:
    """Seconds after which each of these has been asked again: until then, that it is ready says how it was before."""
    longest = 0.0
    for one in probes:
        interval = one.common.interval or settings.probe_interval
        retries = 0 if one.probe is None else one.probe.retries
        asked = interval * (1 + settings.rhythm.jitter) + retries * settings.probe_pause + ANSWER
        longest = max(longest, asked)
    return longest


def _worst(sights: Iterable[Sight]) -> Sight:
    found: dict[TargetSeen, Sight] = {}
    for sight in sights:
        found.setdefault(sight.seen, sight)
    order: Collection[TargetSeen] = (
        TargetSeen.FAILED,
        TargetSeen.HELD,
        TargetSeen.COMING,
        TargetSeen.SUSPENDED,
    )
    return next((found[seen] for seen in order if seen in found), _READY)
