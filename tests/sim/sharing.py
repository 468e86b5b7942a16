"""The story of a seed of those that share a store: trouble, then a fine day, then members that come and go in order."""

import asyncio
import gc
import logging
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from reconciler.core.sharing import SHARDS, shard_of
from reconciler.model.names import Address
from reconciler.model.scope import Scope
from reconciler.model.state import ResourceState, Suspension
from tests.sim.files import Node
from tests.sim.loop import Deadlock, Spinning, run
from tests.sim.members import Member, frozen, register, served
from tests.sim.shared import VIM, Shared

PATIENCE = 900.0
"""Seconds of virtual time within which everything must have come right."""
MOST = 5
"""Members at a time."""

Harm = Callable[[Shared, random.Random, Member], None]


def simulate(seed: int) -> Shared:
    """Run one seed."""
    directory = Path(
        tempfile.mkdtemp(prefix="froyo-sim-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    )
    logger = logging.getLogger("froyo")
    level, collecting = logger.level, gc.isenabled()
    logger.setLevel(logging.CRITICAL)
    gc.disable()  # finalizers must not run at another place in another run
    found: list[Shared] = []

    async def play() -> None:
        scene = Shared(seed, directory)
        found.append(scene)
        scene.loop.frozen = frozen
        story = asyncio.create_task(_story(scene), name="story")
        failed = asyncio.create_task(scene.failed.wait(), name="failed")
        try:
            await asyncio.wait([story, failed], return_when=asyncio.FIRST_COMPLETED)
            failed.cancel()
            if story.done():
                story.result()
        except TimeoutError as error:
            scene.violated(str(error))
        finally:
            story.cancel()
            await _ended(scene)

    try:
        with served():
            run(play(), started=register)
    except (Spinning, Deadlock) as error:
        found[0].violations.append(str(error))
    finally:
        if collecting:
            gc.enable()
        logger.setLevel(level)
        shutil.rmtree(directory, ignore_errors=True)
    return found[0]


async def _ended(scene: Shared) -> None:
    for one in list(scene.members):
        one.thaw()
        one.kill()
    while scene.members:
        await asyncio.sleep(0.1)
    scene.close()


async def _story(scene: Shared) -> None:
    random_ = scene.random
    scene.say()
    for _ in range(random_.choice([1, 2, 3])):
        scene.begin()
        await asyncio.sleep(random_.choice([0.0, 0.3, 5.0]))
    over = scene.loop.time() + random_.uniform(20.0, 120.0)
    pace = random_.choice([0.5, 2.0, 6.0])
    harms = [harm for harm in HARMS if random_.random() < 0.6]
    scene.note(f"trouble: {', '.join(harm.__name__ for harm in harms)}")
    while scene.loop.time() < over:
        await asyncio.sleep(random_.expovariate(1 / pace))
        for _ in range(random_.randrange(40)):
            await asyncio.sleep(0)
        if not scene.members:
            scene.begin()
        elif scene.living and harms:
            random_.choice(harms)(scene, random_, random_.choice(scene.living))
    await _calm(scene)
    await _until(scene, _unsettled, "does not converge")
    await asyncio.sleep(60.0)  # what was fought about has its own time to pass
    await _until(scene, _unsettled, "does not stay as it should be")
    before = (scene.commits, scene.changes)
    await asyncio.sleep(60.0)
    if before != (scene.commits, scene.changes):
        scene.violated(
            f"something is written although nothing changes: {before}, {scene.commits, scene.changes}"
        )
    await _come_and_go(scene)
    await _leave(scene)


async def _calm(scene: Shared) -> None:
    """The trouble ends, and at least two are there."""
    scene.note("calm")
    for machine in scene.machines.values():
        machine.silent_until = min(machine.silent_until, scene.loop.time())
    for one in scene.members:
        one.thaw()
        one.cut_off_until, one.crash_at = 0.0, None
    while len(scene.living) < 2:
        scene.begin()
        await asyncio.sleep(1.0)
    scene.say()
    for _ in range(4):
        await asyncio.sleep(8.0)
        one = scene.living[0]
        await one.controller.catch_up()
        for suspension in one.controller.suspensions.all():
            scene.ask(one, one.controller.resume(suspension.object))


# --- Trouble ----------------------------------------------------------------------------------------------------------


def comes(scene: Shared, _random: random.Random, _one: Member) -> None:
    """Another one is begun."""
    if len(scene.members) < MOST:
        scene.begin()


def ends(scene: Shared, _random: random.Random, one: Member) -> None:
    """One is told to end."""
    scene.note(f"{one.number} is told to end")
    one.told.set()


def is_killed(scene: Shared, random_: random.Random, one: Member) -> None:
    """One is killed: now, or at a write."""
    if random_.random() < 0.5:
        scene.kill(one)
    else:
        one.crash_at = one.writes + random_.randrange(1, 12)


def stops(scene: Shared, random_: random.Random, one: Member) -> None:
    """One is stopped for a while, and the server drops its session meanwhile, or does not."""
    pause = random_.choice([0.01, 0.5, 5.0, 15.0, 60.0])
    scene.note(f"{one.number} is stopped for {pause}")
    one.freeze()
    scene.loop.call_later(pause, one.thaw)
    if random_.random() < 0.6:
        scene.loop.call_later(random_.uniform(0.0, pause), loses_its_session, scene, random_, one)


def loses_its_session(scene: Shared, _random: random.Random, one: Member) -> None:
    """The server of the store ends its session."""
    if not one.dead:
        scene.note(f"the server drops {one.number}")
        scene.locks.drop(one, dead=False)


def is_cut_off(scene: Shared, random_: random.Random, one: Member) -> None:
    """One does not reach the store for a while; the server drops its session meanwhile, or does not."""
    pause = random_.choice([0.5, 5.0, 30.0])
    scene.note(f"{one.number} does not reach the store for {pause}")
    one.cut_off_until = scene.loop.time() + pause
    if random_.random() < 0.6:
        scene.loop.call_later(random_.uniform(0.0, pause), loses_its_session, scene, random_, one)


def declares(scene: Shared, _random: random.Random, _one: Member) -> None:
    """The source says something else."""
    scene.say()


def spoils(scene: Shared, random_: random.Random, _one: Member) -> None:
    """Somebody writes into a file."""
    for name in random_.sample(sorted(scene.machines), k=2):
        scene.machines[name].files.put("/srv/page", Node(content=b"spoiled\n"), VIM)


def partitions(scene: Shared, random_: random.Random, _one: Member) -> None:
    """A machine is away for a while."""
    machine = scene.machines[random_.choice(sorted(scene.machines))]
    machine.partition(random_.choice([0.5, 5.0, 40.0]))


def wants(scene: Shared, random_: random.Random, one: Member) -> None:
    """A person wants something looked at, or left alone for a while, and says so to one of them, whosever it is."""
    name = random_.choice(sorted(scene.machines))
    if random_.random() < 0.5:
        scene.ask(one, one.controller.request(Scope.of([Address(f"{name}/File/page")])))
    else:
        now = scene.now()
        until = now + random_.uniform(1.0, 30.0) if random_.random() < 0.6 else None
        wish = Suspension(object=str(name), by="alice", reason="maintenance", since=now, until=until)
        scene.ask(one, one.controller.suspend(wish))


HARMS: tuple[Harm, ...] = (
    comes,
    ends,
    is_killed,
    stops,
    loses_its_session,
    is_cut_off,
    declares,
    spoils,
    partitions,
    wants,
)


# --- What must be true ------------------------------------------------------------------------------------------------


async def _until(
    scene: Shared, missing: Callable[[Shared], list[str]], what: str, *, within: float = PATIENCE
) -> None:
    deadline = scene.loop.time() + within
    while still := missing(scene):
        if scene.loop.time() > deadline:
            raise TimeoutError("\n    ".join([what, *still[:12]]))
        await asyncio.sleep(1.0)


def _unsettled(scene: Shared) -> list[str]:
    """What is not yet as it must become."""
    missing = [f"{one.number} is not up" for one in scene.members if not one.up]
    leaders = [one for one in scene.members if one.up and one.controller.share.leads]
    if len(leaders) != 1:
        return [*missing, f"{len(leaders)} lead"]
    each = [one.controller.share.shards for one in scene.members]
    if sum(map(len, each)) != SHARDS or len(frozenset().union(*each)) != SHARDS or not all(each):
        missing.append(f"not each part is one's: {[len(one) for one in each]}")
    wanted = scene.wanted()
    for name, machine in scene.machines.items():
        found = {path: node.content for path, node in machine.files.nodes.items() if path in wanted[name]}
        different = {path for path, content in wanted[name].items() if found.get(path) != content}
        missing += [
            f"{name}:{path} is {found.get(path)!r}, not {wanted[name][path]!r}" for path in sorted(different)
        ]
        if not scene.has_heard(machine):
            missing.append(f"{name}: its handler has not run since its page has changed")
    for one in leaders:
        missing += [f"{a}: {s.reason} {s.message}" for a, s in scene.unready(one)]
    return missing


def _has(scene: Shared) -> dict[int, tuple[int, int]]:
    return dict(scene.record().shards)


async def _come_and_go(scene: Shared) -> None:
    """Members come, go and are killed, one after the other: what moves is what they get, or had, and nothing else."""
    random_ = scene.random
    for how in random_.sample(["comes", "goes", "is killed"], k=3):
        if how != "comes" and len(scene.living) < 2:
            continue
        before, there = _has(scene), {one.us for one in scene.members}
        sessions = {name: machine.sessions for name, machine in scene.machines.items()}
        changes = scene.changes
        scene.note(f"one {how}")
        if how == "comes":
            scene.begin()
        elif how == "goes":
            random_.choice(scene.living).told.set()
        else:
            scene.kill(random_.choice(scene.living))
        await asyncio.sleep(25.0)
        await _until(scene, _unsettled, f"does not converge after one {how}", within=120.0)
        after, stay = _has(scene), there & {one.us for one in scene.members}
        for shard, (member, token) in sorted(after.items()):
            was, earlier = before[shard]
            if was == member and token != earlier:
                scene.violated(f"part {shard} has been somebody else's meanwhile")
            if was != member and {was, member} <= stay:
                scene.violated(f"part {shard} moves from one to another one, and both were there before")
        for name, machine in scene.machines.items():
            if machine.sessions != sessions[name] and before[shard_of(name)] == after[shard_of(name)]:
                scene.violated(f"{name} has another session, and stays whose it was")
        if scene.changes != changes:
            scene.violated(f"{scene.changes - changes} changes although nothing differs")


async def _leave(scene: Shared) -> None:
    """All end in order: each has said what it knew, and nothing is in doubt, owed or asked for."""
    leader = next(one for one in scene.members if one.controller.share.leads)
    store = leader.store
    stored = await store.load_states()
    states: dict[Address, ResourceState] = {}
    for one in scene.members:
        mine = {a: state for a, state in one.controller.states().items() if one.controller.share.covers(a)}
        states |= mine
    if stored != states:
        scene.violated(f"the store does not say what they say: {sorted(stored.keys() ^ states.keys())[:5]}")
    for what, found in {
        "something is in doubt": await store.in_doubt(),
        "a request is on record": await store.load_queue(),
        "a target is disrupted": await store.load_disruptions(),
    }.items():
        if found:
            scene.violated(f"{what}: {list(found)[:5]}")
    for address, entry in (await store.load_inventory()).items():
        path = entry.instance.provides[0].name if entry.instance.provides else ""
        if path == "/srv/x1" and entry.instance.target in scene.old and entry.preimage is None:
            scene.violated(f"what was there before us is not kept: {address}")
    for one in list(scene.members):
        one.told.set()
        await asyncio.sleep(3.0)
    await _until(
        scene, lambda scene: [f"{one.number} does not end" for one in scene.members], "no end", within=60.0
    )
    left = scene.record()
    if left.members or any(member for member, _ in left.shards.values()):
        scene.violated(f"somebody has parts who has ended: {left.members}")
