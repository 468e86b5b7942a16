"""A whole package on trial: every property, over all of its cases."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.conformance.cases import CASES, World
from reconciler.conformance.failures import try_failures
from reconciler.conformance.mixtures import mixtures
from reconciler.conformance.properties import try_case, try_many, try_to_destroy
from reconciler.conformance.stand import Stand
from reconciler.conformance.trials import Trial
from reconciler.conformance.verdicts import PROPERTIES, PropertyVerdict
from reconciler.conformance.worlds import CannotHave, Unprepared, difference
from reconciler.errors import ErrorClass, ProviderError
from reconciler.plugins.packages import Package

CANARY = "CANARY"
"""What a case writes in the place of a secret."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is tried; on hosts what is done takes its time.

    Attributes:
        mixtures: worlds that are mixed for each kind.
        failing: cases of each kind whose calls are let fail.
        classes: of the errors that what changes the world meets.
        removing: cases of each kind that are applied once more and taken away.
        finding: cases in whose worlds it is asked what there is.
    """

    mixtures: int = 24
    failing: int = 4
    classes: tuple[ErrorClass, ...] = tuple(ErrorClass)
    removing: int = 1000
    finding: int = 1000


@dataclass(frozen=True, slots=True)
class Sitting:
    """Cases that are tried in one world.

    Attributes:
        stand: where.
        trials: the cases.
        effort: how much is tried.
        lends: whether the world is lent, and has to be given back as it was.
    """

    stand: Stand
    trials: Sequence[Trial]
    effort: Effort = field(default_factory=Effort)
    lends: bool = False


async def examine(
    package: Package, sittings: Sequence[Sitting], *, strict: bool = True
) -> list[PropertyVerdict]:
    """Look at every property.

    Args:
        package: which.
        sittings: its cases.
        strict: whether a kind of which no case could be tried counts against it.

    Raises:
        UnknownCall, ModelFailed: the cases do not say enough of their world.
    """
    verdicts = {name: PropertyVerdict(name) for name in PROPERTIES}
    _described(package, verdicts["described"])
    tried: set[str] = set()
    skipped: list[str] = []
    for sitting in sittings:
        await _sit(sitting, verdicts, tried, skipped)
    if skipped:
        verdicts["cases"].note = f"{len(skipped)} cannot be here, such as {skipped[0]}"
    _kinds(package, tried, verdicts["kinds"], strict=strict)
    trials = [trial for sitting in sittings for trial in sitting.trials]
    _secrets(trials, verdicts["secrets"])
    _capabilities(
        package, [sitting.stand for sitting in sittings], verdicts["capabilities"], all_of_them=not skipped
    )
    if not any(sitting.lends for sitting in sittings):
        del verdicts["clean"]
    for name, verdict in verdicts.items():
        if not verdict.looked and not verdict.note:
            verdict.note = (
                "no case shows it" if trials else f"there are no cases in {package.directory / CASES}"
            )
            if name == "cases":
                verdict.look(verdict.note)
    return list(verdicts.values())


async def _sit(
    sitting: Sitting, verdicts: Mapping[str, PropertyVerdict], tried: set[str], skipped: list[str]
) -> None:
    """Try the cases of one world."""
    stand = sitting.stand
    verdicts["faults"].trials.clear()  # what goes on beside another one has to be in its world
    before = await stand.world.snapshot() if sitting.lends else {}
    try:
        await _try_all(sitting, verdicts, tried, skipped)
    finally:
        if sitting.lends:
            await stand.world.restore({})
    if sitting.lends and sitting.trials:
        changed = difference(before, await stand.world.snapshot())
        verdicts["clean"].look(
            f"it is not as it was before: {changed}" if changed else "",
            place=str(stand.package.directory / CASES),
        )


async def _try_all(
    sitting: Sitting, verdicts: Mapping[str, PropertyVerdict], tried: set[str], skipped: list[str]
) -> None:
    stand, active, worlds = sitting.stand, [], []
    for trial in sitting.trials:
        try:
            if await _guarded(sitting, trial, verdicts):
                active.append(trial)
        except Unprepared as reason:
            verdicts["cases"].look(str(reason), trial)
            continue
        except CannotHave as reason:
            skipped.append(f"{trial.case.name}: {reason}")
            continue
        tried.add(trial.case.kind.kind)
        worlds += [trial.case.world, await stand.world.snapshot()]
        _listen(stand, trial, verdicts["secrets"])
    for trial in active[: sitting.effort.finding]:
        with contextlib.suppress(CannotHave):
            await _find(stand, trial, verdicts["reading"])
    mixable = [trial for trial in sitting.trials if not trial.case.fault]
    await _mixed(sitting, mixable, worlds, verdicts["convergence"])


async def _guarded(sitting: Sitting, trial: Trial, verdicts: Mapping[str, PropertyVerdict]) -> bool:
    """Everything about one case; a package that fails as a whole fails that case."""
    stand, effort = sitting.stand, sitting.effort
    try:
        active = await try_case(stand, trial, verdicts)
        kind = trial.case.kind
        tried = verdicts["faults"].trials.setdefault(kind.kind, [])
        removed = verdicts["destroy"].trials.setdefault(kind.kind, [])
        if active and len(removed) < effort.removing:
            await try_to_destroy(stand, trial, verdicts["destroy"])
            removed.append(trial)
        if active and len(tried) < effort.failing:
            await try_failures(stand, trial, tried, verdicts, effort.classes)
            tried.append(trial)
        if kind.kind not in verdicts["many"].trials:
            verdicts["many"].trials[kind.kind] = [trial]
            await try_many(stand, trial, verdicts["many"])
    except ProviderError as error:
        verdicts["cases"].look(str(error), trial)
        return False
    return active


async def _find(stand: Stand, trial: Trial, verdict: PropertyVerdict) -> None:
    """Have it look for what could be declared, which changes nothing."""
    await stand.world.restore(trial.case.world)
    before = await stand.world.snapshot()
    try:
        await stand.find()
    except ProviderError as error:
        verdict.look(f"it cannot look for what there is: {error}", trial)
    changed = difference(before, await stand.world.snapshot())
    verdict.look(f"looking for what there is has changed {changed}" if changed else "", trial)


async def _mixed(
    sitting: Sitting, trials: Sequence[Trial], worlds: Sequence[World], verdict: PropertyVerdict
) -> None:
    """Put each kind right in worlds that nobody has written down."""
    stand = sitting.stand
    for kind in dict.fromkeys(trial.case.kind.kind for trial in trials):
        mine = [trial for trial in trials if trial.case.kind.kind == kind]
        for number, world in enumerate(mixtures(worlds, sitting.effort.mixtures, seed=SEED)):
            trial = mine[number % len(mine)]
            try:
                with contextlib.suppress(CannotHave):
                    await stand.world.restore(world)
                    verdict.look(await _converge(stand, trial), trial)
            except ProviderError as error:
                verdict.look(f"in a mixture of all worlds: {error}", trial)


async def _converge(stand: Stand, trial: Trial) -> str:
    """Why one apply is not enough, or ""."""
    before = await stand.world.snapshot()
    [operation] = await stand.look([trial.resource])
    if "fault" in operation:
        changed = difference(before, await stand.world.snapshot())
        if operation["fault"]["class"] == ErrorClass.CONFLICT:
            return f"nothing moved, and its fault is a conflict: {operation['fault']['message']}"
        return f"it has only looked, and changed {changed}" if changed else ""
    for result in await stand.do([operation]):
        if "fault" in result:
            if result["fault"]["class"] == ErrorClass.CONFLICT:
                return f"nothing moved, and its fault is a conflict: {result['fault']['message']}"
            return ""
    [left] = await stand.look([trial.resource])
    if operation.get("obstacles") or left.get("action") == "none":
        return ""
    if "fault" in left:
        return f"in a mixture of all worlds it fails after it was applied: {left['fault']['message']}"
    fields = ", ".join(diff["field"] for diff in left["diffs"] if not diff.get("ignored"))
    return f"in a mixture of all worlds one apply is not enough: {fields} still differs"


def _kinds(package: Package, tried: Collection[str], verdict: PropertyVerdict, *, strict: bool) -> None:
    """Whether a case of each kind could be tried."""
    missing = [kind.kind for kind in package.kinds if kind.kind not in tried]
    if missing and not strict:
        verdict.note = f"no case of {', '.join(missing)} can be here"
        return
    for kind in package.kinds:
        untried = f"no case of {kind.kind} could be tried here: give it one"
        verdict.look("" if kind.kind in tried else untried, place=str(package.directory / CASES))


def _described(package: Package, verdict: PropertyVerdict) -> None:
    """Whether `froyo explain` has something to say of everything."""
    for kind in package.kinds:
        for path, schema in _fields(kind.schema, kind.kind):
            said = "" if schema.get("description") else f"{path} has no description in its schema"
            verdict.look(said, place=str(package.directory))


def _fields(schema: Mapping[str, Any], path: str) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    if schema.get("type") == "object" and "." not in path:
        found.append((path, schema))
    for name, one in schema.get("properties", {}).items():
        found.append((f"{path}.{name}", one))
        for inner in (one, one.get("items"), one.get("additionalProperties")):
            if isinstance(inner, Mapping):
                found += _fields(inner, f"{path}.{name}")
    return found


def _listen(stand: Stand, trial: Trial, verdict: PropertyVerdict) -> None:
    """See that what it said has no secret in it, and that no command line has."""
    for phase, text in stand.heard:
        verdict.look(f"what it answers in {phase} has {CANARY} in it" if CANARY in text else "", trial)
    for call in stand.calls[stand.scanned :]:
        shown = CANARY in str(call.args.get("argv", ""))
        verdict.look(f"the command line of {call.name} has {CANARY} in it" if shown else "", trial)
    stand.heard.clear()
    stand.scanned = len(stand.calls)


def _secrets(trials: Sequence[Trial], verdict: PropertyVerdict) -> None:
    """Say so where nothing was to be kept."""
    if not any(CANARY in f"{trial.case.world}{trial.case.spec}{trial.case.source}" for trial in trials):
        verdict.looked = 0
        verdict.note = f"no case has {CANARY} in it"


def _capabilities(
    package: Package, stands: Sequence[Stand], verdict: PropertyVerdict, *, all_of_them: bool
) -> None:
    """Compare what it asks for in its manifest with what it has called.

    Where cases were left out, nothing can be said of what was not called.
    """
    made = {call.name for stand in stands for call in stand.calls}
    if not made:
        return
    place = f"{package.directory}/manifest.yaml"
    for refusal in dict.fromkeys(refusal for stand in stands for refusal in stand.refusals):
        verdict.look(refusal, place=place)
    for name in dict.fromkeys(one.call for one in package.capabilities):
        unused = f"it asks for {name}, which no case has it make: take it away, or add a case"
        verdict.look("" if name in made or not all_of_them else unused, place=place)
