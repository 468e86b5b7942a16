"""Those who make things go wrong: each a small task of the world's own, outside of the controller's process.

Each simulation has some of them only, so that rare combinations are not drowned by all faults happening at once.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from reconciler.app.rolling_back import wanted
from reconciler.errors import FroyoError
from reconciler.model.names import SourceName, TargetName
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.state import Approval, Suspension
from tests.sim import trees
from tests.sim.author import Json
from tests.sim.cluster import TROUBLES, AppliedSource, is_clustered
from tests.sim.files import DEBIAN, KNOWN
from tests.sim.git import PushedSource, is_pushed
from tests.sim.machine import Machine
from tests.sim.process import Process
from tests.sim.weather import FAULTS
from tests.sim.world import World

Actor = Callable[[World, random.Random], Coroutine[Any, Any, None]]


async def storms(world: World, random_: random.Random) -> None:
    """The weather changes at every machine."""
    kinds = random_.sample(FAULTS, k=random_.randrange(1, 6))
    while True:
        for machine in world.machines.values():
            weather = machine.weather
            weather.clear()
            if random_.random() < 0.7:
                for kind in random_.sample(kinds, k=random_.randrange(1, len(kinds) + 1)):
                    setattr(weather, kind, random_.choice([0.02, 0.1, 0.3]))
            if random_.random() < 0.3:
                weather.latency = (0.01, random_.choice([0.1, 1.0, 4.0]))
        await asyncio.sleep(random_.uniform(1.0, 30.0))


async def meddlers(world: World, random_: random.Random) -> None:
    """People change things on the machines."""
    pace = random_.choice([0.5, 3.0, 15.0])
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        machine = _machine(world, random_)
        for _ in range(random_.choice([1, 1, 2, 5])):
            machine.meddle(random_.choice(world.authors.paths))


async def gardeners(world: World, random_: random.Random) -> None:
    """People change, remove and add things in trees."""
    pace = random_.choice([0.5, 3.0, 15.0])
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        machine, root = _machine(world, random_), random_.choice(trees.roots(world.authors.slots))
        machine.meddle(f"{root}/{random_.choice(trees.BESIDE)}")


async def rivals(world: World, random_: random.Random) -> None:
    """Another tool wants something else of one file, and looks after it all the time."""
    while True:
        await asyncio.sleep(random_.uniform(1.0, 20.0))
        machine, path = _machine(world, random_), random_.choice(world.authors.paths)
        until = world.loop.time() + random_.uniform(2.0, 40.0)
        pause = random_.choice([0.0003, 0.002, 0.05, 0.6])
        world.note("a rival begins", machine=machine.name, path=path, pause=pause)
        wanted = random_.choice([b"their version\n", b"another version\n"])
        machine.rivals[path] = (pause, wanted)
        machine.put_back(path)
        await asyncio.sleep(until - world.loop.time())
        machine.rivals.pop(path, None)


async def editors(world: World, random_: random.Random) -> None:
    """People change what they want, and make mistakes."""
    while True:
        await asyncio.sleep(random_.expovariate(len(world.sources) / 12.0))
        author, fate = random_.choice(list(world.authors.by_source.values())), random_.random()
        source = world.sources[author.source]
        if fate < 0.50:
            author.change()
            source.say(author.document())
        elif fate < 0.55 and source.said:
            source.say(random_.choice(source.said))  # the tree of another day is back
        elif fate < 0.65:
            source.say(["this is", "half written"])
        elif fate < 0.72:
            source.say({"targets": dict(author.ports), "resources": []})
        elif fate < 0.76:
            source.say({"targets": {}, "resources": []})
        elif fate < 0.84:
            source.say(None)
        elif fate < 0.90:
            source.vanishing = random_.randrange(1, 3)
            author.change()
            source.say(author.document())
        elif fate < 0.95:
            source.degraded = "" if source.degraded else "modelled: no inotify watches left"
            source.touch()
        else:
            source.say(source.good)
        world.note("a source", name=source.name, says=_summary(source.document), vanishing=source.vanishing)


async def disks(world: World, random_: random.Random) -> None:
    """Disks fill up, or become read-only, and things are made immutable."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 15.0))
        files = _machine(world, random_).files
        fate = random_.random()
        if fate < 0.4:
            files.full = not files.full
        elif fate < 0.8:
            files.read_only = not files.read_only
        elif files.immutable and random_.random() < 0.7:
            files.immutable.clear()
        else:
            files.immutable.add(random_.choice(world.authors.paths))
        immutable = ",".join(sorted(files.immutable))
        world.note("a disk", full=files.full, read_only=files.read_only, immutable=immutable)


