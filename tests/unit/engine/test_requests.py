"""What a person asks for is done, however long it takes and whatever happens meanwhile."""

import asyncio

import pytest

from reconciler.engine.loop.requests import Request
from reconciler.errors import StoreError
from reconciler.model.scope import EVERYTHING, Scope
from tests.sim.manifests import SOURCE
from tests.unit.engine.stage import address, file, staged


@staged
async def test_a_wish_about_a_target_that_cannot_be_reached_is_granted_when_it_can(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].power_failure(60.0)
    await asyncio.sleep(40.0)
    await stage.controller.request(Scope.of([address("motd")]))
    assert [key.scope for key in await stage.store.load_queue()] == [Scope.of([address("motd")])]
    await asyncio.sleep(400.0)
    assert await stage.store.load_queue() == []


@staged
async def test_wishes_about_one_target_are_joined(stage):
    await stage.declare(file("motd", "hello\n"), file("issue", "hello\n"))
    await stage.settled()
    stage.machines["m0"].power_failure(3600.0)
    await asyncio.sleep(40.0)
    await stage.controller.request(Scope.of([address("motd")]))
    await stage.controller.request(Scope.of([address("issue")]))
    assert [key.scope for key in await stage.store.load_queue()] == [
        Scope.of([address("motd"), address("issue")])
    ]
    await stage.controller.request()
    assert [key.scope for key in await stage.store.load_queue()] == [EVERYTHING]


@staged
async def test_a_wish_that_comes_in_the_middle_of_a_round_is_granted_too(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    looks = stage.sent("file.stat")
    await stage.controller.request(Scope.of([address("motd")]))
    await stage.until(lambda: stage.sent("file.stat") > looks)
    await stage.controller.request(Scope.of([address("motd")]))
    await asyncio.sleep(1.0)
    assert stage.sent("file.stat") == looks + 2
    assert await stage.store.load_queue() == []


@staged
async def test_a_wish_that_cannot_be_put_on_record_is_refused_and_granted_all_the_same(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    looks = stage.sent("file.stat")
    stage.store_fails = StoreError("the disk is full")
    with pytest.raises(StoreError):
        await stage.controller.request()
    await asyncio.sleep(1.0)
    stage.store_fails = None
    assert stage.sent("file.stat") > looks
    await asyncio.sleep(100.0)
    assert await stage.store.load_queue() == []


@staged
async def test_a_wish_before_a_source_is_read_is_granted_when_it_is(stage):
    """Right after the start of a daemon it was accepted, and nothing was done about it."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    for scope in (EVERYTHING, Scope.of([address("motd")])):
        await stage.again()
        stage.controller.submissions.expected.add(SOURCE)
        await stage.controller.request(scope)
        assert [key.scope for key in await stage.store.load_queue()] == [scope]
        await stage.declare(file("motd", "hello\n"))
        assert len(await stage.store.load_queue()) == 1
        await asyncio.sleep(10.0)
        assert await stage.store.load_queue() == []


@staged
async def test_a_wish_about_what_nobody_serves_is_none(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.again()
    await stage.controller.request()
    assert await stage.store.load_queue() == []


@staged
async def test_a_wish_about_a_target_that_is_dropped_is_forgotten(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].power_failure(3600.0)
    await asyncio.sleep(40.0)
    await stage.controller.request()
    gone = stage.machines.pop("m0")
    await stage.declare()
    stage.machines["m0"] = gone
    assert await stage.store.load_queue() == []


def test_a_wish_for_everything_takes_in_all_others():
    some, more, everything = (
        Request(Scope.of("a"), 1.0),
        Request(Scope.of("b"), 2.0),
        Request(EVERYTHING, 3.0),
    )
    assert some.merged(more) == Request(Scope.of("ab"), 2.0)
    assert some.merged(everything) == everything.merged(some) == everything
