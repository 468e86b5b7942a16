"""What is answered to each question, whoever asks: the server's GET routes, and commands that only have the store.

Invariant: one function a path, from a Knowledge and a query to a document, so that a command prints the same with a
daemon and without one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping

from reconciler.api import views
from reconciler.api.backend import Knowledge
from reconciler.api.folding import folded
from reconciler.api.queries import Query, event_filter, limit, selection
from reconciler.api.views import Document
from reconciler.errors import UsageError
from reconciler.model.conditions import Reason
from reconciler.model.event import EventFilter
from reconciler.model.names import TargetName
from reconciler.model.rollout import RolloutPhase
from reconciler.model.state import SourceState, TargetState

Answer = Callable[[Knowledge, Query], Awaitable[Document]]

WORST = 20
"""How many entries about resources that are not ready a status has."""
AT_ONCE = 100
"""How many resources are described before others have their turn: some two milliseconds."""


RESOURCES = "/v1/resources"


class NotFound(UsageError):
    """There is no such thing."""


async def answer(known: Knowledge, path: str, query: Query) -> Document:
    """The answer to one question.

    Raises:
        NotFound: there is no such path, or no such resource.
        UsageError: the query makes no sense.
    """
    if path.startswith(RESOURCES + "/"):
        return await _resource(known, path.removeprefix(RESOURCES + "/"))
    found = ANSWERS.get(path)
    if found is None:
        raise NotFound(f"there is no {path}; there is: {', '.join(sorted(ANSWERS))}")
    return await found(known, query)


async def every_resource(known: Knowledge, *, specs: bool) -> list[Document]:
    """All resources, in order of their addresses."""
    targets, suspensions = await known.targets(), await known.suspensions()
    instances = await known.instances() if specs else {}
    states = await known.states()
    found = []
    for number, address in enumerate(sorted(states)):
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(
                0
            )  # there may be ten thousand, and a repair that has begun does not wait for them
        found.append(
            views.resource(
                states[address], targets=targets, suspensions=suspensions, instance=instances.get(address)
            )
        )
    return found


async def _resources(known: Knowledge, query: Query) -> Document:
    wanted = selection(query)
    specs = query.get("specs") == "1"
    found = wanted.narrow(await every_resource(known, specs=specs or wanted.needs_specs))
    return views.items("ResourceList", found, live=known.live)


async def _resource(known: Knowledge, address: str) -> Document:
    for view in await every_resource(known, specs=True):
        if view["address"] == address:
            return views.document("Resource", live=known.live, item=view)
    raise NotFound(f"nothing is known of {address}; see: froyo get")


async def _status(known: Knowledge, _query: Query) -> Document:
    every = await every_resource(known, specs=False)
    waiting = [view for view in every if view["ready"] != "True"]
    return views.document(
        "Status",
        live=known.live,
        sources=(await _sources(known, {}))["items"],
        targets=(await _targets(known, {}))["items"],
        rollouts=[
            views.rollout(one) for one in await known.rollouts() if one.phase is not RolloutPhase.COMPLETE
        ],
        problems=dict(known.health()),
        counts=views.counts(every),
        instances=len(every),
        ready=len(every) - len(waiting),
        notReady=folded(sorted(waiting, key=_badness))[:WORST],
        contested=[view for view in every if view["ready"] == "True" and view["reason"] == Reason.CONTESTED][
            :WORST
        ],
        suspensions=(await _suspensions(known, {}))["items"],
        controllers=views.controllers(await known.controllers(), await known.targets()),
    )


def _badness(view: Document) -> tuple[int, str]:
    """What a person should look at first: what only a person can mend, then what is wrong, then what may come right."""
    types = {condition["type"] for condition in view["conditions"]}
    if "Stalled" in types:
        return 0, view["address"]
    return (1 if view["ready"] == "False" and "Reconciling" not in types else 2), view["address"]


async def _targets(known: Knowledge, _query: Query) -> Document:
    instances: dict[TargetName, int] = {}
    seen: dict[TargetName, float] = {}
    for address, state in (await known.states()).items():
        name = TargetName(address.partition("/")[0])
        instances[name] = instances.get(name, 0) + 1
        seen[name] = max(seen.get(name, 0.0), state.observed_at)
    targets = await known.targets()
    return views.items(
        "TargetList",
        (
            views.target(
                targets.get(name) or TargetState(name=name),
                instances.get(name, 0),
                seen.get(name, 0.0),
                known.next_tries().get(name),
            )
            for name in sorted(targets.keys() | instances.keys())
        ),
        live=known.live,
    )


async def _sources(known: Knowledge, _query: Query) -> Document:
    rollbacks, sources = await known.rollbacks(), await known.sources()
    # What is only ever applied by hand has no state of its own.
    others = {
        name: SourceState(name=name, revision=one.revision, digest=one.digest)
        for name, one in rollbacks.items()
        if not known.live
    }
    found = [views.source(one, rollbacks.get(one.name)) for one in {**others, **sources}.values()]
    return views.items("SourceList", found, live=known.live)


async def _revisions(known: Knowledge, query: Query) -> Document:
    rollbacks, every = await known.rollbacks(), await known.revisions()
    newest = {one.source: one.number for one in every}
    in_force = newest | {name: one.snapshot for name, one in rollbacks.items()}
    wanted = [one for one in every if query.get("source", one.source) == one.source]
    found = []
    # What was kept once more, since something beside it that is no part of it was another, is the same revision.
    for (source, *_), group in itertools.groupby(wanted, lambda one: (one.source, one.revision, one.digest)):
        first, *again = group
        numbers = {first.number, *(one.number for one in again)}
        found.append(
            views.revision(first, in_force=in_force[source] in numbers, newest=newest[source] in numbers)
        )
    return views.items("RevisionList", found)


async def _orphans(known: Knowledge, _query: Query) -> Document:
    return views.items("OrphanList", map(views.orphan, await known.orphans()))


async def _alerts(known: Knowledge, _query: Query) -> Document:
    return views.items("AlertList", map(views.alert, await known.alerts()), live=known.live)


async def _rollouts(known: Knowledge, query: Query) -> Document:
    wanted = [one for one in await known.rollouts() if query.get("name", one.name) == one.name]
    return views.items("RolloutList", map(views.rollout, wanted), live=known.live)


async def _suspensions(known: Knowledge, _query: Query) -> Document:
    return views.items("SuspensionList", map(views.suspension, await known.suspensions()))


async def _facts(known: Knowledge, query: Query) -> Document:
    from reconciler.api.known_facts import facts_document

    return facts_document(
        await known.facts(), await known.targets(), query.get("target", ""), query.get("path", "")
    )


async def _queue(known: Knowledge, _query: Query) -> Document:
    return views.items("QueueList", map(views.queued, await known.queue()))


async def _events(known: Knowledge, query: Query) -> Document:
    chosen = event_filter(query)
    return views.items("EventList", map(views.event, await known.events(chosen, limit(query, 100))))


async def _history(known: Knowledge, query: Query) -> Document:
    target = query.get("target")
    runs = await known.runs(TargetName(target) if target else None, limit(query, 20))
    since = runs[-1].started_at if runs else 0.0
    rollbacks = [
        event
        for reason in ("RolledBack", "RollbackEnded")
        for event in await known.events(EventFilter(reason=reason, since=since), limit(query, 20))
    ]
    return views.items(
        "RunList",
        [views.run(run, await known.run_units(run.id)) for run in reversed(runs)],
        rollbacks=[views.event(event) for event in sorted(rollbacks, key=lambda event: event.id)],
    )


ANSWERS: Mapping[str, Answer] = {
    "/v1/alerts": _alerts,
    "/v1/events": _events,
    "/v1/facts": _facts,
    "/v1/history": _history,
    "/v1/queue": _queue,
    RESOURCES: _resources,
    "/v1/revisions": _revisions,
    "/v1/rollouts": _rollouts,
    "/v1/sources": _sources,
    "/v1/orphans": _orphans,
    "/v1/status": _status,
    "/v1/suspensions": _suspensions,
    "/v1/targets": _targets,
}
