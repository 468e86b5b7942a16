"""What has been written is told after it is on disk, to whoever follows, and nobody waits for who does not listen."""

import asyncio

import pytest

from reconciler.core.workqueue import Priority
from reconciler.errors import StoreError
from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.scope import EVERYTHING
from reconciler.model.state import Approval, SourceState, Suspension, TargetState
from reconciler.store.batch import Batch
from reconciler.store.feed import MOST, Feed, News
from reconciler.store.records import InventoryEntry, Ownership, QueuedKey, Receipt
from tests.unit.store.values import event, instance, state, unit

BOTH = True

A = state("a").address


def heard(subscription):
    """What has been told by now; None where nothing was."""
    waiting = subscription.heard()
    try:
        waiting.send(None)
    except StopIteration as said:
        return said.value
    waiting.close()
    return None


@pytest.fixture
def following(store):
    with store.feed.subscribe() as subscription:
        yield subscription


async def test_news_come_after_the_commit_and_name_what_has_changed(store, following):
    later = asyncio.ensure_future(following.heard())
    await asyncio.sleep(0)
    await store.write(Batch().put_states([state("a")]).add_events([event(), event()]))
    news = await later
    assert news == News(2, frozenset([A]), missed=False)
    assert [one.id for one in await store.events()] == [1, 2]
    assert heard(following) is None


async def test_what_was_not_written_is_not_told(store, following):
    with pytest.raises(StoreError):
        await store.write(Batch().put_states([state("a")]).intend("no such run", [unit()]))
    assert heard(following) is None


async def test_what_nobody_waits_for_any_more_is_told_all_the_same(store, following):
    writing = asyncio.ensure_future(store.write(Batch().put_states([state("a")])))
    await asyncio.sleep(0)
    writing.cancel()
    assert (await following.heard()).objects == {A}


async def test_several_commits_are_one_news_to_who_was_busy(store, following):
    for name in "abc":
        await store.write(Batch().put_states([state(name)]).add_events([event()]))
    assert heard(following) == News(3, frozenset(state(name).address for name in "abc"), missed=False)


SUSPENSION = Suspension(object="web-1", by="ops", reason="x", since=0.0, until=None)


@pytest.mark.parametrize(
    ("batch", "objects"),
    [
        (Batch().forget_states([A]), {A}),
        (Batch().put_target_state(TargetState(name=TargetName("web-1"))), {"Target/web-1"}),
        (Batch().forget_target(TargetName("web-1")), {"Target/web-1"}),
        (Batch().put_source_state(SourceState(name=SourceName("/srv"))), {"Source/srv"}),
        (Batch().forget_source(SourceName("/srv")), {"Source/srv"}),
        (Batch().suspend(SUSPENSION), {"web-1"}),
        (Batch().resume("web-1"), {"web-1"}),
        (
            Batch().put_inventory(
                [InventoryEntry(ownership=Ownership.CREATED, instance=instance("a"), recorded_at=0.0)]
            ),
            {A},
        ),
        (Batch().forget_inventory([A]), {A}),
        (Batch().approve([Approval(address=A, shown=Digest("sha256:1"), by="ops", reason="x", at=0.0)]), {A}),
        (Batch().forget_approvals([A]), {A}),
        (
            Batch().enqueue(
                QueuedKey(target=TargetName("web-1"), priority=Priority.USER, scope=EVERYTHING, added_at=0.0)
            ),
            {"Target/web-1"},
        ),
        (Batch().dequeue(TargetName("web-1")), {"Target/web-1"}),
    ],
)
async def test_whatever_is_put_on_record_names_what_it_is_about(store, following, batch, objects):
    await store.write(batch)
    assert heard(following).objects == objects


async def test_what_says_nothing_about_anything_is_no_news(store, following):
    await store.write(Batch().forget_warm())
    await store.blobs.put(b"content")
    assert heard(following) is None


def test_of_who_does_not_listen_a_bounded_number_of_names_is_kept_and_he_is_told_that_there_were_more():
    feed = Feed()
    with feed.subscribe() as slow, feed.subscribe() as quick:
        for number in range(MOST):
            feed.committed(Receipt(objects=(f"m/File/{number}",)))
        assert not heard(quick).missed
        feed.committed(Receipt(objects=("m/File/more",)))
        assert len(slow._objects) == 0
        assert heard(quick) == News(0, frozenset(["m/File/more"]), missed=False)
        assert heard(slow) == News(0, frozenset(), missed=True)
        feed.committed(Receipt(objects=("m/File/0",)))
        assert heard(slow) == News(0, frozenset(["m/File/0"]), missed=False)


async def test_who_has_left_is_told_nothing():
    feed = Feed()
    with feed.subscribe() as subscription:
        pass
    feed.committed(Receipt(objects=("a",)))
    assert heard(subscription) is None


async def test_who_gives_up_waiting_misses_nothing():
    feed = Feed()
    with feed.subscribe() as subscription:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.0):
                await subscription.heard()
        feed.committed(Receipt(objects=("a",)))
        assert (await subscription.heard()).objects == {"a"}