async def networks(world: World, random_: random.Random) -> None:
    """Connections are cut, and machines cut off."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 10.0))
        machine = _machine(world, random_)
        if random_.random() < 0.6:
            machine.lose_sessions()
        else:
            machine.partition(random_.choice([0.5, 5.0, 40.0, 90.0]))


async def admins(world: World, random_: random.Random) -> None:
    """People install, remove, stop, mask, add and lock out, by hand; archives cannot be reached, and scripts fail."""
    pace = random_.choice([1.0, 4.0, 15.0])
    subjects = sorted({one for household in world.authors.households for one in household.people})
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        machine, fate = _machine(world, random_), random_.random()
        system = machine.system
        if fate < 0.75:
            machine.meddle(random_.choice(subjects))
        elif fate < 0.8:
            system.packages.offline = not system.packages.offline
        elif fate < 0.87:
            system.packages.failing ^= {random_.choice(sorted(world.authors.archive))}
        elif fate < 0.92:
            units = [one.removeprefix("unit:") for one in subjects if one.startswith("unit:")]
            system.units.failing ^= {random_.choice(units)} if units else set()
        elif fate < 0.95:
            system.units.slow = not system.units.slow
        elif fate < 0.98:
            if system.packages.holder is not None:  # the worst moment for that
                machine.power_failure(random_.choice([0.1, 5.0]))
        else:
            stranger = {"user": f"stranger{random_.randrange(3)}"}
            system.accounts.do("user.ensure", stranger, {"command": "useradd", "pid": 8})
        failing = sorted(system.packages.failing | system.units.failing)
        world.note("an admin", machine=machine.name, failing=failing)


async def tinkerers(world: World, random_: random.Random) -> None:
    """People stop timers, write into their files, and drop something in for units; and authors want other ones."""
    pace = random_.choice([1.0, 4.0, 15.0])
    subjects = sorted({one for each in world.authors.clockworks for one in each.people})
    makers = [one for one in world.authors.by_source.values() if one.clockwork is not None]
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        if random_.random() < 0.8:
            _machine(world, random_).meddle(random_.choice(subjects))
            continue
        author = random_.choice(makers)
        assert author.clockwork is not None
        author.clockwork.change()
        world.sources[author.source].say(author.document())
        world.note("an author wants other timers", name=author.source)


async def unpackers(world: World, random_: random.Random) -> None:
    """People change, remove and add things where archives are unpacked; and authors have other archives."""
    pace = random_.choice([0.5, 3.0, 15.0])
    authors = [one for one in world.authors.by_source.values() if one.packer is not None]
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        author = random_.choice(authors)
        assert author.packer is not None
        if random_.random() < 0.8:
            _machine(world, random_).meddle(random_.choice(author.packer.people))
            continue
        author.packer.change()
        world.sources[author.source].say(author.document())
        world.note("an author has another archive", name=author.source)


async def pushers(world: World, random_: random.Random) -> None:
    """History is rewritten, or a branch set back; servers hang, or break off; the controller's disk loses something."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 12.0))
        source, fate = random_.choice(list(world.sources.values())), random_.random()
        if not isinstance(source, PushedSource) or not source.heads:
            continue
        if fate < 0.3:
            source.rewrite(world.authors.by_source[source.name].document())
        elif fate < 0.5:
            source.reset()
        elif fate < 0.7:
            source.hanging = not source.hanging
        elif fate < 0.9:
            source.torn = not source.torn
        else:
            source.lose_something()
        world.note("a repository", name=source.name, fate=fate, head=source.newest, hangs=source.hanging)


