"""A whole package on trial: every property, over all of its cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.conformance.cases import CASES, World
from reconciler.conformance.failures import try_failures
from reconciler.conformance.mixtures import mixtures
from reconciler.conformance.properties import try_case, try_many, try_to_destroy
from reconciler.conformance.stand import Stand
from reconciler.conformance.trials import Trial
from reconciler.conformance.verdicts import PROPERTIES, PropertyVerdict
from reconciler.conformance.worlds import CannotHave, difference
from reconciler.errors import ErrorClass, ProviderError

CANARY = "CANARY"
"""What a case writes in the place of a secret."""
MIXTURES = 24
"""Worlds that are mixed for each kind."""
FAILING = 4
"""Cases of each kind whose calls are let fail."""
SEED = 1


async def examine(stand: Stand, trials: Sequence[Trial]) -> list[PropertyVerdict]:
    """Look at every property.

    Raises:
        UnknownCall, ModelFailed: the cases do not say enough of their world.
    """
    verdicts = {name: PropertyVerdict(name) for name in PROPERTIES}
    _described(stand, verdicts["described"])
    active, worlds, skipped = [], [], []
    for trial in trials:
        try:
            if await _guarded(stand, trial, verdicts):
                active.append(trial)
        except CannotHave as reason:
            skipped.append(f"{trial.case.name}: {reason}")
            continue
        worlds += [trial.case.world, stand.world.snapshot()]
        _listen(stand, trial, verdicts["secrets"])
    for trial in active:
        await _find(stand, trial, verdicts["reading"])
    if skipped:
        verdicts["cases"].note = f"{len(skipped)} cannot be here, such as {skipped[0]}"
    await _mixed(stand, [trial for trial in trials if not trial.case.fault], worlds, verdicts["convergence"])
    _secrets(trials, verdicts["secrets"])
    _capabilities(stand, verdicts["capabilities"])
    for name, verdict in verdicts.items():
        if not verdict.looked and not verdict.note:
            verdict.note = (
                "no case shows it" if trials else f"there are no cases in {stand.package.directory / CASES}"
            )
            if name == "cases":
                verdict.look(verdict.note)
    return list(verdicts.values())


async def _guarded(stand: Stand, trial: Trial, verdicts: Mapping[str, PropertyVerdict]) -> bool:
    """Everything about one case; a package that fails as a whole fails that case."""
    try:
        active = await try_case(stand, trial, verdicts)
        kind = trial.case.kind
        tried = verdicts["faults"].trials.setdefault(kind.kind, [])
        if active:
            await try_to_destroy(stand, trial, verdicts["destroy"])
            if len(tried) < FAILING:
                await try_failures(stand, trial, tried, verdicts)
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
    before = stand.world.snapshot()
    try:
        await stand.find()
    except ProviderError as error:
        verdict.look(f"it cannot look for what there is: {error}", trial)
    changed = difference(before, stand.world.snapshot())
    verdict.look(f"looking for what there is has changed {changed}" if changed else "", trial)


async def _mixed(
    stand: Stand, trials: Sequence[Trial], worlds: Sequence[World], verdict: PropertyVerdict
) -> None:
    """Put each kind right in worlds that nobody has written down."""
    for kind in dict.fromkeys(trial.case.kind.kind for trial in trials):
        mine = [trial for trial in trials if trial.case.kind.kind == kind]
        for number, world in enumerate(mixtures(worlds, MIXTURES, seed=SEED)):
            trial = mine[number % len(mine)]
            try:
                await stand.world.restore(world)
            except CannotHave:
                continue
            try:
                verdict.look(await _converge(stand, trial), trial)
            except ProviderError as error:
                verdict.look(f"in a mixture of all worlds: {error}", trial)


async def _converge(stand: Stand, trial: Trial) -> str:
    """Why one apply is not enough, or ""."""
    before = stand.world.snapshot()
    [operation] = await stand.look([trial.resource])
    if "fault" in operation:
        changed = difference(before, stand.world.snapshot())
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


def _described(stand: Stand, verdict: PropertyVerdict) -> None:
    """Whether `froyo explain` has something to say of everything."""
    for kind in stand.package.kinds:
        for path, schema in _fields(kind.schema, kind.kind):
            said = "" if schema.get("description") else f"{path} has no description in its schema"
            verdict.look(said, place=str(stand.package.directory))


def _fields(schema: Mapping[str, Any], path: str) -> list[tuple[str, Mapping[str, Any]]]:
    found: list[tuple[str, Mapping[str, Any]]] = []
    if schema.get("type") == "object" and "." not in path:
        found.append((path, schema))
    for name, field in schema.get("properties", {}).items():
        found.append((f"{path}.{name}", field))
        for inner in (field, field.get("items"), field.get("additionalProperties")):
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


def _capabilities(stand: Stand, verdict: PropertyVerdict) -> None:
    """Compare what it asks for in its manifest with what it has called."""
    if not stand.calls:
        return
    place = f"{stand.package.directory}/manifest.yaml"
    for refusal in dict.fromkeys(stand.refusals):
        verdict.look(refusal, place=place)
    made = {call.name for call in stand.calls}
    for name in dict.fromkeys(one.call for one in stand.package.capabilities):
        unused = f"it asks for {name}, which no case has it make: take it away, or add a case"
        verdict.look("" if name in made else unused, place=place)
