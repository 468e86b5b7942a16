"""Asks targets what they are before a single run, where what is declared depends on it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from reconciler.api.suggesting import unknown_target
from reconciler.app.assembly import Parts
from reconciler.errors import ProtocolError, RunnerError, TransportError, UsageError
from reconciler.model.desired import Desired
from reconciler.model.facts import SECTIONS, Section
from reconciler.model.names import TargetName
from reconciler.model.target import Target
from reconciler.runtime import gathered
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


async def gather_needed(parts: Parts, desired: Desired, targets: Collection[str] = ()) -> bool:
    """Ask the targets whose facts decide what is declared, and are not known or not since long ago.

    Where there are policies, they go by facts, so that those of no target may be unknown.

    One that cannot be reached waits; whoever works on it says why.

    Args:
        parts: the engine's parts.
        desired: what is declared, as far as that can be told.
        targets: those that matter; empty for all.

    Returns:
        Whether something is known now that was not.
    """
    governed = parts.policing.decides(desired)
    if not desired.facts_read and not governed:
        return False
    wanted = [
        target
        for name, target in desired.targets.items()
        if (not targets or name in targets)
        and (desired.facts_read & parts.facts.due(name) or (governed and not parts.facts.of(name)))
    ]
    return any(await gathered(*(_asked(parts, target) for target in wanted)))


async def ask(parts: Parts, target: Target, sections: Iterable[Section] | None = None) -> None:
    """Ask one target.

    Raises:
        TransportError, ProtocolError, RunnerError: it cannot be asked.
    """
    session = await parts.open_session(target, runtime=parts.runtime, on_event=lambda _event: None)
    try:
        await parts.facts.gather(session, None if sections is None else frozenset(sections))
    finally:
        await session.close()


async def ask_again(parts: Parts, name: str) -> None:
    """Ask a target that is on record for all of it, and put that on record.

    Raises:
        UsageError: there is no such target.
        TransportError, ProtocolError, RunnerError: it cannot be asked.
    """
    targets = await parts.store.load_targets()
    target = targets.get(TargetName(name))
    if target is None:
        raise UsageError(unknown_target(name, targets))
    await ask(parts, target, SECTIONS)
    await parts.facts.keep()


async def _asked(parts: Parts, target: Target) -> bool:
    before = parts.facts.of(target.name)
    try:
        await ask(parts, target)
    except (TransportError, ProtocolError, RunnerError) as error:
        log.info("facts could not be gathered", target=target.name, why=str(error))
        return False
    return bool(before.differing(parts.facts.of(target.name)))