async def appliers(world: World, random_: random.Random) -> None:
    """An API server is away, or says half of it; objects go and come back, break, and are told of late or never."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 4.0))
        source, fate = random_.choice(list(world.sources.values())), random_.random()
        if not isinstance(source, AppliedSource):
            continue
        if fate < 0.2:
            source.replace()
        elif fate < 0.4:
            source.say(["this is", "half written"])
        elif fate < 0.5:
            world.server.troubles.clear()
        else:
            trouble, chance = random_.choice(TROUBLES), random_.choice([0.02, 0.1, 0.3, 1.0])
            world.server.troubles[trouble] = chance
            if chance == 1.0:  # nothing is heard of anything meanwhile
                await asyncio.sleep(random_.uniform(0.5, 8.0))
                world.server.troubles.pop(trouble, None)
        world.note("a cluster", name=source.name, fate=fate, troubles=dict(world.server.troubles))


async def deleters(world: World, random_: random.Random) -> None:
    """Somebody deletes objects, which others apply again once they are gone; now and then one is let go by hand."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 5.0))
        source = random_.choice(list(world.sources.values()))
        if isinstance(source, AppliedSource):
            world.note("objects are deleted", objects=", ".join(source.meddle(random_)))


async def scribblers(world: World, random_: random.Random) -> None:
    """Somebody writes into the statuses of objects."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 6.0))
        source = random_.choice(list(world.sources.values()))
        if isinstance(source, AppliedSource) and (said := source.scribble(random_)):
            world.note("somebody writes into a status", object=said)


async def returners(world: World, random_: random.Random) -> None:
    """People roll a source back to what it was, for a while or until they say otherwise."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 15.0))
        process = world.process
        if process is None or not process.up or process.rolling_back is None:
            continue
        store, now = process.store, world.now()
        source = random_.choice(world.served)
        if source in await store.load_rollbacks() and random_.random() < 0.6:
            world.note("the end of a rollback", name=source)
            world.monitor.revisions.released(source)
            _ask(process, process.rolling_back.end(source, by="alice"), "rollback end")
            continue
        revisions = [one.revision for one in await store.revisions() if one.source == source]
        if not revisions:
            continue
        until = now + random_.uniform(1.0, 40.0) if random_.random() < 0.7 else None
        more = {"by": "alice", "reason": "it was good", "since": now, "until": until}
        _ask(process, _roll_back(process, random_.choice(revisions), source, more), "rollback")


async def _roll_back(process: Process, revision: str, source: SourceName, more: Json) -> None:
    assert process.rolling_back is not None
    rollback = await wanted(process.store, revision, source, **more)
    process.world.note("a rollback", name=source, revision=revision, until=more["until"])
    await process.rolling_back.roll_back(rollback)


async def maintainers(world: World, random_: random.Random) -> None:
    """Packages ask for another boot, kernels are installed, people want a host up; and some boots do not help."""
    pace = random_.choice([2.0, 6.0, 20.0])
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        _machine(world, random_).boots.meddle(random_)


async def writers(world: World, random_: random.Random) -> None:
    """People write in files that others own a part of; and authors want other parts of them."""
    pace = random_.choice([0.5, 3.0, 10.0])
    scribes = [one for one in world.authors.by_source.values() if one.scribe is not None]
    while True:
        await asyncio.sleep(random_.expovariate(1 / pace))
        if random_.random() < 0.75:
            _machine(world, random_).meddle(random_.choice(sorted(world.authors.texts)))
            continue
        author = random_.choice(scribes)
        assert author.scribe is not None
        author.scribe.change()
        world.sources[author.source].say(author.document())
        world.note("an author wants other lines", name=author.source)


async def renewers(world: World, random_: random.Random) -> None:
    """A secret becomes another one, which is noticed soon, or at the next start."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 12.0))
        world.secrets.renew()
        world.note("a secret is another one")
        process = world.process
        for name, intake in list(process.intakes.items()) if process is not None and process.up else ():
            assert process is not None
            if name in process.mending:
                process.mending[name].again()
            else:
                _ask(process, intake.reconsider(), "secrets")


async def upgraders(world: World, random_: random.Random) -> None:
    """Machines turn into others, and do not always say what they are."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 8.0))
        machine = _machine(world, random_)
        files = machine.files
        if random_.random() < 0.5:
            files.facts = None if files.facts is not None else dict(KNOWN)
        elif files.facts is not None:
            files.facts = {**files.facts, "os": {**DEBIAN, "major": random_.randrange(11, 14)}}
        world.note("a machine is another one", facts=files.facts)
        process = world.process
        if process is not None and process.up:
            _ask(process, process.controller.gather_facts(TargetName(machine.name)), "facts")


