"""When an object's status is written."""

import asyncio

from reconciler.app.operator import reporting, statuses
from reconciler.app.operator.reporting import Reporting
from reconciler.errors import StoreError
from reconciler.store.feed import Feed
from reconciler.store.records import Receipt
from watchers.kubernetes.objects import SeenObject

PATH = "web/File.linux.froyo.dev/motd.json"
NOW = "1970-01-01T00:00:00.250000Z"


def wanted(ready="True", **more):
    return {**statuses.of_values("so", "r"), "says": ready, **more}


class Objects:
    """Objects that are seen, whose statuses are kept in a queue."""

    def __init__(self, *, failures=0, status=None):
        self.seen = {}
        self.others_write(status or {}, uid="uid")
        self.news = asyncio.Event()
        self.written = asyncio.Queue()
        self.failures = failures

    def generation(self, path, digest):
        return 3

    def others_write(self, status, uid="uid"):
        self.seen = {PATH: SeenObject(uid, 3, "", status)}

    async def write(self, found):
        await self.written.put(found)
        if self.failures:
            self.failures -= 1
            return dict.fromkeys(found, "no")
        self.others_write(None)
        return {}


class World:
    """Something that reports, until it is left."""

    def __init__(self, objects, said):
        self.objects, self.said = objects, said
        self.feed, self.changed = Feed(), asyncio.Event()
        self.lead = [True]
        self.asked = asyncio.Event()

    def news(self):
        self.feed.committed(Receipt(events=(), objects=frozenset({"web-1/File/motd"})))

    async def known(self):
        return {PATH: (self.said, 3)}

    async def leads(self):
        self.asked.set()
        found = self.lead.pop(0) if len(self.lead) > 1 else self.lead[0]
        if isinstance(found, Exception):
            raise found
        return found

    async def __aenter__(self):
        following = self.feed.subscribe()
        running = Reporting(self.objects, self.known, self.leads, lambda: 0.25).run(following, self.changed)
        self.task = asyncio.create_task(running)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_status_is_written_when_it_says_something_else_and_again_if_it_could_not_be():
    objects = Objects(failures=2)
    async with World(objects, wanted("one")) as world:
        for wake in (world.news, world.changed.set, objects.news.set):  # twice it cannot be written
            assert (await objects.written.get())[PATH]["says"] == "one"
            wake()
        world.said = wanted("one", revision="other")
        world.news()
        world.said = wanted("two")
        world.news()
        assert (await objects.written.get())[PATH]["says"] == "two"
        assert objects.written.empty()


async def test_what_was_written_in_another_life_is_not_written_again():
    before = statuses.settled(wanted("one"), 3, None, now=NOW)
    objects = Objects(status={**before, "revision": "of then"})
    async with World(objects, wanted("one")) as world:
        world.said = wanted("two")
        world.news()
        assert (await objects.written.get())[PATH]["says"] == "two"
        assert objects.written.empty()


async def test_an_object_that_is_made_anew_as_it_had_been_is_told_of_once_more():
    """It had no status for ever."""
    objects = Objects()
    async with World(objects, wanted("one")):
        assert PATH in await objects.written.get()
        objects.others_write({}, uid="another")
        objects.news.set()
        assert PATH in await objects.written.get()
        assert objects.written.empty()


async def test_counts_alone_are_written_now_and_then():
    objects = Objects()
    async with World(objects, wanted(instances={"total": 1})) as world:
        assert (await objects.written.get())[PATH]["instances"] == {"total": 1}
        world.said = wanted(instances={"total": 2})
        world.news()
        world.said = wanted(instances={"total": 3})
        world.news()
        assert (await objects.written.get())[PATH]["instances"] == {"total": 3}
        assert objects.written.empty()


async def test_what_is_put_right_again_and_again_is_written_now_and_then():
    objects = Objects()
    async with World(objects, wanted()) as world:
        assert PATH in await objects.written.get()
        world.said = wanted(history=[{"at": "1"}], lastDiff="content")
        world.news()
        assert (await objects.written.get())[PATH]["history"] == [{"at": "1"}]
        world.said = wanted(history=[{"at": "2"}, {"at": "1"}], lastDiff="content")
        world.news()
        world.said = wanted("else", history=[{"at": "3"}], lastDiff="mode")
        world.news()
        assert (await objects.written.get())[PATH]["history"] == [{"at": "3"}]
        assert objects.written.empty()


async def test_what_somebody_else_has_written_over_is_put_right():
    """It stayed: a controller that did not know yet that it leads no more had the last word."""
    objects = Objects()
    async with World(objects, wanted("one")) as world:
        ours = (await objects.written.get())[PATH]
        objects.others_write({**ours, "says": "of theirs"})
        objects.news.set()
        assert (await objects.written.get())[PATH] == ours
        # Who does so again and again is not answered each time, but what is new is written all the same.
        objects.others_write({**ours, "says": "of theirs again"})
        objects.news.set()
        world.said = wanted("two")
        world.news()
        assert (await objects.written.get())[PATH]["says"] == "two"
        assert objects.written.empty()


async def test_what_somebody_else_has_written_over_again_is_put_right_in_a_while(monkeypatch):
    monkeypatch.setattr(reporting, "AGAIN", 0.2)
    objects = Objects()
    async with World(objects, wanted("one")):
        ours = (await objects.written.get())[PATH]
        for _ in range(3):
            objects.others_write({**ours, "says": "of theirs"})
            objects.news.set()
            assert (await objects.written.get())[PATH] == ours


async def test_what_others_have_in_a_status_beside_ours_is_nothing_to_us():
    objects = Objects()
    async with World(objects, wanted("one")) as world:
        ours = (await objects.written.get())[PATH]
        theirs = {"type": "example.com/Audited", "status": "True"}
        objects.others_write({**ours, "conditions": [theirs, *ours["conditions"]]})
        objects.news.set()
        world.said = wanted("two")
        world.news()
        assert (await objects.written.get())[PATH]["says"] == "two"
        assert objects.written.empty()


async def test_who_leads_no_more_writes_nothing():
    objects = Objects()
    world = World(objects, wanted("one"))
    world.lead = [False, StoreError("no answer"), True]
    async with world:
        for _ in range(2):
            await world.asked.wait()
            world.asked.clear()
            assert objects.written.empty()
            world.changed.set()
        assert PATH in await objects.written.get()
