"""Several controllers share one store on a real server: on virtual time, over modelled targets."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from reconciler.app.approving import approvals
from reconciler.app.following import Following
from reconciler.app.sharing import SILENCE, SharedWork
from reconciler.core.sharing import SHARDS, shard_of
from reconciler.engine.loop.controller import Controller
from reconciler.engine.share import Share
from reconciler.errors import LeaseLost, StoreError, TransportError
from reconciler.model.names import Address
from reconciler.model.resource import Deletion
from reconciler.model.scope import Scope
from reconciler.model.source import Snapshot
from reconciler.model.state import Suspension
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder, Run
from reconciler.store.sharing import Decision
from reconciler.store.store import Store
from reconciler.targets.session import Session
from tests.sim.loop import run
from tests.sim.manifests import SOURCE
from tests.unit.engine.stage import Stage, file
from tests.unit.store.values import unit

MACHINES = tuple(f"m{number}" for number in range(6))


class Member:
    """One of them."""

    def __init__(self, scene: Scene, number: int) -> None:
        self.scene, self.number = scene, number

    async def begin(self) -> Member:
        scene, stage = self.scene, self.scene.stage
        self.store = await Store.open(scene.place, runtime=stage.runtime)
        us = await self.store.membership.join(LeaseHolder("here", self.number, "boot", 0.0))
        self.controller = Controller(
            store=self.store,
            host=stage.host,
            runtime=stage.runtime,
            open_session=self._open,
            settings=stage.settings,
            share=Share(alone=False),
        )
        self.following = Following(self.store, stage.runtime, self.controller, scene.load)
        self.work = SharedWork(
            self.store,
            us,
            self.controller,
            self.following,
            served=lambda: {SOURCE} if scene.decided else (),
            beat=lambda: None,
        )
        await self.controller.start()
        self.tasks = [
            asyncio.create_task(self.controller.run()),
            asyncio.create_task(self.work.run(self._lead)),
        ]
        return self

    def _lead(self) -> None:
        self.scene.leaders.append(self.number)

    async def _open(self, target, *, runtime, on_event):
        return await Session.open(target, runtime=runtime, on_event=on_event, fence=self.store.fence_of)

    @property
    def targets(self) -> set[str]:
        return {name for name in MACHINES if self.controller.share.has(name)}

    async def end(self) -> None:
        """In order."""
        await self.controller.stop(grace=5.0)
        await self.kill(close=self.store.close)

    async def kill(self, close=None) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await (close() if close is not None else self._abandon())

    async def _abandon(self) -> None:
        self.store.abandon()


class Scene:
    """Them all."""

    def __init__(self, stage: Stage, place: str, server) -> None:
        self.stage, self.place, self.server = stage, place, server
        self.members: list[Member] = []
        self.leaders: list[int] = []
        self.decided: dict[str, object] = {}

    async def begin(self) -> Member:
        self.members.append(await Member(self, len(self.members) + 1).begin())
        return self.members[-1]

    def load(self, snapshot):
        return self.decided[snapshot.digest]

    async def declare(self, leader: Member, *declared) -> None:
        """What a source says, as the one that leads takes it in."""
        desired = self.stage.desired(*declared)
        self.decided[desired.digest] = desired
        await leader.store.save_snapshot(Snapshot(desired.source, desired.revision, desired.digest, {}))
        await leader.controller.submit(desired)

    def all_owned(self, *by: Member) -> bool:
        """Whether each target is one's, and each of these has what is to be his."""
        each = [one.controller.share.shards for one in by]
        return sum(map(len, each)) == SHARDS == len(frozenset().union(*each)) and all(each)

    async def end(self) -> None:
        for one in self.members:
            if not all(task.done() for task in one.tasks):
                await one.end()


def played(test):
    def play(tmp_path, shared_server):
        async def scene() -> None:
            one = Scene(Stage(tmp_path, *MACHINES), shared_server.place(), shared_server)
            try:
                await test(one)
            finally:
                await one.end()

        run(scene())

    play.__name__, play.__doc__, play.__module__ = test.__name__, test.__doc__, test.__module__
    return play


def files(*names, content="kept\n", **common):
    return [file(name, content, on=name, **common) for name in names or MACHINES]


def kept(scene, content=b"kept\n") -> bool:
    return all(scene.stage.content(name, on=name) == content for name in MACHINES)


