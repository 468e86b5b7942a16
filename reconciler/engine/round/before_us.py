"""Whether there was nothing of something before us although it is there: a setting, as its absence says it.

A service that did not run and was not enabled is there, and yet there is nothing of what is declared: it is created by
us as a file is that was not there, and its removal brings back what was. Only a kind of which that holds, as its
manifest says, is asked. This module must not know what a kind is about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from reconciler.engine.intake.removals import removed
from reconciler.engine.lane.lane import Lane
from reconciler.engine.round.observing import by_package, resource
from reconciler.engine.round.performing import ReadingPerformer, together
from reconciler.engine.round.services import Services
from reconciler.errors import ProviderError
from reconciler.model.names import Address
from reconciler.model.plan import Action, Cause, PlanUnit
from reconciler.model.resource import Instance, Removal
from reconciler.targets.session import Session


async def as_absent(
    services: Services, session: Session, lane: Lane, units: Iterable[PlanUnit]
) -> Collection[Address]:
    """Which of what is about to be changed for the first time is as its absence says.

    Args:
        services: what the round works with.
        session: to the target.
        lane: the target.
        units: what is to be done.

    Raises:
        TransportError: the session was lost.
    """
    asked = [unit.address for unit in units if _is_first(lane, unit)]
    found: list[Address] = []
    performer = ReadingPerformer(session, services.settings)

    async def ask(package: str, mine: Collection[Address]) -> None:
        wanted = [resource(lane, address) for address in mine]
        gone = [replace(one, instance=removed(_in_full(one.instance), Removal())) for one in wanted]
        try:
            answers = await services.host.look(package, lane.target.name, gone, performer.of(package))
        except ProviderError:
            return  # nothing is said of what was there, so that it stays
        for address, (_, planned) in zip(mine, answers, strict=True):
            if not isinstance(planned, ProviderError) and planned.action is Action.NONE:
                found.append(address)

    await together([ask(package, mine) for package, mine in by_package(lane, asked).items()])
    return found


def _in_full(one: Instance) -> Instance:
    """With all that one can be set to, be it declared or not: what it is later said to be is ours as well."""
    return replace(one, spec={**one.spec, **one.removal_resets})


def _is_first(lane: Lane, unit: PlanUnit) -> bool:
    """Whether it may turn out to be created although it is there."""
    one = lane.instances[unit.address]
    return (
        bool(one.removal_resets)
        and one.removal is None
        and unit.action is Action.UPDATE
        and unit.cause is not Cause.DRIFT
        and not lane.states[unit.address].owned
    )
