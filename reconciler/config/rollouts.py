"""Rollout manifests to the model's objects, and what is wrong with them that no schema can say.

Invariant: which targets a Rollout is about follows from labels alone. Facts may not be known when it begins, and who is
not known to be in a wave would have its turn at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.config.own_fields import Complain, Path, duration
from reconciler.config.selectors import selector
from reconciler.core.suggest import did_you_mean
from reconciler.model.names import Reference
from reconciler.model.rollout import (
    DEADLINE,
    OnFailure,
    OnUnreachable,
    Portion,
    Rollout,
    RolloutName,
    RolloutOrder,
    RolloutWave,
)
from reconciler.model.selector import Selector
from reconciler.model.target_lock import TargetLock

if TYPE_CHECKING:
    from reconciler.config.targets import ControllerPaths
    from reconciler.model.names import TargetName
    from reconciler.model.origin import Origin
    from reconciler.model.target import Target


def rollout(
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    origin: Origin,
    _controller: ControllerPaths,
    complain: Complain,
) -> Rollout:
    """The rollout that a valid manifest declares; which targets it selects is found out by `resolved`.

    Args:
        metadata: as written.
        spec: the same, valid by its schema.
        origin: where it stands.
        complain: told the path of a field from `spec` on, a message and a hint.
    """
    return Rollout(
        name=RolloutName(metadata["name"]),
        selector=_selector(spec["targets"], ("targets",), complain),
        waves=tuple(_wave(one, ("waves", index), complain) for index, one in enumerate(spec["waves"])),
        max_unavailable=_portion(spec["maxUnavailable"]) if "maxUnavailable" in spec else None,
        order=RolloutOrder(spec.get("order", RolloutOrder.NAME)),
        soak=duration(spec, ("soak",), 0.0, complain),
        deadline=duration(spec, ("deadline",), DEADLINE, complain),
        unreachable=OnUnreachable(spec.get("unreachable", OnUnreachable.FAIL)),
        max_failures=_portion(spec.get("maxFailures", 0)),
        on_failure=OnFailure(spec.get("onFailure", OnFailure.STOP)),
        probes=tuple(map(Reference, spec.get("probes", ()))),
        origin=origin,
    )


def lock(
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    origin: Origin,
    _controller: ControllerPaths,
    complain: Complain,
) -> TargetLock:
    """The lock that a valid manifest declares; see `rollout`."""
    return TargetLock(
        name=metadata["name"],
        selector=_selector(spec["targets"], ("targets",), complain),
        at_once=_portion(spec.get("atOnce", 1)),
        origin=origin,
    )


def locked(one: TargetLock, targets: Mapping[TargetName, Target]) -> TargetLock:
    """A lock with the targets that it selects."""
    found = frozenset(name for name, target in targets.items() if one.selector.matches(target.labels))
    return replace(one, targets=found)


def resolved(one: Rollout, targets: Mapping[TargetName, Target]) -> Rollout:
    """A rollout with the targets that it selects, and each of its waves."""
    selected = {name for name, target in targets.items() if one.selector.matches(target.labels)}
    waves = [
        wave
        if wave.selector is None
        else replace(
            wave,
            targets=frozenset(name for name in selected if wave.selector.matches(targets[name].labels)),
        )
        for wave in one.waves
    ]
    return replace(one, targets=tuple(name for name in targets if name in selected), waves=tuple(waves))


def troubles(
    one: Rollout,
    others: Collection[Rollout],
    targets: Mapping[TargetName, Target],
    declared: Collection[Reference],
) -> list[tuple[Path, str, str]]:
    """What is wrong with a resolved one beside others: where, a message and a hint.

    Args:
        one: which.
        others: those before it.
        targets: all that are declared.
        declared: `Kind/name` of all that is.
    """
    found: list[tuple[Path, str, str]] = []
    for other in others:
        both = [name for name in one.targets if name in other.targets]
        if both:
            message = f"{both[0]} is a target of Rollout/{other.name} already, at {other.origin}"
            found.append((("targets",), message, "give each target one Rollout at most"))
            break
    for index, wave in enumerate(one.waves):
        if wave.selector is not None and not wave.targets and one.targets:
            hint = did_you_mean_label(wave.selector, targets) or "take the wave away, or mend its labels"
            message = "this wave is of no target: none of those that the Rollout selects has these labels"
            found.append((("waves", index, "targets"), message, hint))
    for index, probe in enumerate(one.probes):
        if probe not in declared:
            found.append((("probes", index), f"there is no {probe}", did_you_mean(probe, declared)))
    return found


def did_you_mean_label(wanted: Selector, targets: Mapping[TargetName, Target]) -> str:
    """A hint where labels are wanted that nothing has."""
    labels = {f"{key}={value}" for target in targets.values() for key, value in target.labels.items()}
    missing = [f"{key}={value}" for key, value in wanted.labels if f"{key}={value}" not in labels]
    return did_you_mean(missing[0], sorted(labels)) if missing else ""


def _wave(one: Mapping[str, Any], at: Path, complain: Complain) -> RolloutWave:
    if "pause" in one and one.get("untilPromoted"):
        complain((*at, "pause"), "pause and untilPromoted do not go together", "keep one")
    return RolloutWave(
        size=_portion(one["size"]) if "size" in one else None,
        selector=_selector(one["targets"], (*at, "targets"), complain) if "targets" in one else None,
        pause=duration(one, (*at, "pause"), 0.0, complain),
        until_promoted=one.get("untilPromoted", False),
    )


def _selector(written: Mapping[str, Any], at: Path, complain: Complain) -> Selector:
    found = selector(written, lambda path, message, hint: complain((*at, *path), message, hint))
    if found.facts:
        complain(
            at,
            "this goes by labels: facts may not be known yet when it begins",
            "give the targets a label",
        )
    return found


def _portion(written: int | str) -> Portion:
    text = str(written)
    return Portion(percent=int(text[:-1])) if text.endswith("%") else Portion(int(text))