async def power(world: World, random_: random.Random) -> None:
    """Machines lose power."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 25.0))
        _machine(world, random_).power_failure(random_.choice([0.1, 5.0, 30.0]))


async def clocks(world: World, random_: random.Random) -> None:
    """Somebody sets the clock."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 20.0))
        world.clock_offset += random_.choice([-86_400.0, -3_600.0, -30.0, -1.0, 1.0, 30.0, 3_600.0, 86_400.0])
        world.note("the clock jumps", offset=world.clock_offset)


async def store_trouble(world: World, random_: random.Random) -> None:
    """The controller's own disk is full for a while."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 15.0))
        world.store_trouble = random_.choice([0.1, 0.5, 1.0])
        world.note("the store fails", chance=world.store_trouble)
        await asyncio.sleep(random_.expovariate(1 / 4.0))
        world.store_trouble = 0.0


async def crashes(world: World, random_: random.Random) -> None:
    """The controller is killed: at a write of its store, or anywhere."""
    pace = random_.choice([1.0, 5.0, 20.0])
    while True:
        process = world.process
        if process is not None and process.up:
            if random_.random() < 0.7:
                process.crash_at = (
                    process.writes + random_.randrange(1, 12),
                    random_.choice(["before", "after"]),
                )
            else:
                await asyncio.sleep(random_.expovariate(1 / pace))
                for _ in range(random_.randrange(60)):
                    await asyncio.sleep(0)
                process.kill()
        await asyncio.sleep(random_.expovariate(1 / pace))


async def operators(world: World, random_: random.Random) -> None:
    """The controller is stopped in order, and started again, now and then with other sources than before."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 25.0))
        if world.process is not None and world.process.up:
            world.grace = random_.choice([0.0, 0.001, 0.02, 5.0])
            if random_.random() < 0.3:
                known = list(world.sources)
                world.served = sorted(random_.sample(known, k=random_.randrange(1, len(known) + 1)))
            world.note("SIGTERM", grace=world.grace, next=",".join(world.served))
            world.process.told.set()


