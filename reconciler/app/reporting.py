"""The status of a cluster's objects: what is concluded about what each declares, written when that is something else.

Invariant: a status speaks of the generation of the object that is in force, and never of a newer one; what was written
once is not written again. To write one makes no other revision, so this is in no loop with itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.api import views
from reconciler.app.backend import DaemonBackend
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon
    from reconciler.model.names import SourceName

QUIET = 0.1
"""Seconds that what happens together gets to do so."""
AGAIN = 30.0
"""Seconds until what could not be written is tried again, unless anything happens before."""
WORST = 10

log = get_logger("froyo")

Write = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, str]]]
Generations = Callable[[], Awaitable[Mapping[str, int]]]


async def report_on(name: SourceName, daemon: Daemon) -> None:
    """Keep the statuses of a source's objects as things are, for ever."""
    reporting = daemon.sources.watched[name].reporting
    if reporting is None:
        return
    ask = reporting.generation

    async def generations() -> dict[str, int]:
        kept = await daemon.parts.store.snapshot_in_force(name)
        seen = {path: ask(path, file.digest) for path, file in kept.files.items()} if kept is not None else {}
        return {path: one for path, one in seen.items() if one is not None}

    def revision() -> str:
        return daemon.sources.intakes[name].state.revision

    backend = DaemonBackend(daemon)
    await report(backend, generations=generations, revision=revision, write=reporting.write)


async def report(
    backend: DaemonBackend, *, generations: Generations, revision: Callable[[], str], write: Write
) -> None:
    """Keep the statuses as things are, for ever.

    Args:
        backend: knows how things are.
        generations: gives, by path, the generation of each object that is in force.
        revision: gives what is in force.
        write: writes statuses, by path; gives why it could not, by path.
    """
    written: dict[str, Any] = {}
    complained = ""
    with backend.subscribe() as following:
        while True:
            wanted = await _statuses(backend, await generations(), revision())
            new = {path: one for path, one in wanted.items() if not _same(written.get(path), one)}
            failed = await write(new) if new else {}
            written = {
                path: one for path, one in {**written, **new}.items() if path in wanted and path not in failed
            }
            why = next(iter(failed.values()), "")
            if why and why != complained:
                log.warning("the status of objects cannot be written", objects=len(failed), why=why)
            complained = why
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN):
                    await following.heard()
            await asyncio.sleep(QUIET)


def _same(before: Any, now: Any) -> bool:
    """Whether it says the same: the revision alone, that others have made, is nothing new."""
    return before is not None and {**before, "revision": ""} == {**now, "revision": ""}


async def _statuses(backend: DaemonBackend, generations: Mapping[str, int], revision: str) -> dict[str, Any]:
    states, targets, suspensions = (
        await backend.states(),
        await backend.targets(),
        await backend.suspensions(),
    )
    by_path: dict[str, list[views.Document]] = defaultdict(list)
    for address, instance in (await backend.instances()).items():
        if address in states and instance.origin.file in generations:
            view = views.resource(states[address], targets=targets, suspensions=suspensions)
            by_path[instance.origin.file].append(view)
    return {path: status(found, generations[path], revision) for path, found in by_path.items()}


def status(found: Sequence[views.Document], generation: int, revision: str) -> views.Document:
    """The status of an object.

    Args:
        found: what is known of its instances, as documents of the API.
        generation: of the object.
        revision: that is in force.
    """
    worst = [one for one in found if one["ready"] != "True"]
    shown = next((one for one in worst if one["ready"] == "False"), worst[0] if worst else found[0])
    since = max((one["since"] for one in found if one["since"]), default="1970-01-01T00:00:00Z")
    ready = {
        "type": "Ready",
        "status": shown["ready"],
        "reason": shown["reason"],
        "message": shown["message"]
        if len(found) == 1 or not worst
        else f"{shown['target']}: {shown['message']}",
        "lastTransitionTime": since,
        "observedGeneration": generation,
    }
    others = [
        {**one, "observedGeneration": generation}
        for one in (found[0]["conditions"] if len(found) == 1 else ())
        if one["type"] != "Ready"
    ]
    return {
        "observedGeneration": generation,
        "conditions": [ready, *others],
        "target": found[0]["target"] if len(found) == 1 else f"{len(found)} targets",
        "targets": {
            "total": len(found),
            "ready": len(found) - len(worst),
            "failed": sum(one["ready"] == "False" for one in found),
            "worst": [{key: one[key] for key in ("target", "reason", "message")} for one in worst[:WORST]],
        },
        "revision": revision,
    }