@played
async def test_what_one_decides_is_done_by_all_each_on_its_own_targets(scene):
    first = await scene.begin()
    await scene.stage.until(lambda: scene.leaders == [1] and scene.all_owned(first))
    second = await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(lambda: kept(scene))
    assert scene.leaders == [1]
    for name in MACHINES:
        scene.stage.spoil(name, on=name)
    await scene.stage.until(lambda: kept(scene))
    # Each knows how all of it is, and says whose it is.
    await asyncio.sleep(5.0)
    assert first.controller.states() == second.controller.states()
    assert first.controller.targets.keys() == second.controller.targets.keys() == {*MACHINES}
    parts = await second.store.load_parts()
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
    leader = members[scene.leaders[0] - 1]
    await scene.declare(leader, *files())
    await scene.stage.until(lambda: kept(scene))
    left = [one for one in members if one is not leader]
    before = [one.controller.share.shards for one in left]
    begun = scene.stage.loop.time()
    await leader.kill()
    await scene.stage.until(lambda: scene.all_owned(*left))
    assert scene.stage.loop.time() - begun < SILENCE + 2.0
    assert all(had <= one.controller.share.shards for had, one in zip(before, left, strict=True))
    for name in MACHINES:
        scene.stage.spoil(name, on=name)
    await scene.stage.until(lambda: kept(scene))
    # Another one decides by now, from what the first one has put on record.
    assert len(scene.leaders) == 2
    await scene.declare(members[scene.leaders[1] - 1], *files(content="anew\n"))
    await scene.stage.until(lambda: kept(scene, b"anew\n"))


@played
async def test_who_was_taken_for_dead_does_nothing_any_more(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(lambda: kept(scene))
    # Stopped, with its session dropped by the server: it does not know.
    second.tasks[1].cancel()
    scene.server.ask(f"SELECT pg_terminate_backend({second.store._writer._database.driver.info.backend_pid})")
    mine = next(iter(second.targets))
    await scene.stage.until(lambda: scene.all_owned(first))
    # Its sessions were ended at the targets by those of the other one, and it cannot write.
    with pytest.raises(LeaseLost, match="have taken its targets over"):
        await second.store.write(Batch().begin_run(a_run(mine)))
    scene.stage.spoil(mine, on=mine)
    await scene.stage.until(lambda: kept(scene))
    await second.kill()


def a_run(name: str) -> Run:
    return Run(id="1", target=name, cause="drift", revision="r1", started_at=1.0)


@played
async def test_nothing_is_begun_on_a_target_of_another_one(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(lambda: kept(scene))
    theirs = next(iter(first.targets))
    about = replace(unit(), address=Address(f"{theirs}/File/{theirs}"))
    with pytest.raises(StoreError, match="another controller works on this target by now"):
        await second.store.write(Batch().begin_run(a_run(theirs)).intend("1", [about]))
    # Whatever led to it: what is another one's on record is not its own.
    second.controller.share.gain([shard_of(theirs)])
    await scene.stage.until(lambda: not second.controller.share.has(theirs))
    scene.stage.spoil(theirs, on=theirs)
    await scene.stage.until(lambda: kept(scene))


@played
async def test_what_a_person_says_to_one_is_heard_by_all(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(lambda: kept(scene))
    theirs = next(iter(first.targets))
    address = Address(f"{theirs}/File/{theirs}")
    await second.controller.suspend(
        Suspension(object=address, by="alice", reason="trying", since=scene.stage.now(), until=None)
    )
    await asyncio.sleep(2.0)
    scene.stage.spoil(theirs, on=theirs)
    await asyncio.sleep(120.0)
    assert not kept(scene)
    assert first.controller.suspensions.holding(address)
    assert await second.controller.resume(address)
    await scene.stage.until(lambda: kept(scene))
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
    await scene.stage.until(lambda: kept(scene))
    await asyncio.sleep(5.0)
    await scene.declare(first)  # more than may go at once
    await asyncio.sleep(30.0)
    assert kept(scene)
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
    await first.store.write(Batch().decide(Decision("/gone", "sha256:gone", "", frozenset(), {})))
    await scene.declare(first, *files())
    await scene.stage.until(lambda: kept(scene))
    await asyncio.sleep(2.0)
    assert [one.source for one in await second.store.load_decisions()] == [SOURCE]
    await first.controller.drop(SOURCE)
    await first.store.write(Batch().undecide(SOURCE))
    await scene.stage.until(lambda: not second.controller.in_force)


@played
async def test_a_server_that_is_gone_for_a_moment_is_asked_again(scene):
    first, second = await scene.begin(), await scene.begin()
    await scene.stage.until(lambda: scene.all_owned(first, second))
    await scene.declare(first, *files())
    await scene.stage.until(lambda: kept(scene))
    scene.stage.store_fails = StoreError("gone")
    await asyncio.sleep(SILENCE)
    scene.stage.store_fails = None
    for name in MACHINES:
        scene.stage.spoil(name, on=name)
    await scene.stage.until(lambda: kept(scene))
    assert scene.all_owned(first, second)
    assert second.work.members == 2
