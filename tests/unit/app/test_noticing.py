"""What of all that happens is told as Events of a cluster."""

import asyncio
import re
from pathlib import Path

from reconciler.app.operator.noticing import TOLD, Noticing
from reconciler.model.event import REASONS, Event, EventType
from reconciler.model.evidence import Evidence
from reconciler.store.feed import Feed
from reconciler.store.records import Receipt

PATH = "web/File.linux.froyo.dev/motd.json"
ADDRESS = "web-1/File/motd"
PAGE = Path(__file__).parents[3] / "docs/spec/custom-resources.md"
UNTOLD = {
    *("Created", "Updated", "Removed", "Refreshed", "Orphaned", "Moved", "Forgotten"),
    *("SourceReady", "SourceBroken", "RolledBack", "RollbackEnded", "EventsDropped"),
    *("RolloutWave", "RolloutWaits", "RolloutStopped", "RolloutComplete", "RolloutSteered"),
}
"""What is done because it was declared so, or is about a source: no object but a Source is one."""


def test_of_each_reason_it_is_decided_whether_it_is_told_and_the_page_names_those_that_are():
    assert set(REASONS) - TOLD == UNTOLD
    section = PAGE.read_text().partition("\n## Events\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", section)) - {"Invalid"} == TOLD


class World:
    def __init__(self):
        self.events, self.wrong, self.feed, self.changed = [], {}, Feed(), asyncio.Event()
        self.posted, self.why = asyncio.Queue(), ""

    def happens(self, reason, about=ADDRESS, **more):
        event = Event(
            id=len(self.events) + 1,
            at=1.0,
            type=EventType.WARNING if reason == "Differs" else EventType.NORMAL,
            reason=reason,
            object=about,
            message="so",
            **more,
        )
        self.events.append(event)
        self.feed.committed(Receipt(events=(event,), objects=frozenset({about})))

    async def known(self, chosen, limit):
        after = chosen.after or 0
        return [one for one in self.events if one.id > after][-limit:]

    async def post(self, notices):
        for one in notices:
            await self.posted.put(one)
        return self.why

    def path_of(self, about):
        return {ADDRESS: PATH, "Target/web-1": "web/Target.froyo.dev/web-1.json"}.get(about, "")

    async def __aenter__(self):
        noticing = Noticing(self.known, self.path_of, lambda: self.wrong, lambda: 7.0, self.post)
        self.task = asyncio.create_task(noticing.run(self.feed.subscribe(), self.changed, lambda: False))
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_what_a_person_wants_to_see_is_told_from_now_on():
    world = World()
    world.happens("Repaired")  # before: told in another life
    async with world:
        await asyncio.sleep(0)
        world.happens("Updated")
        world.happens("Repaired", "web-1/File/of-another-source")
        world.happens("Differs", evidence=Evidence(command="vim", user="root", login="alice"))
        one = await world.posted.get()
        assert (one.path, one.reason, one.warning, one.note) == (PATH, "Differs", True, "web-1: so")
        assert one.by == "web-1 alice root vim"
        world.why = "no"
        world.happens("Unreachable", "Target/web-1")
        one = await world.posted.get()
        assert (one.path, one.note) == ("web/Target.froyo.dev/web-1.json", "so")
        assert world.posted.empty()


async def test_what_is_wrong_is_told_once():
    world = World()
    async with world:
        world.wrong = {PATH: "spec.mode: no"}
        world.changed.set()
        one = await world.posted.get()
        assert (one.reason, one.note, one.warning, one.at) == ("Invalid", "spec.mode: no", True, 7.0)
        world.wrong = {PATH: "spec.mode: no", "web/File.linux.froyo.dev/b.json": "x"}
        world.changed.set()
        assert (await world.posted.get()).note == "x"
        assert world.posted.empty()
