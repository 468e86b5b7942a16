"""Several controllers share one store on a real server: on virtual time, over modelled targets."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace

import pytest

from reconciler.app.approving import approvals
from reconciler.app.sharing.work import SILENCE
from reconciler.core.sharing import SHARDS, shard_of
from reconciler.errors import LeaseLost, StoreError, TransportError
from reconciler.model.names import Address
from reconciler.model.resource import Deletion
from reconciler.model.scope import Scope
from reconciler.model.state import Suspension
from reconciler.store.batch import Batch
from reconciler.store.records import Run
from reconciler.store.sharing import Decided
from tests.integration.postgresql.sharing import MACHINES, files, play, played
from tests.sim.manifests import SOURCE
from tests.unit.store.values import event, unit


@played
async def test_what_one_decides_is_done_by_all_each_on_its_own_targets(scene):
    first = await scene.begin()
    await scene.stage.until(lambda: scene.leaders == [first] and scene.all_owned(first))
    second = await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(scene.kept)
    assert scene.leaders == [first]
    scene.spoil()
    await scene.stage.until(scene.kept)
    # Each knows how all of it is, and says whose it is.
    await asyncio.sleep(5.0)
    assert first.controller.states() == second.controller.states()
    assert first.controller.targets.keys() == second.controller.targets.keys() == {*MACHINES}
    parts = await second.store.load_controllers()
    assert [(one.holder.pid, one.leads) for one in parts] == [(1, True), (2, False)]
    assert parts[0].shards | parts[1].shards == {*range(SHARDS)}
    theirs = next(iter(first.targets))
    with pytest.raises(TransportError, match="another controller that shares the store"):
        await second.controller.gather_facts(theirs)
    plans = {one.target: one.errors for one in await second.controller.plan()}
    assert "another controller" in plans[theirs][theirs]
    assert not plans[next(iter(second.targets))]


@played
async def test_who_is_killed_leaves_what_he_had_and_nothing_else_moves(scene):
    members = [await scene.begin() for _ in range(3)]
    await scene.stage.until(lambda: scene.all_owned(*members))
    [leader] = scene.leaders
    await scene.declare(leader, *files())
    await scene.stage.until(scene.kept)
    left = [one for one in members if one is not leader]
    before = [one.controller.share.shards for one in left]
    begun = scene.stage.loop.time()
    await leader.kill()
    await scene.stage.until(lambda: scene.all_owned(*left))
    assert scene.stage.loop.time() - begun < SILENCE + 2.0
    assert all(had <= one.controller.share.shards for had, one in zip(before, left, strict=True))
    scene.spoil()
    await scene.stage.until(scene.kept)
    # Another one decides by now, from what the first one has put on record.
    assert len(scene.leaders) == scene.taken_over == 2
    await scene.declare(scene.leaders[1], *files(content="anew\n"))
    await scene.stage.until(lambda: scene.kept(b"anew\n"))


@played
async def test_who_was_taken_for_dead_does_nothing_any_more(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(scene.kept)
    # Stopped, with its session dropped by the server: it does not know.
    second.tasks[1].cancel()
    scene.server.ask(f"SELECT pg_terminate_backend({second.store._writer._database.driver.info.backend_pid})")
    mine = next(iter(second.targets))
    await scene.stage.until(lambda: scene.all_owned(first))
    # Its sessions were ended at the targets by those of the other one, and it cannot write.
    with pytest.raises(LeaseLost, match="have taken its targets over"):
        await second.store.write(Batch().begin_run(a_run(mine)))
    scene.stage.spoil(mine, on=mine)
    await scene.stage.until(scene.kept)
    await second.kill()


def a_run(name: str) -> Run:
    return Run(id="1", target=name, cause="drift", revision="r1", started_at=1.0)


@played
async def test_nothing_is_begun_on_a_target_of_another_one(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(scene.kept)
    theirs = next(iter(first.targets))
    about = replace(unit(), address=Address(f"{theirs}/File/{theirs}"))
    with pytest.raises(StoreError, match="another controller works on this target by now"):
        await second.store.write(Batch().begin_run(a_run(theirs)).intend("1", [about]))
    # Whatever led to it: what is another one's on record is not its own.
    second.controller.share.gain([shard_of(theirs)])
    await scene.stage.until(lambda: not second.controller.share.has(theirs))
    scene.stage.spoil(theirs, on=theirs)
    await scene.stage.until(scene.kept)


@played
async def test_what_a_person_says_to_one_is_heard_by_all(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(scene.kept)
    theirs = next(iter(first.targets))
    address = Address(f"{theirs}/File/{theirs}")
    await second.controller.suspend(
        Suspension(object=address, by="alice", reason="trying", since=scene.stage.now(), until=None)
    )
    await asyncio.sleep(2.0)
    scene.stage.spoil(theirs, on=theirs)
    await asyncio.sleep(120.0)
    assert not scene.kept()
    assert first.controller.suspensions.holding(address)
    assert await second.controller.resume(address)
    await scene.stage.until(scene.kept)
    assert not first.controller.suspensions.holding(address)
    # What is asked for is on record until the one that it is about has granted it.
    await second.controller.request(Scope.of([address]))
    await second.controller.request(Scope.of([address]))
    assert [key.target for key in await second.store.load_queue()] == [theirs]
    await asyncio.sleep(5.0)
    assert await second.store.load_queue() == []


@played
async def test_what_waits_for_a_person_waits_on_all_and_is_approved_at_any(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files(deletion=Deletion.DELETE))
    await scene.stage.until(scene.kept)
    await asyncio.sleep(5.0)
    await scene.declare(first)  # more than may go at once
    await asyncio.sleep(30.0)
    assert scene.kept()
    [decision] = await first.store.load_decisions()
    assert decision.held.keys() == {f"{name}/File/{name}" for name in MACHINES}
    await asyncio.sleep(5.0)
    found, _ = approvals(
        [*decision.held],
        states=second.controller.states(),
        inventory=await second.store.load_inventory(),
        given={},
        by="alice",
        reason="",
        at=scene.stage.now(),
    )
    await second.controller.approve(found)
    await scene.stage.until(lambda: not any(scene.stage.content(name, on=name) for name in MACHINES))
    await scene.stage.until(lambda: not first.controller.in_force.instances)
    await scene.stage.until(lambda: not second.controller.in_force.instances)


@played
async def test_what_nobody_serves_any_more_is_in_force_nowhere(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await first.store.write(Batch().decide(Decided("/gone", "sha256:gone", "", frozenset(), {})))
    await scene.declare(first, *files())
    await scene.stage.until(scene.kept)
    assert len(await second.store.load_decisions()) == 2
    await asyncio.sleep(70.0)
    await first.store.write(Batch().add_events([event()]))
    await asyncio.sleep(2.0)
    assert [one.source for one in await second.store.load_decisions()] == [SOURCE]
    await first.controller.submissions.drop(SOURCE)
    await first.store.write(Batch().undecide(SOURCE))
    await scene.stage.until(lambda: not second.controller.in_force)


@played
async def test_a_server_that_is_gone_for_a_moment_is_asked_again(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(scene.kept)
    scene.stage.store_fails = StoreError("gone")
    await asyncio.sleep(SILENCE)
    scene.stage.store_fails = None
    scene.spoil()
    await scene.stage.until(scene.kept)
    assert scene.all_owned(first, second)
    assert second.work.members == 2


# --- Whatever happens -------------------------------------------------------------------------------------------------


class History:
    """Members come, end, are killed, are stopped and go on, and the server drops them."""

    def __init__(self, scene, seed):
        self.scene, self.random, self.turn = scene, random.Random(seed), 0
        self.later = []

    @property
    def living(self):
        return [one for one in self.scene.members if not one.ended and one.frozen is None]

    @property
    def leads(self):
        return [one for one in self.living if one.controller.share.leads]

    async def _in(self, pause, one, harm):
        await asyncio.sleep(pause)
        if not one.ended:
            harm()

    async def come(self, _one):
        if len(self.living) < 4:
            await self.scene.begin()

    async def end(self, one):
        if len(self.living) > 1:
            await one.end()

    async def kill(self, one):
        if len(self.living) > 1:
            await one.kill()

    async def freeze(self, one):
        if len(self.living) > 1:
            pause = self.random.choice([0.5, 5.0, 60.0])
            one.freeze()
            if self.random.random() < 0.6:
                until = self.random.uniform(0.0, pause)
                self.later.append(asyncio.create_task(self._in(until, one, one.drop)))
            self.later.append(asyncio.create_task(self._in(pause, one, one.thaw)))

    async def drop(self, one):
        one.drop()

    async def spoil(self, _one):
        self.scene.spoil()

    async def declare(self, _one):
        if self.leads:
            with contextlib.suppress(StoreError):  # it leads no longer, and does not know
                await self.scene.declare(self.leads[-1], *files(content=f"turn {self.turn}\n"))

    async def play(self):
        """Harm them, and then leave them alone: in the end each target has one, and is as declared."""
        scene, random_ = self.scene, self.random
        for _ in range(2):
            await scene.begin()
        await scene.stage.until(lambda: bool(scene.leaders))
        await scene.declare(scene.leaders[0], *files())
        harms = [self.come, self.end, self.kill, self.freeze, self.drop, self.spoil, self.declare]
        for self.turn in range(12):
            await asyncio.sleep(random_.choice([0.0, 0.1, 1.0, 7.0]))
            for _ in range(random_.randrange(40)):
                await asyncio.sleep(0)
            await random_.choice(harms)(random_.choice(self.living))
        await asyncio.gather(*self.later)
        await asyncio.sleep(SILENCE + 30.0)
        assert all(isinstance(one.why, LeaseLost | None) for one in scene.members)
        [leader] = self.leads
        await scene.declare(leader, *files())
        await scene.stage.until(lambda: scene.all_owned(*self.living))
        await scene.stage.until(scene.kept)
        scene.spoil()
        await scene.stage.until(scene.kept, within=900.0)  # what was spoiled again and again is fought about
        known = await leader.store.load_controllers()
        assert sorted(one.holder.pid for one in known) == [one.number for one in self.living]


@pytest.mark.parametrize("seed", range(1))
def test_whatever_happens_to_them_each_target_has_one_and_ends_as_declared(seed, tmp_path, shared_server):
    play(tmp_path, shared_server, lambda scene: History(scene, seed).play())


@pytest.mark.e2e
@pytest.mark.postgresql
@pytest.mark.parametrize("seed", range(1, 60))
def test_the_same_of_many_histories(seed, tmp_path, shared_server):
    play(tmp_path, shared_server, lambda scene: History(scene, seed).play())
