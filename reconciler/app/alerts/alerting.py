"""Watches over what is known and what happens, and has alerts tell of it; a long task of the daemon.

Level-triggered: what is wrong is read off what is known, at the start in full and from then on where something else is
on record. So nothing that lasts is missed, whatever was: an event, a restart, or that an alert was declared only now.

Invariant: what was found, what is to be told of it, and how far events were looked at is on record together, or not at
all. Who is told what is decided in `core/alerting.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Collection, Sequence

from reconciler.app.alerts.messages import message_of
from reconciler.app.alerts.outbox import AlertOutbox
from reconciler.app.alerts.round import AlertRound, as_it_was, firing
from reconciler.app.alerts.scope import AlertScope, DeclaredAlert, declared_alerts
from reconciler.app.alerts.ways_out import NotTaken, WaysOut, shown
from reconciler.app.sources import Sources
from reconciler.core.alerting import follow, happened, remind
from reconciler.engine.loop.controller import Controller
from reconciler.errors import UsageError
from reconciler.model.alert import (
    About,
    AlertMessage,
    AlertName,
    AlertState,
    AlertStatus,
    Incident,
    IncidentKey,
    KnownAlert,
)
from reconciler.model.event import Event, EventFilter
from reconciler.runtime import Runtime
from reconciler.store.alert_batch import AlertBatch
from reconciler.store.feed import News, Subscription
from reconciler.store.store import Store

QUIET = 0.2
"""Seconds that what happens together gets to do so."""
LONGEST = 60.0
"""Seconds after which the clock is looked at again: it may have been moved."""
AT_ONCE = 200
"""Objects that are looked at before others have their turn."""
EVENTS = 1_000
"""Events that are looked at in one transaction."""
TEST = "Test"


class Alerting:
    """See the module.

    Args:
        store: tells what happens, and keeps what is to be told.
        runtime: the world.
        controller: knows how things are.
        sources: the same of sources.
        ways: by which messages go out.
        outbox: what is to be told.
    """

    def __init__(
        self,
        store: Store,
        runtime: Runtime,
        controller: Controller,
        sources: Sources,
        ways: WaysOut,
        outbox: AlertOutbox,
    ) -> None:
        self.outbox = outbox
        self._store = store
        self._runtime = runtime
        self._controller = controller
        self._sources = sources
        self._ways = ways
        self._incidents: dict[AlertName, dict[IncidentKey, Incident]] = {}
        self._due: dict[IncidentKey, float] = {}
        self._looked: dict[AlertName, DeclaredAlert] = {}
        self._cursors: dict[AlertName, int] = {}
        self._kept_at: dict[AlertName, float] = {}

    async def run(self) -> None:
        """Watch, for ever."""
        await self.outbox.load()
        self._incidents.clear()
        self._due.clear()
        self._looked.clear()
        for one in await self._store.load_incidents():
            self._incidents.setdefault(one.alert, {})[one.key] = one
        self._cursors = {name: state.cursor for name, state in self.outbox.states.items()}
        try:
            with self._store.feed.subscribe() as following:
                objects: Collection[str] | None = None
                while True:
                    await self._look(objects)
                    objects = await self._news(following)
        finally:
            await self.outbox.close()

    async def _news(self, following: Subscription) -> Collection[str] | None:
        """What something else is on record of, or what is to be told again; None where that may be anything."""
        pause = min((due - self._runtime.now() for due in self._due.values()), default=LONGEST)
        news = News(0, frozenset(), missed=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(pause, LONGEST))):
                news = await following.heard()
        await asyncio.sleep(QUIET)
        return None if news.missed else news.objects

    # --- One look -----------------------------------------------------------------------------------------------------

    async def _look(self, objects: Collection[str] | None) -> None:
        declared = declared_alerts(self._controller, self._sources)
        self.outbox.declare({name: one.alert for name, one in declared.items()})
        if not self._controller.submissions.unread:
            for name in [*self.outbox.states]:
                if name not in declared:
                    await self._forget(name)
        if not declared:
            return
        scope = AlertScope(self._controller, self._sources)
        newest = await self._newest()
        for name, one in declared.items():
            anew = self._looked.get(name) != one
            if name not in self.outbox.states:
                # What was before is history; how things are now is not.
                self._cursors[name] = newest
            wanted = None if anew else objects
            await self._look_for(one, scope, wanted)
            self._looked[name] = one

    async def _forget(self, name: AlertName) -> None:
        for key in self._incidents.pop(name, {}):
            self._due.pop(key, None)
        for known in (self._looked, self._cursors, self._kept_at):
            known.pop(name, None)
        await self.outbox.forget(name)

    async def _newest(self) -> int:
        newest = await self._store.events(limit=1)
        return newest[-1].id if newest else 0

    async def _look_for(self, one: DeclaredAlert, scope: AlertScope, objects: Collection[str] | None) -> None:
        """Look for one alert at some objects, or at all, at what has happened since, and at what time it is."""
        name, known = one.alert.name, self._incidents.setdefault(one.alert.name, {})
        round_ = AlertRound(known, self._runtime.now())
        open_ = {incident.about.object for incident in known.values()}
        wanted = [*scope.objects(), *open_] if objects is None else list(objects)
        for number, object_ in enumerate(dict.fromkeys(wanted)):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            about = scope.about(object_)
            for topic, standing in scope.standings(object_).items():
                before = round_.known((name, object_, topic))
                if before is None and not one.hears(about):
                    continue
                told = follow(one.alert, before, as_it_was(about, before), topic, standing, now=round_.now)
                round_.take((name, object_, topic), told)
        begun = self._cursors[name]
        for event in await self._events_after(begun):
            about = scope.about(event.object)
            if one.hears(about):
                key = (name, event.object, event.reason)
                round_.take(key, happened(one.alert, round_.known(key), about, event, now=round_.now))
            self._cursors[name] = event.id
        for key, incident in list(known.items()):
            if key not in round_.touched and (objects is None or self._due.get(key, 0.0) <= round_.now):
                round_.take(key, remind(one.alert, incident, now=round_.now))
        await self._keep(name, round_, moved=self._cursors[name] > begun)

    async def _events_after(self, cursor: int) -> Sequence[Event]:
        found: list[Event] = []
        while True:
            page = await self._store.events(
                EventFilter(after=found[-1].id if found else cursor), limit=EVENTS
            )
            found += page
            if len(page) < EVENTS:
                return found

    async def _keep(self, name: AlertName, round_: AlertRound, *, moved: bool) -> None:
        """Put on record what has come of it."""
        now, known = round_.now, self._incidents[name]
        new = name not in self.outbox.states
        late = moved and now - self._kept_at.get(name, 0.0) >= LONGEST
        put = [one for key, one in round_.put.items() if known.get(key) != one]
        gone = [key for key in round_.gone if key in known]
        for key, due in round_.due.items():
            if due is None:
                self._due.pop(key, None)
            else:
                self._due[key] = due
        for key in gone:
            self._due.pop(key, None)
        if not (put or gone or round_.messages or new or late):
            return
        lost = 0 if new else self.outbox.states[name].dropped
        messages = [self._message(told, status, lost) for told, status in round_.messages]
        state = AlertState(name=name, cursor=self._cursors[name])
        await self.outbox.put(state, messages, AlertBatch().put_incidents(put).forget_incidents(gone))
        self._kept_at[name] = now
        known.update({one.key: one for one in put})
        for key in gone:
            del known[key]

    def _message(self, told: Incident, status: AlertStatus, lost: int = 0) -> AlertMessage:
        id_ = self._runtime.new_id()
        said = message_of(
            told,
            status,
            message=id_,
            controller=os.uname().nodename,
            now=self._runtime.now(),
            lost=lost,
        )
        return AlertMessage(id=id_, alert=told.alert, document=said)

    # --- What people ask ----------------------------------------------------------------------------------------------

    def known(self) -> list[KnownAlert]:
        """All that are declared, and how they get on."""
        return [
            KnownAlert(
                state=self.outbox.states.get(name, AlertState(name=name)),
                firing=firing(self._incidents.get(name, {}).values()),
                waiting=self.outbox.waiting(name),
                way=shown(one.alert),
                declared_at=str(one.alert.origin),
            )
            for name, one in sorted(declared_alerts(self._controller, self._sources).items())
        ]

    async def test(self, name: AlertName, *, by: str) -> str:
        """Send a message by hand, now, and beside all that waits; the id that it had.

        Raises:
            UsageError: there is no such alert, or nobody has taken it.
        """
        declared = declared_alerts(self._controller, self._sources)
        if name not in declared:
            there = ", ".join(sorted(declared)) or "none"
            raise UsageError(f"there is no alert {name}; declared: {there}")
        now = self._runtime.now()
        told = Incident(
            alert=name,
            about=About(object=f"Alert/{name}", kind="Alert", source=declared[name].source),
            topic=TEST,
            status=AlertStatus.EVENT,
            reason=TEST,
            message=f"a test that {by} has sent by hand: nothing is wrong",
            warning=False,
            since=now,
            told_at=now,
        )
        message = self._message(told, AlertStatus.EVENT)
        try:
            await self._ways.send(declared[name].alert, message.document)
        except NotTaken as error:
            raise UsageError(self.outbox.masked(f"nobody has taken it: {error}")) from None
        return message.id
