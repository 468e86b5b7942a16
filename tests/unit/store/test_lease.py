"""One controller a store: a lease that expires, a lock that dies with its process, a fence for who slept."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from reconciler.errors import ErrorClass, LeaseHeld, LeaseLost, StoreError
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder
from tests.unit.store.conftest import holder, of_files
from tests.unit.store.values import entry, state

BOTH = True
FIRST = 1_800_000_000
"""The first token, by the clock of these tests."""


def without_locks(*stores):
    """As on a file system that knows none."""
    for store in stores:
        store._lock.try_lock = lambda: False


WRITE = Batch().put_states([state()])


async def test_a_second_controller_is_told_who_holds_the_store(open_store, path):
    first, second = await open_store(), await open_store()
    assert await first.acquire_lease(holder(11, since=1_799_999_000.0), ttl=30) == FIRST
    told = (
        f"{path}: froyo on here (pid 11, since 2027-01-15 07:43:20 UTC) holds the store; "
        "end that one first, or give this one another state directory"
    )
    with pytest.raises(LeaseHeld) as caught:
        await second.acquire_lease(holder(12), ttl=30)
    assert str(caught.value) == told
    assert caught.value.error_class is ErrorClass.TRANSIENT
    await first.write(WRITE)


async def test_a_lease_of_a_dead_process_is_taken_over_at_once(open_store):
    first, second = await open_store(), await open_store()
    await first.acquire_lease(holder(11), ttl=1e9)
    first.abandon()
    assert await second.acquire_lease(holder(12), ttl=30) > FIRST


@of_files
@pytest.mark.parametrize(
    ("newcomer", "taken"),
    [
        (holder(12, host="renamed container"), True),  # the same kernel
        (holder(12, boot_id="boot-2"), True),  # the same host, started again
        (holder(12, host="elsewhere", boot_id="boot-9"), False),  # nothing is proven
    ],
    ids=["same boot", "same host", "elsewhere"],
)
async def test_the_lock_is_a_proof_only_on_the_same_boot_or_host(open_store, newcomer, taken):
    first, second = await open_store(), await open_store()
    await first.acquire_lease(holder(11), ttl=30)
    first.abandon()
    if taken:
        assert await second.acquire_lease(newcomer, ttl=30) > FIRST
    else:
        with pytest.raises(LeaseHeld, match="holds the store"):
            await second.acquire_lease(newcomer, ttl=30)


async def test_a_holder_that_slept_through_its_lease_is_fenced_off(open_store, world):
    """A process that is paused, and wakes after another one has taken over, must not write a single row."""
    sleeper, other = await open_store(), await open_store()
    without_locks(sleeper, other)
    assert not await sleeper.has_lease()
    await sleeper.acquire_lease(holder(11), ttl=30)
    assert not await other.has_lease()
    world.time += 31
    assert await sleeper.has_lease()
    assert await other.acquire_lease(holder(12), ttl=30) > FIRST
    assert await other.has_lease()
    assert not await sleeper.has_lease()
    for attempt in (sleeper.write(WRITE), sleeper.renew_lease(30), sleeper.blobs.put(b"x")):
        with pytest.raises(LeaseLost, match=r"froyo on here \(pid 12\) has taken the store over") as caught:
            await attempt
        assert caught.value.error_class is ErrorClass.PERMANENT
    assert await other.load_states() == {}
    await other.write(WRITE)
    assert len(await other.load_states()) == 1


async def test_an_expired_lease_that_nobody_took_is_still_good(open_store, world):
    store = await open_store()
    without_locks(store)
    await store.acquire_lease(holder(11), ttl=30)
    world.time += 1_000
    await store.write(WRITE)
    await store.renew_lease(30)
    assert (await store.lease()).expires == world.time + 30


@of_files
async def test_keeping_a_lease_by_its_lock_writes_nothing(open_store, world, path):
    """The database was written every ten seconds although nothing happened."""
    store = await open_store()
    await store.acquire_lease(holder(11), ttl=30)
    bystander = sqlite3.connect(path)
    before = bystander.execute("PRAGMA data_version").fetchone()
    for _ in range(3):
        world.time += 10
        await store.renew_lease(30)
    assert bystander.execute("PRAGMA data_version").fetchone() == before
    bystander.close()
    other = await open_store()
    with pytest.raises(LeaseHeld, match="pid 11"):
        await other.acquire_lease(holder(12), ttl=30)
    await store.write(WRITE)


async def test_a_paused_process_keeps_its_store(open_store, world):
    """It holds the lock: two controllers would be one too many as soon as it goes on."""
    paused, other = await open_store(), await open_store()
    await paused.acquire_lease(holder(11), ttl=30)
    world.time += 1_000_000
    with pytest.raises(LeaseHeld, match="pid 11"):
        await other.acquire_lease(holder(12), ttl=30)
    paused.abandon()
    assert await other.acquire_lease(holder(12), ttl=30) > FIRST


async def test_a_sleeper_cannot_take_its_lease_back_from_a_living_holder(open_store, world):
    sleeper, other = await open_store(), await open_store()
    without_locks(sleeper, other)
    await sleeper.acquire_lease(holder(11), ttl=30)
    world.time += 31
    await other.acquire_lease(holder(12), ttl=30)
    with pytest.raises(LeaseHeld, match="pid 12"):
        await sleeper.acquire_lease(holder(11), ttl=30)
    await other.write(WRITE)


async def test_a_lease_that_was_given_back_is_free(open_store):
    first, second = await open_store(), await open_store()
    await first.acquire_lease(holder(11), ttl=30)
    await first.release_lease()
    assert await second.acquire_lease(holder(12), ttl=30) > FIRST
    assert (await first.lease()).holder == holder(12)


async def test_what_is_written_after_giving_it_back_stays_fenced(open_store):
    """A round that ends late, after its controller has stepped down, must not write over its successor's."""
    first, second = await open_store(), await open_store()
    await first.acquire_lease(holder(11), ttl=30)
    await first.release_lease()
    await first.write(WRITE)
    await second.acquire_lease(holder(12), ttl=30)
    with pytest.raises(LeaseLost):
        await first.write(WRITE)


