"""What becomes of a package whose calls fail, each of them, in each way, beside another instance whose calls do not."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from reconciler.conformance.cases import World
from reconciler.conformance.properties import Verdicts
from reconciler.conformance.stand import Injection, Stand
from reconciler.conformance.trials import Trial
from reconciler.conformance.verdicts import PropertyVerdict
from reconciler.conformance.worlds import CannotHave, merged
from reconciler.errors import ErrorClass
from reconciler.model.calls import Call

Json = dict[str, Any]


async def try_failures(
    stand: Stand,
    trial: Trial,
    others: Sequence[Trial],
    verdicts: Verdicts,
    classes: Sequence[ErrorClass] = tuple(ErrorClass),
) -> None:
    """Let each call of a case fail, with every class of error, while another case goes on beside it.

    Args:
        stand: where.
        trial: the case.
        others: those that may go on beside it: the first one that can be in the same world does.
        verdicts: what is found.
        classes: of the errors that what changes the world meets.
    """
    world, resources = await _together(stand, trial, others)
    found, calls = await _calls_of(stand, resources)
    for call in calls:
        for error_class in ErrorClass:
            injection = Injection(call.name, call.args, error_class)
            stand.forget()
            spoiled = await stand.read(resources, injection)
            _compare(injection, trial, found, spoiled, verdicts["faults"], "read")
    operations = await stand.plan(resources, found)
    if "fault" in operations[0] or operations[0].get("obstacles"):
        return
    calls = await _calls_to_do(stand, operations)
    await stand.world.restore(world)
    undisturbed = await stand.do(operations)
    for call in calls:
        for error_class in classes:
            await stand.world.restore(world)
            injection = Injection(call.name, call.args, error_class)
            stand.forget()
            done = await stand.do(operations, injection)
            _compare(injection, trial, undisturbed, done, verdicts["faults"], "applied")
            await _recover(stand, resources, injection, trial, verdicts["recovery"])
        await stand.world.restore(world)
        injection = Injection(call.name, call.args, ErrorClass.TRANSIENT, lost=True)
        await stand.do(operations, injection)
        await _recover(stand, resources, injection, trial, verdicts["recovery"])


async def _together(stand: Stand, trial: Trial, others: Sequence[Trial]) -> tuple[World, list[Json]]:
    """Bring about the world of a case and of another one that can be beside it, if there is such a one."""
    for other in others:
        together = merged(trial.case.world, other.case.world)
        if together is not None and not set(other.provides) & set(trial.provides):
            with contextlib.suppress(CannotHave):
                await stand.world.restore(together)
                return together, [trial.resource, other.resource]
    await stand.world.restore(trial.case.world)
    return trial.case.world, [trial.resource]


async def _calls_of(stand: Stand, resources: Sequence[Json]) -> tuple[list[Json], list[Call]]:
    """What is read of all of them, and the calls that only the first has made, one of each name."""
    before = len(stand.calls)
    stand.forget()
    found = await stand.read(resources)
    made = stand.calls[before:]
    for other in resources[1:]:
        before = len(stand.calls)
        stand.forget()
        await stand.read([other])
        theirs = stand.calls[before:]
        made = [call for call in made if call not in theirs]
    return found, _one_of_each(made)


async def _calls_to_do(stand: Stand, operations: Sequence[Json]) -> list[Call]:
    """The same of what is to be done. The world is another one afterwards."""
    before = len(stand.calls)
    stand.forget()
    await stand.do(operations[:1])
    return _one_of_each(stand.calls[before:])


def _one_of_each(calls: Sequence[Call]) -> list[Call]:
    return list({call.name: call for call in reversed(calls)}.values())


def _compare(
    injection: Injection,
    trial: Trial,
    before: Sequence[Json],
    now: Sequence[Json],
    verdict: PropertyVerdict,
    done: str,
) -> None:
    """See that only the one whose call failed has a fault, and of that class."""
    if not injection.met:
        return  # all that is done at once is one call, and that is another one for two
    undisturbed = {item["address"]: item for item in before}
    for item in now:
        address = item["address"]
        mine = address == trial.resource["address"]
        fault = item.get("fault")
        where = f"when {injection.call} fails ({injection.error_class})"
        if not mine:
            hit = "" if item == undisturbed.get(address) else f"{where}, {address} is {done} otherwise, too"
            verdict.look(hit, trial)
        elif fault is None:
            swallowed = done == "read" and item != undisturbed.get(address)
            verdict.look(f"{where}, it is read as something that it is not" if swallowed else "", trial)
        elif fault["class"] != injection.error_class:
            verdict.look(f"{where}, its fault is {fault['class']}: {fault['message']}", trial)
        elif injection.error_class is ErrorClass.THROTTLED and fault.get("retry_after_ms") is None:
            verdict.look(f"{where}, it does not say when it may be tried again (retry_after_ms)", trial)
        else:
            verdict.look("", trial)


async def _recover(
    stand: Stand, resources: Sequence[Json], injection: Injection, trial: Trial, verdict: PropertyVerdict
) -> None:
    """After a failure, one more apply must be enough."""
    if not injection.met:
        return
    lost = "was done and its reply lost" if injection.lost else f"had failed ({injection.error_class})"
    await stand.do(await stand.look(resources))
    for operation in await stand.look(resources):
        if "fault" in operation:
            left = operation["fault"]["message"]
        else:
            left = "" if operation["action"] == "none" else f"the plan is still {operation['action']}"
        verdict.look(f"after {injection.call} {lost}: {left}" if left else "", trial)
