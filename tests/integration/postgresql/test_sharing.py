"""Several controllers on one store: each has its part of the targets, and writes for as long as it is one of them."""

from __future__ import annotations

import pytest

from reconciler.core.sharing import SHARDS, shard_of
from reconciler.errors import LeaseHeld, LeaseLost, StoreError, TransportError
from reconciler.model.disruption import Disruption
from reconciler.model.names import Address
from reconciler.store import codec
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder
from reconciler.store.sharing import Decided
from tests.unit.store.values import event, state


def holder(pid: int) -> LeaseHolder:
    return LeaseHolder("here", pid, "boot", 0.0)


@pytest.fixture
def place(shared_server):
    return shared_server.place()


@pytest.fixture
async def joined(open_store, place):
    """Opens a store that has joined."""

    async def join(pid: int):
        store = await open_store(place)
        await store.membership.join(holder(pid))
        return store

    return join


def session_of(store):
    return store._writer._database.driver


def cut(server, store) -> None:
    """End the sessions of a store at the server, as it does when it has heard nothing of it for long."""
    for database in (store._writer._database, store._reader):
        backend = database.driver.info.backend_pid
        server.ask(f"SELECT pg_terminate_backend({backend})")
        while server.ask(f"SELECT 1 FROM pg_stat_activity WHERE pid = {backend}"):
            pass  # it is told to end, and takes a moment


async def test_each_part_has_one_owner_and_goes_to_another_one_only_when_it_is_given(joined):
    first, second = await joined(1), await joined(2)
    got = await first.membership.take(range(SHARDS))
    assert sorted(got) == [*range(SHARDS)]
    assert await second.membership.take([3, 4]) == set()
    mine = first.membership.fence_of(target := name_in(3))
    await first.membership.give([3])
    assert sorted(await second.membership.take([3, 4])) == [3]
    theirs = second.membership.fence_of(target)
    assert (theirs.store, theirs.token > mine.token) == (mine.store, True)
    assert first.membership.fence_of(target) == mine, "for what is still to end"
    sharing = await first.membership.look()
    assert {one.holder.pid for one in sharing.members} == {1, 2}
    assert sharing.living == {one.number for one in sharing.members}
    assert sharing.shards[3].member == second.membership.us.number


def name_in(shard: int) -> str:
    return next(name for number in range(10_000) if shard_of(name := f"web-{number}") == shard)


async def test_nobody_works_on_a_target_that_he_never_had(joined):
    store = await joined(1)
    with pytest.raises(TransportError, match="web-1: another controller works on it"):
        store.fence_of("web-1")


async def test_who_lives_is_not_taken_for_dead(joined):
    first, second = await joined(1), await joined(2)
    assert await second.membership.evict([first.membership.us.number]) == set()
    await first.write(Batch().add_events([event()]))


async def test_who_is_gone_is_a_member_no_longer_and_what_he_had_is_free(joined, shared_server):
    first, second = await joined(1), await joined(2)
    await first.membership.take([1, 2])
    gone = first.membership.us.number
    cut(shared_server, first)
    assert gone not in (await second.membership.look()).living
    assert await second.membership.evict([gone]) == {gone}
    assert sorted(await second.membership.take([1, 2])) == [1, 2]
    for refused in (
        first.write(Batch().put_states([state()])),
        first.membership.take([5]),
        first.membership.give([1]),
        first.membership.evict([second.membership.us.number]),
        first.membership.hold(),
        first.membership.lead(30),
        first.renew_lease(30),
    ):
        with pytest.raises(LeaseLost, match="have taken its targets over; this one writes nothing any more"):
            await refused
    assert (await second.membership.look()).shards[1].member == second.membership.us.number


async def test_a_lost_session_is_made_anew_and_shows_again_that_its_controller_lives(joined, shared_server):
    first, second = await joined(1), await joined(2)
    await first.membership.lead(30)
    cut(shared_server, first)
    await first.membership.hold()
    assert await second.membership.evict([first.membership.us.number]) == set()
    with pytest.raises(LeaseHeld, match=r"pid 1"):
        await second.membership.lead(30)


async def test_one_of_them_has_the_last_word_and_another_one_when_that_one_has_ended(joined, shared_server):
    first, second = await joined(1), await joined(2)
    await first.membership.lead(30)
    sharing = await second.membership.look()
    assert sharing.led
    assert sharing.leader == first.membership.us
    cut(shared_server, first)
    await second.membership.lead(30)
    # It is a member still, and does not lead any more: what it wrote as the leader would be wrong.
    with pytest.raises(LeaseLost, match=r"froyo on here \(pid 2\) has taken the store over"):
        await first.write(Batch().put_states([state()]))
    assert (await second.membership.look()).leader == second.membership.us