async def test_closing_gives_the_lease_back(open_store):
    first, second = await open_store(), await open_store()
    await first.acquire_lease(holder(11), ttl=30)
    await first.close()
    assert await second.acquire_lease(holder(12), ttl=30) > FIRST


async def test_closing_does_not_give_back_what_another_one_holds(open_store, world):
    sleeper, other = await open_store(), await open_store()
    without_locks(sleeper, other)
    await sleeper.acquire_lease(holder(11), ttl=30)
    world.time += 31
    await other.acquire_lease(holder(12), ttl=30)
    await sleeper.close()
    await other.write(WRITE)
    assert (await other.lease()).expires == world.time + 30


async def test_taking_it_again_makes_the_older_token_stale(open_store):
    store = await open_store()
    old = await store.acquire_lease(holder(11), ttl=30)
    assert await store.acquire_lease(holder(11), ttl=30) == old + 1
    store.token = old
    with pytest.raises(LeaseLost):
        await store.write(WRITE)


async def test_a_token_without_any_lease_is_stale(open_store):
    store = await open_store()
    store.token = 1
    with pytest.raises(LeaseLost, match="somebody has taken the store over"):
        await store.write(WRITE)


async def test_who_holds_no_lease_may_still_leave_a_note(open_store):
    """`froyo suspend` works while a controller runs, and says nothing about who reconciles."""
    controller, person = await open_store(), await open_store()
    await controller.acquire_lease(holder(11), ttl=30)
    await person.write(WRITE)
    await controller.write(WRITE)


async def test_taking_it_survives_a_group_that_has_to_be_tried_again(open_store):
    """The second try finds the lock taken, by itself; it must not take that for somebody else's."""
    dead, store = await open_store(), await open_store()
    await dead.acquire_lease(holder(11), ttl=1e9)
    dead.abandon()
    token, refused = await asyncio.gather(
        store.acquire_lease(holder(12), ttl=30),
        store.write(Batch().put_inventory([entry(preimage="sha256:nothing")])),
        return_exceptions=True,
    )
    assert token == FIRST + 1
    assert isinstance(refused, StoreError)


async def test_a_clock_that_was_put_back_keeps_nobody_out_whose_holder_has_ended(open_store, world):
    first, second = await open_store(), await open_store()
    await first.acquire_lease(holder(11), ttl=30)
    await first.release_lease()
    world.time -= 1_000_000
    assert await second.acquire_lease(holder(12), ttl=30) > FIRST


def test_a_process_can_say_who_it_is():
    me = LeaseHolder.of_this_process(5.0)
    assert me.since == 5.0
    assert me.pid > 0
    assert me.host
    assert len(me.boot_id) == 36
