"""What holds for every case by itself: it is read, planned, applied, read again, and taken away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reconciler.conformance.cases import FILES, World
from reconciler.conformance.stand import Stand
from reconciler.conformance.trials import Trial
from reconciler.conformance.verdicts import PropertyVerdict
from reconciler.conformance.worlds import difference, same
from reconciler.plugins.calls import Phase

Json = dict[str, Any]
Verdicts = Mapping[str, PropertyVerdict]

KERNEL = ("/proc/", "/sys/")
MANY = 100
"""Instances of one request: what is asked one by one shows."""


async def try_case(stand: Stand, trial: Trial, verdicts: Verdicts) -> bool:
    """Look at all that a case can show by itself; whether it comes to something that can be applied.

    Raises:
        ProviderError: the package failed as a whole.
        CannotHave: there can be no such world here.
    """
    resource, world = trial.resource, trial.case.world
    await stand.world.restore(world)
    stand.forget()
    untouched = await stand.world.snapshot()
    [found] = await stand.read([resource])
    [operation] = await stand.plan([resource], [found])
    changed = difference(untouched, await stand.world.snapshot())
    verdicts["reading"].look(f"it has changed {changed}" if changed else "", trial)
    stand.forget()
    [again] = await stand.read([resource])
    unequal = "" if again == found else f"the state is {_short(found)}, and {_short(again)} when read again"
    verdicts["equal"].look(unequal, trial)
    await _plan_again(stand, trial, found, operation, verdicts["pure"])
    _as_expected(trial, operation, verdicts["cases"])
    if "fault" in operation:
        return False
    done = await _apply(stand, trial, operation, verdicts)
    return done and operation["action"] != "none"


async def _plan_again(
    stand: Stand, trial: Trial, found: Json, operation: Json, pure: PropertyVerdict
) -> None:
    """Of the same, also with fields that are not known yet, and without those that may be missing."""
    resource = trial.resource
    optional = ("ignore", "owned", "managed")
    sparse = {key: value for key, value in resource.items() if key not in optional or value}
    for what, asked, more in (
        ("in another instance", resource, {}),
        (
            "with a field in the request that it does not know",
            {**resource, "x-unknown": {"a": 1}},
            {"x-unknown": 1},
        ),
        ("without what may be missing", sparse, {}),
    ):
        stand.forget()
        [again] = await stand.plan([asked], [found], more)
        pure.look("" if again == operation else f"{what} something else is planned: {_short(again)}", trial)
    stand.forget()
    at_once = await stand.at_once(resource)
    same = at_once is None or at_once == operation
    pure.look("" if same else f"right after reading something else is planned: {_short(at_once)}", trial)


def _as_expected(trial: Trial, operation: Json, verdict: PropertyVerdict) -> None:
    """Whether the plan is what the case says."""
    case = trial.case
    if "fault" in operation:
        fault = operation["fault"]
        if case.fault and fault["class"] == case.fault[0] and case.fault[1] in fault["message"]:
            verdict.look("", trial)
        else:
            verdict.look(f"it fails ({fault['class']}): {fault['message']}", trial)
        return
    if case.action and operation["action"] != case.action:
        fields = ", ".join(diff["field"] for diff in operation["diffs"])
        differs = f", since {fields} differ" if fields else ""
        verdict.look(f"the plan is {operation['action']}{differs}, and should be {case.action}", trial)
    if case.differs is not None:
        found = [diff["field"] for diff in operation["diffs"]]
        wrong = (
            ""
            if sorted(found) == sorted(case.differs)
            else f"what differs is {', '.join(found) or 'nothing'}"
        )
        verdict.look(wrong, trial)
    verdict.look("", trial)


async def _apply(stand: Stand, trial: Trial, operation: Json, verdicts: Verdicts) -> bool:
    """Apply it once, and look whether anything is left to do; whether it could be done."""
    case, verdict = trial.case, verdicts["idempotent"]
    before = await stand.world.snapshot()
    results = await stand.do([operation])
    after = await stand.world.snapshot()
    for result in results:
        if "fault" in result:
            fault = result["fault"]
            expected = case.fault and fault["class"] == case.fault[0] and case.fault[1] in fault["message"]
            said = "" if expected else f"to apply it fails ({fault['class']}): {fault['message']}"
            verdicts["cases"].look(said, trial)
            return False
        told = result["changed"]
        if told == same(before, after):
            what = (
                "that it has changed something, and nothing is different"
                if told
                else (f"that nothing has changed, and {difference(before, after)} is different")
            )
            verdict.look(f"it says {what}", trial)
    if operation.get("obstacles"):
        return False
    if case.fault:
        verdicts["cases"].look(f"it does not fail ({case.fault[0]})", trial)
    verdicts["cases"].look(_not_there(case.after, after), trial)
    [left] = await stand.look([trial.resource])
    verdict.look(_left(left), trial)
    return True


def _not_there(wanted: Mapping[str, Mapping[str, Any]], world: World) -> str:
    """What of `after` is not so."""
    for section, things in wanted.items():
        for name, thing in things.items():
            there = world.get(section, {}).get(name)
            if thing is None:
                if there is not None:
                    return f"afterwards {name} is still there"
            elif there is None:
                return f"afterwards {name} is not there"
            elif isinstance(thing, dict) and isinstance(there, dict):
                for field, value in thing.items():
                    if there.get(field) != value:
                        return (
                            f"afterwards {field} of {name} is {_short(there.get(field))}, not {_short(value)}"
                        )
            elif thing != there:
                return f"afterwards {name} is {_short(there)}, not {_short(thing)}"
    return ""


async def try_to_destroy(stand: Stand, trial: Trial, verdict: PropertyVerdict) -> None:
    """Apply a case, and take away what it declares. That it will not go is no fault, as long as all stays as it is."""
    await stand.world.restore(trial.case.world)
    found = await stand.world.snapshot()
    await stand.do(await stand.look([trial.resource]))
    gone = {**trial.resource, "removed": True, "owned": True}
    before = await stand.world.snapshot()
    [operation] = await stand.look([gone])
    results = [] if "fault" in operation else await stand.do([operation], phase=Phase.DESTROY)
    after = await stand.world.snapshot()
    refused = next((item["fault"]["message"] for item in (operation, *results) if "fault" in item), "")
    if refused or operation.get("obstacles"):
        changed = difference(before, after)
        verdict.look(f"it does not go ({refused}), and has changed {changed}" if changed else "", trial)
        verdict.note = verdict.note or f"{trial.case.name}: {refused or 'something is in its way'}"
        return
    taken = _taken_along(trial, found, before, after)
    whose = "which is not its own: no `provides`, `shares` or `uses` names it"
    verdict.look(f"it takes {taken} along, {whose}" if taken else "", trial)
    [left] = await stand.look([gone])
    verdict.look(_left(left, "removed"), trial)


def _taken_along(trial: Trial, found: World, before: World, after: World) -> str:
    """The first file that has gone, or become another, and is neither what it is about, nor within that, nor shared.

    What was not there at first was made for it. What the kernel says in files is nobody's, and follows from what is
    done.
    """
    own = {subject.removeprefix("path:") for subject in trial.provides}
    within = tuple(f"{subject.removeprefix('path:')}/" for subject in trial.contains)
    old, new = before.get(FILES, {}), after.get(FILES, {})
    for path in old:
        if path.startswith(KERNEL) or path not in found.get(FILES, {}):
            continue
        mine = path in own or (path.startswith(within) and path not in trial.case.managed)
        if old[path] != new.get(path) and not mine and not (path in trial.shared and path in new):
            return path
    return ""


async def try_many(stand: Stand, trial: Trial, verdict: PropertyVerdict) -> None:
    """Read a hundred of one, and count the round trips."""
    await stand.world.restore(trial.case.world)
    stand.forget()
    [one] = await stand.read([trial.resource])
    rounds = stand.rounds
    crowd = [{**trial.resource, "address": f"{trial.resource['address']}-{number}"} for number in range(MANY)]
    found = await stand.read(crowd)
    if stand.rounds > rounds + 1:
        verdict.look(
            f"to read {MANY} of them takes {stand.rounds} round trips, and one takes {rounds}: use `batch` or `gather`",
            trial,
        )
    same_state = all({**item, "address": one["address"]} == one for item in found)
    verdict.look("" if same_state else f"among {MANY} of them it is read otherwise than alone", trial)


def _left(operation: Json, done: str = "applied") -> str:
    """What is still to do, or ""."""
    if "fault" in operation:
        return f"after it was {done} it fails: {operation['fault']['message']}"
    if operation["action"] == "none":
        return ""
    diffs = ", ".join(
        f"{diff['field']} from {_short(diff['before'])} to {_short(diff['after'])}"
        for diff in operation["diffs"]
    )
    return f"after it was {done} the plan is {operation['action']} ({diffs})"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:199] + "…"