async def approvers(world: World, random_: random.Random) -> None:
    """People approve what waits for them, or want it left for good."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 6.0))
        process = world.process
        if process is None or not process.up:
            continue
        controller = process.controller
        waiting = sorted(address for address, state in controller.states().items() if state.held is not None)
        if not waiting:
            continue
        address = random_.choice(waiting)
        one = controller.in_force.instances.get(address)
        if one is None:
            continue  # its source has not been taken in yet
        if one.removal is not None and random_.random() < 0.3:
            world.note("forget", object=address)
            world.monitor.preimages.pop(world.monitor.spot(address), None)
            _ask(process, controller.forget([address]), "forget")
            continue
        shown = controller.states()[address].held
        assert shown is not None
        world.note("approve", object=address)
        world.monitor.downtimes.approved(address, shown)
        approval = Approval(address=address, shown=shown, by="ada", reason="meant", at=world.now())
        _ask(process, controller.approve([approval]), "approve")


async def users(world: World, random_: random.Random) -> None:
    """People ask for a look, or want things left alone for a while."""
    while True:
        await asyncio.sleep(random_.expovariate(1 / 8.0))
        process = world.process
        if process is None or not process.up:
            continue
        controller, fate = process.controller, random_.random()
        addresses = sorted(controller.in_force.instances)
        if fate < 0.4:
            named = random_.sample(addresses, k=min(len(addresses), 2)) if random_.random() < 0.5 else None
            scope = EVERYTHING if named is None else Scope.of(named)
            _ask(process, controller.request(scope), "request")
        elif fate < 0.8:
            until = world.now() + random_.uniform(0.5, 30.0) if random_.random() < 0.6 else None
            about = random_.choice([*addresses, *world.machines, "*"])
            world.note("suspend", object=about, until=until)
            wish = Suspension(object=about, by="alice", reason="maintenance", since=world.now(), until=until)
            _ask(process, controller.suspend(wish), "suspend")
        elif controller.suspensions.all():
            about = random_.choice(controller.suspensions.all()).object
            world.note("resume", object=about)
            _ask(process, controller.resume(about), "resume")


async def landlords(world: World, random_: random.Random) -> None:
    """A directory is to be purged in which another source has something, just when that one is not served."""
    while True:
        await asyncio.sleep(random_.uniform(5.0, 40.0))
        source, directory, tenant = random_.choice(tenancies(world))
        directory["spec"] |= {"purge": True, "except": ["keep-*"]}
        world.sources[source].say(world.authors.by_source[source].document())
        world.served = [name for name in world.sources if name != tenant]
        world.note("a source is not served", name=tenant, purged=directory["spec"]["path"])
        if world.process is not None:
            world.process.told.set()


def tenancies(world: World) -> list[tuple[SourceName, Json, SourceName]]:
    """Directories of a source in which another source may have something, and whose that is."""
    by_source = world.authors.by_source.items()
    return [
        (source, directory, tenant)
        for source, author in by_source
        for directory in author.slots.values()
        for tenant, other in by_source
        if directory["kind"] == "Directory" and not directory.get("tree") and source != tenant
        if any(
            one["spec"]["path"].startswith(f"{directory['spec']['path']}/") for one in other.slots.values()
        )
    ]


ACTORS: tuple[Actor, ...] = (
    storms,
    meddlers,
    rivals,
    editors,
    disks,
    networks,
    power,
    clocks,
    store_trouble,
    crashes,
    operators,
    users,
    approvers,
)


def actors(world: World) -> tuple[Actor, ...]:
    """Those who may take part in a world."""
    return (*ACTORS, gardeners) if trees.roots(world.authors.slots) else ACTORS


def others(world: World) -> tuple[Actor, ...]:
    """Those who may take part besides; what anybody else does is not decided by whether they do."""
    part = random.Random(f"{world.seed}/landlords take part").random() < 0.5
    found: tuple[Actor, ...] = (landlords,) if part and tenancies(world) else ()
    if world.authors.households and random.Random(f"{world.seed}/admins take part").random() < 0.7:
        found = (*found, admins)
    if world.authors.clockworks and random.Random(f"{world.seed}/tinkerers take part").random() < 0.7:
        found = (*found, tinkerers)
    if world.authors.packers and random.Random(f"{world.seed}/unpackers take part").random() < 0.7:
        found = (*found, unpackers)
    if is_pushed(world.seed) and random.Random(f"{world.seed}/pushers take part").random() < 0.7:
        found = (*found, pushers)
    if is_clustered(world.seed) and random.Random(f"{world.seed}/appliers take part").random() < 0.7:
        found = (*found, appliers)
    if is_clustered(world.seed) and random.Random(f"{world.seed}/deleters take part").random() < 0.6:
        found = (*found, deleters)
    if is_clustered(world.seed) and random.Random(f"{world.seed}/scribblers take part").random() < 0.5:
        found = (*found, scribblers)
    if is_pushed(world.seed) and random.Random(f"{world.seed}/returners take part").random() < 0.6:
        found = (*found, returners)
    if world.authors.texts and random.Random(f"{world.seed}/writers take part").random() < 0.7:
        found = (*found, writers)
    if world.authors.texts and random.Random(f"{world.seed}/renewers take part").random() < 0.5:
        found = (*found, renewers)
    if world.authors.watch is not None:
        found = (*found, maintainers)
    return (*found, upgraders) if world.asks else found


def _machine(world: World, random_: random.Random) -> Machine:
    return random_.choice(list(world.machines.values()))


def _ask(process: Process, work: Coroutine[Any, Any, Any], name: str) -> None:
    async def asked() -> None:
        try:
            await work
        except FroyoError as error:
            process.world.note("a wish fails", wish=name, why=str(error))

    process.spawn(asked(), name=f"user {name}")


def _summary(document: Any) -> str:
    if isinstance(document, dict):
        return f"{len(document['targets'])} targets, {len(document['resources'])} resources"
    return "nothing at all" if document is None else "something broken"
