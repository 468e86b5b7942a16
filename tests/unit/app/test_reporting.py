"""When an object's status is written."""

import asyncio

from reconciler.app.operator import statuses
from reconciler.app.operator.reporting import Reporting
from reconciler.store.feed import Feed
from reconciler.store.records import Receipt
from watchers.kubernetes.objects import SeenObject

PATH = "web/File.linux.froyo.dev/motd.json"


def wanted(ready="True", **more):
    return {**statuses.of_values("so", "r"), "says": ready, **more}


class Objects:
    """Objects that are seen, whose statuses are kept in a queue."""

    def __init__(self, *, failures=0, status=None):
        self.seen = {PATH: SeenObject("uid", 3, "", status or {})}
        self.news = asyncio.Event()
        self.written = asyncio.Queue()
        self.failures = failures

    def generation(self, path, digest):
        return 3

    async def write(self, found):
        await self.written.put(found)
        if self.failures:
            self.failures -= 1
            return dict.fromkeys(found, "no")
        return {}


class World:
    """Something that reports, until it is left."""

    def __init__(self, objects, said):
        self.objects, self.said = objects, said
        self.feed, self.changed = Feed(), asyncio.Event()

    def news(self):
        self.feed.committed(Receipt(events=(), objects=frozenset({"web-1/File/motd"})))

    async def known(self):
        return {PATH: (self.said, 3)}

    async def __aenter__(self):
        following = self.feed.subscribe()
        running = Reporting(self.objects, self.known).run(following, self.changed)
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
    before = statuses.settled(wanted("one"), 3, None)
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
        objects.seen = {PATH: SeenObject("another", 1, "", {})}
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
