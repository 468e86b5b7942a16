"""When the finalizers of objects are changed."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

from reconciler.app.operator.finalizing import finalize
from reconciler.app.watched import Finalizing
from reconciler.errors import StoreError
from reconciler.model.resource import Deletion
from reconciler.store.feed import Feed
from reconciler.store.records import Receipt


def instance(file, target="here"):
    common = SimpleNamespace(deletion=Deletion.DELETE)
    return SimpleNamespace(origin=SimpleNamespace(file=file), common=common, removal=None, target=target)


class Daemon:
    """As much of a daemon as is asked, with what it should keep in a queue."""

    def __init__(self, *, instances=(), waiting=(), leads=(True,), inventory=(), leaving=()):
        desired = SimpleNamespace(waiting=waiting)
        in_force = SimpleNamespace(of=lambda _name: desired, instances=dict(enumerate(instances)), targets={})
        lanes = SimpleNamespace(leaving=lambda: [instance(one) for one in leaving])
        self.controller = SimpleNamespace(in_force=in_force, lanes=lanes)
        self.feed, self.leads, self.inventory = Feed(), list(leads), list(inventory)
        self.parts = SimpleNamespace(store=self)
        self.kept, self.changes = asyncio.Queue(), asyncio.Queue()
        self.seen, self.asked = asyncio.Event(), asyncio.Event()
        finalizing = Finalizing(self.seen, self.due, self.change)
        self.sources = SimpleNamespace(watched={"web": SimpleNamespace(finalizing=finalizing)})

    def due(self, wanted):
        self.kept.put_nowait(wanted)
        return dict.fromkeys(wanted, True)

    async def change(self, due):
        self.changes.put_nowait(due)
        return {}

    async def has_lease(self):
        return self.leads.pop(0) if len(self.leads) > 1 else self.leads[0]

    async def load_inventory(self, target):
        assert target == "there"
        found = self.inventory.pop(0) if len(self.inventory) > 1 else self.inventory[0]
        self.asked.set()
        if isinstance(found, Exception):
            raise found
        return {one.origin.file: SimpleNamespace(instance=one) for one in found}

    def news(self):
        self.feed.committed(Receipt(events=(), objects=frozenset({"web-1/File/motd"})))

    @asynccontextmanager
    async def finalized(self):
        task = asyncio.create_task(finalize("web", self))
        yield self
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_on_record_of_a_target_whose_facts_are_not_known_is_waited_for():
    """An object was let go as soon as a controller had begun that had not asked its target yet what it is."""
    inventory = [StoreError("no answer"), [instance("b", "there")]]
    async with Daemon(
        instances=[instance("a")], waiting=["there"], inventory=inventory
    ).finalized() as daemon:
        await daemon.asked.wait()
        daemon.news()
        assert await daemon.kept.get() == {"a", "b"}
        assert await daemon.changes.get() == {"a": True, "b": True}


async def test_what_a_round_may_be_making_still_is_waited_for():
    """An object was let go, and then it was on record what a round had made of it, which began before that."""
    async with Daemon(instances=[instance("a")], leaving=["b"]).finalized() as daemon:
        assert await daemon.kept.get() == {"a", "b"}


async def test_who_leads_no_more_changes_none():
    async with Daemon(instances=[instance("a")], leads=[False, True]).finalized() as daemon:
        assert await daemon.kept.get() == {"a"}
        daemon.seen.set()
        assert await daemon.kept.get() == {"a"}
        assert await daemon.changes.get() == {"a": True}
        assert daemon.changes.empty()
