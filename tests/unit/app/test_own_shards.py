"""Parts of the targets are taken before anything is begun on them, and given when nothing is under way any more."""

import asyncio
from types import SimpleNamespace

import pytest

from reconciler.app.sharing.shards import HAND_OVER, OwnShards
from reconciler.core.sharing import SHARDS, shared_out
from reconciler.engine.share import Share
from reconciler.errors import StoreError
from reconciler.store.sharing import ShardLease, Sharing

ALL = frozenset(range(SHARDS))
OURS = frozenset(shard for shard, owner in shared_out({1, 2}).items() if owner == 1)


class Scene:
    """A store that two share, a controller that works on what is its, and what they were asked, in order."""

    def __init__(self, members=(1, 2), shards=None):
        self.members, self.shards = members, shards or {}
        self.asked, self.fails, self.ended = [], "", asyncio.Event()
        self.share = Share(alone=False)
        self.own = OwnShards(1, self, self)

    @property
    def seen(self):
        there = {shard: ShardLease(member, 1) for shard, member in self.shards.items()}
        members = tuple(SimpleNamespace(number=one) for one in self.members)
        return Sharing(members, there, frozenset(self.members), lease=None, led=True, written=0)

    async def look(self):
        return self.seen

    async def take(self, shards):
        self.asked.append("take")
        self.shards |= dict.fromkeys(shards, 1)
        return dict.fromkeys(shards, 2)

    async def give(self, shards):
        self.asked.append("give")
        self.shards |= dict.fromkeys(shards, 0)

    async def take_up(self, shards):
        assert all(self.shards[shard] == 1 for shard in shards)
        if self.fails == "take_up":
            raise StoreError("the disk is full")
        self.asked.append("take up")
        self.share.gain(shards)

    async def give_up(self, shards, *, grace):
        self.asked.append(("give up", grace))
        self.share.lose(shards)
        await self.ended.wait()
        if self.fails == "give_up":
            raise StoreError("the disk is full")


async def test_what_nobody_has_is_ours_on_record_before_it_is_worked_on():
    scene = Scene()
    await scene.own.share_out(scene.seen)
    assert scene.asked == ["take", "take up"]
    assert (scene.share.shards, scene.own.moved) == (OURS, True)
    await scene.own.share_out(scene.seen)
    assert scene.asked == ["take", "take up"]


async def test_what_could_not_be_taken_up_is_when_it_is_tried_again():
    scene = Scene()
    scene.fails = "take_up"
    with pytest.raises(StoreError):
        await scene.own.share_out(scene.seen)
    assert not scene.share.shards
    scene.fails = ""
    await scene.own.share_out(scene.seen)
    assert scene.share.shards == OURS


async def test_what_another_one_is_to_have_is_given_once_all_on_it_has_ended():
    scene = Scene(shards=dict.fromkeys(ALL, 1))
    scene.share.gain(ALL)
    await scene.own.share_out(scene.seen)
    await asyncio.sleep(0)
    await scene.own.share_out(scene.seen)  # one after the other
    assert scene.asked == [("give up", HAND_OVER)]
    assert {*scene.shards.values()} == {1}
    scene.ended.set()
    await asyncio.wait([scene.own._giving])
    assert (scene.asked[-1], scene.own.moved) == ("give", True)
    await scene.own.share_out(scene.seen)
    assert scene.share.shards == OURS


async def test_what_could_not_be_given_stays_ours_on_record_and_is_given_when_it_is_tried_again():
    scene = Scene(shards=dict.fromkeys(ALL, 1))
    scene.share.gain(ALL)
    scene.fails = "give_up"
    scene.ended.set()
    await scene.own.share_out(scene.seen)
    await asyncio.wait([scene.own._giving])
    assert "give" not in scene.asked
    assert {*scene.shards.values()} == {1}
    scene.fails = ""
    await scene.own.share_out(scene.seen)
    await asyncio.wait([scene.own._giving])
    assert {shard for shard, member in scene.shards.items() if member} == OURS


async def test_what_another_one_has_on_record_is_let_go_of_at_once():
    scene = Scene(shards=dict.fromkeys(ALL, 2))
    scene.share.gain({0})
    scene.ended.set()
    await scene.own.share_out(scene.seen)
    assert (scene.asked, scene.share.shards) == ([("give up", 0.0)], frozenset())


async def test_who_ends_gives_nothing_any_more():
    scene = Scene(shards=dict.fromkeys(ALL, 1))
    scene.share.gain(ALL)
    await scene.own.share_out(scene.seen)
    await asyncio.sleep(0)
    await scene.own.close()
    assert scene.asked == [("give up", HAND_OVER)]
