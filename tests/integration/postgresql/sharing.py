"""Several controllers on one store on a real server: on virtual time, over modelled targets."""

import asyncio
from contextvars import ContextVar

from reconciler.app.sharing.following import Following
from reconciler.app.sharing.work import SharedWork
from reconciler.core.sharing import SHARDS
from reconciler.engine.loop.controller import Controller
from reconciler.engine.share import Share
from reconciler.model.source import Snapshot
from reconciler.store.records import LeaseHolder
from reconciler.store.store import Store
from reconciler.targets.session import Session
from tests.sim.loop import run
from tests.sim.manifests import SOURCE
from tests.unit.engine.stage import Stage, file

MACHINES = tuple(f"m{number}" for number in range(6))
MEMBER = ContextVar("member", default=None)


class Member:
    """One of them.

    Attributes:
        frozen: what is to happen once it goes on; None where it is not stopped.
        unaware: it may have been taken for dead without knowing it: then it is for the targets to refuse it.
    """

    def __init__(self, scene, number):
        self.scene, self.number = scene, number
        self.frozen = None
        self.unaware = False
        self.tasks = []
        self.gone = False

    async def begin(self):
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
        following = Following(
            self.store,
            stage.runtime,
            self.controller,
            load_of=lambda _name: scene.load,
            taken=lambda: None,
        )
        self.work = SharedWork(
            self.store,
            us,
            self.controller,
            following,
            sources=scene,
            beat=lambda: None,
        )
        await self.controller.start()
        token = MEMBER.set(self)
        self.tasks = [
            asyncio.create_task(self.controller.run()),
            asyncio.create_task(self.work.run(lambda: scene.leaders.append(self))),
        ]
        MEMBER.reset(token)
        return self

    async def _open(self, target, *, runtime, on_event):
        def fence(name):
            found = self.store.fence_of(name)
            # Of two that say the same nobody knows which of them it is.
            assert self.scene.holders.setdefault(found, self.number) == self.number
            return found

        return await Session.open(target, runtime=runtime, on_event=on_event, fence=fence)

    @property
    def ended(self):
        return any(task.done() for task in self.tasks)

    @property
    def why(self):
        """What it ended with."""
        return next((t.exception() for t in self.tasks if t.done() and not t.cancelled()), None)

    @property
    def knows(self):
        """Whether what it takes for its own is that."""
        return not (self.gone or self.ended or self.unaware)

    @property
    def targets(self):
        return {name for name in MACHINES if self.controller.share.has(name)}

    async def end(self):
        """In order."""
        await self.controller.stop(grace=5.0)
        await self._end()
        self.gone = True
        await self.store.close()

    async def kill(self):
        self.thaw()
        await self._end()
        if not self.gone:
            self.gone = True
            self.store.abandon()

    async def _end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def freeze(self):
        if self.frozen is None:
            self.frozen, self.unaware = [], True

    def thaw(self):
        if self.frozen is not None:
            kept, self.frozen = self.frozen, None
            self.scene.stage.loop.thaw(kept)

    def drop(self):
        """Its sessions at the server end, which it does not know."""
        self.unaware = True
        for database in (self.store._writer._database, self.store._reader):
            if not database.driver.closed:
                self.scene.server.ask(f"SELECT pg_terminate_backend({database.driver.info.backend_pid})")


class Scene:
    """Them all."""

    def __init__(self, stage, place, server):
        self.stage, self.place, self.server = stage, place, server
        self.members, self.leaders = [], []
        self.decided, self.holders = {}, {}
        self.newest = None
        self.taken_over = 0
        self.wrong = []
        stage.loop.frozen = _kept
        self._run, stage.host.run = stage.host.run, self._watched

    async def _watched(self, package, phase, request, perform):
        """What a provider is asked for: of a target by one member at a time, but for those that do not know better."""
        name = request["target"]["name"]
        theirs = [one.number for one in self.members if one.knows and one.controller.share.has(name)]
        if len(theirs) > 1:
            self.wrong.append(f"{name} is worked on by {theirs}")
        return await self._run(package, phase, request, perform)

    @property
    def intakes(self):
        return {SOURCE: self} if self.decided else {}

    async def take_over(self):
        self.taken_over += 1

    async def begin(self):
        self.members.append(await Member(self, len(self.members) + 1).begin())
        return self.members[-1]

    def load(self, snapshot):
        return self.decided[snapshot.digest]

    async def declare(self, leader, *declared):
        """What a source says, as the one that leads takes it in."""
        desired = self.stage.desired(*declared)
        self.decided[desired.digest] = self.newest = desired
        await self.decide(leader)

    async def decide(self, leader):
        desired = self.newest
        await leader.store.save_snapshot(Snapshot(desired.source, desired.revision, desired.digest, {}))
        await leader.controller.submit(desired)

    def all_owned(self, *by):
        """Whether each target is one's, and each of these has what is to be his."""
        each = [one.controller.share.shards for one in by]
        return sum(map(len, each)) == SHARDS == len(frozenset().union(*each)) and all(each)

    def kept(self, content=b"kept\n"):
        return all(self.stage.content(name, on=name) == content for name in MACHINES)

    def spoil(self):
        for name in MACHINES:
            self.stage.spoil(name, on=name)

    async def end(self):
        for one in self.members:
            one.thaw()
        self.stage.loop.frozen = None
        for one in self.members:
            # Of one that was taken for dead the process would have ended by now.
            await (one.kill() if one.ended else one.end())


def _kept(context):
    member = context.get(MEMBER)
    return member.frozen if member is not None else None


def files(content="kept\n", **common):
    return [file(name, content, on=name, **common) for name in MACHINES]


def play(directory, server, scenario):
    """Have several members play a scenario."""

    async def scene():
        one = Scene(Stage(directory, *MACHINES), server.place(), server)
        try:
            await scenario(one)
        finally:
            await one.end()
        assert not one.wrong, one.wrong[:5]

    run(scene())


def played(test):
    """A test of a scene."""

    def wrapped(tmp_path, shared_server):
        play(tmp_path, shared_server, test)

    wrapped.__name__, wrapped.__doc__, wrapped.__module__ = test.__name__, test.__doc__, test.__module__
    return wrapped