async def test_who_could_not_put_on_record_that_he_leads_keeps_nobody_from_it(joined, monkeypatch):
    first, second = await joined(1), await joined(2)

    def full(*_what, **_more):
        raise OSError("no space left on device")

    monkeypatch.setattr(codec, "lease_row", full)
    with pytest.raises(StoreError):
        await first.membership.lead(30.0)
    monkeypatch.undo()
    assert not (await second.membership.look()).led
    await second.membership.lead(30.0)
    with pytest.raises(LeaseHeld):
        await first.membership.lead(30.0)
    assert (await first.membership.look()).led


async def test_an_orderly_end_leaves_everything_free(joined):
    first, second = await joined(1), await joined(2)
    await first.membership.lead(30)
    await first.membership.take([7])
    await first.close()
    sharing = await second.membership.look()
    assert sharing.members == (second.membership.us,)
    assert (sharing.leader, sharing.led) == (None, False)
    await second.membership.lead(30)
    assert sorted(await second.membership.take([7])) == [7]


async def test_a_store_is_shared_or_in_one_hand_and_never_both(joined, open_store, place, shared_server):
    alone = await open_store(place)
    before = await alone.acquire_lease(holder(1), ttl=30)
    fence = alone.fence_of(target := name_in(9))
    other = await open_store(place)
    with pytest.raises(LeaseHeld, match=r"froyo on here \(pid 1"):
        await other.membership.join(holder(2))
    await alone.release_lease()
    await other.membership.join(holder(2))
    await other.membership.take([9])
    theirs = other.fence_of(target)
    assert (theirs.store, theirs.token > fence.token) == (fence.store, True)
    with pytest.raises(LeaseHeld, match=r"it is shared by froyo on here \(pid 2\); end them first, or start"):
        await alone.acquire_lease(holder(1), ttl=30)
    cut(shared_server, other)
    assert await alone.acquire_lease(holder(1), ttl=30) > max(before, theirs.token)
    assert alone.fence_of(target).token > theirs.token
    with pytest.raises(LeaseLost):
        await other.write(Batch().add_events([event()]))


async def test_who_had_a_store_alone_has_it_no_longer_once_others_share_it(
    open_store, joined, place, shared_server
):
    alone = await open_store(place)
    await alone.acquire_lease(holder(1), 30.0)
    cut(shared_server, alone)
    sharing = await joined(2)
    with pytest.raises(LeaseLost):
        await alone.renew_lease(30.0)
    with pytest.raises(LeaseLost):
        await alone.write(Batch().put_states([state("a/File/x")]))
    await sharing.membership.lead(30.0)


async def test_a_leader_that_is_to_be_replaced_does_not_keep_others_from_joining(joined, shared_server):
    first = await joined(1)
    await first.membership.lead(30)
    second = await joined(2)
    assert (await second.membership.look()).leader == first.membership.us


async def test_every_write_is_seen_as_one(joined):
    first, second = await joined(1), await joined(2)
    before = (await first.membership.look()).written
    assert (await first.membership.look()).written == before
    await second.write(Batch().add_events([event()]))
    assert (await first.membership.look()).written != before


async def test_a_number_that_somebody_shows_already_is_not_taken(open_store, place, runtime, monkeypatch):
    first, second = await open_store(place), await open_store(place)
    monkeypatch.setattr(runtime.random, "getrandbits", lambda bits: 5)
    await first.membership.join(holder(1))
    with pytest.raises(LeaseHeld, match="try again"):
        await second.membership.join(holder(2))


async def test_who_has_not_joined_has_no_part(open_store, place):
    with pytest.raises(StoreError, match="it was not joined"):
        await (await open_store(place)).membership.take([1])


async def test_a_file_is_not_shared(open_store, tmp_path):
    store = await open_store(tmp_path / "froyo.db")
    with pytest.raises(StoreError, match=r"only a store on PostgreSQL can be shared; name one"):
        await store.membership.join(holder(1))


async def test_no_more_targets_are_disrupted_than_may_be_whoever_asks_first(joined):
    first, second = await joined(1), await joined(2)
    one, other = (Disruption(name, Address(f"{name}/Reboot/now"), 1.0) for name in ("web-1", "web-2"))
    await first.write(Batch().disrupt([one], most=1))
    with pytest.raises(StoreError, match="1 of at most 1 targets that may be disrupted at a time are by now"):
        await second.write(Batch().disrupt([other], most=1).add_events([event()]))
    assert await second.events() == []
    await first.write(Batch().disrupt([one], most=1))
    await second.write(Batch().disrupt([other]))
    assert len(await first.load_disruptions()) == 2


async def test_a_pause_in_the_middle_of_a_transaction_holds_nobody_up_for_long(joined):
    store = await joined(1)
    (limit,) = session_of(store).execute("SHOW idle_in_transaction_session_timeout").fetchone()
    assert limit == "10s"


async def test_a_decision_is_read_as_it_was_made(joined):
    store = await joined(1)
    held = {Address("web-1/File/motd"): "deletion: confirm asks first"}
    made = Decided("/site", "sha256:1", "an earlier one \udcff came back", frozenset({"b", "a"}), held)
    await store.write(Batch().decide(made))
    assert await store.load_decisions() == [made]
    await store.write(Batch().undecide("/site"))
    assert await store.load_decisions() == []
