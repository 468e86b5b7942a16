"""One simulation: trouble, then a fine day, in which everything must come right and stay so.

1. Trouble, for a minute or two.
2. It ends: the source is good, machines and networks are up, nobody interferes any more.
3. Everything converges, within a bounded time.
4. Quiet: nothing is written any more, neither to a target nor to the store, though it is looked at all the time.
5. Files are spoiled under best conditions: each is repaired at once, said so, and looked at once more. Then
   one is spoiled, and its repair cut off in the middle: that comes right by itself.
6. The controller is stopped in order and leaves nothing behind.
"""

import asyncio
import gc
import logging
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.conditions import get_condition, summarize
from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.resource import Adopt, Instance, Policy
from tests.sim import meddling, packers, scribes, trees
from tests.sim.cluster import AppliedSource, reached
from tests.sim.faults import actors, others
from tests.sim.files import KNOWN, digest_of
from tests.sim.git import PushedSource
from tests.sim.loop import Deadlock, SimTask, Spinning, run
from tests.sim.machine import Machine
from tests.sim.manifests import differs, path_of
from tests.sim.monitor import MARGIN
from tests.sim.process import PROCESS, Process, register
from tests.sim.replicas import freezers, replicas
from tests.sim.world import World

PATIENCE = 900.0
"""Seconds of virtual time within which everything must have come right."""
APPLIED = 30.0
"""Seconds after which what is applied again in a cluster has been heard of."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a seed.

    Attributes:
        seed: the seed.
        violations: what must never have been; empty when all is well.
        lines: what happened.
        digest: of the same.
        seconds: of virtual time.
        lives: of the controller.
        writes: to targets.
    """

    seed: int
    violations: tuple[str, ...]
    lines: tuple[str, ...]
    digest: str
    seconds: float
    lives: int
    writes: int


def simulate(seed: int, *, several: bool = False) -> Result:
    """Run one seed from the beginning to the end, with one controller or with several that take over."""
    directory = Path(tempfile.mkdtemp(prefix="froyo-sim-", dir=_fast()))
    logger = logging.getLogger("froyo")
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    collecting = gc.isenabled()
    gc.disable()  # finalizers must not run at another place in another run
    worlds: list[World] = []
    try:
        try:
            run(_simulate(seed, directory, worlds, several), started=register)
        except (Spinning, Deadlock) as error:
            worlds[0].monitor.violations.append(str(error))
        return _result(worlds[0])
    finally:
        if collecting:
            gc.enable()
        logger.setLevel(level)
        logger.propagate = propagate
        shutil.rmtree(directory, ignore_errors=True)


def _fast() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _result(world: World) -> Result:
    return Result(
        seed=world.seed,
        violations=tuple(world.monitor.violations),
        lines=tuple(world.lines()),
        digest=world.digest(),
        seconds=world.loop.time(),
        lives=world.lives,
        writes=world.monitor.target_writes,
    )


async def _simulate(seed: int, directory: Path, worlds: list[World], several: bool) -> None:
    world = World(seed, directory, several=several)
    worlds.append(world)
    with reached(world.server, alone=world.alone_in_cluster):
        await _simulate_in(world)


async def _simulate_in(world: World) -> None:
    logger = logging.getLogger("froyo")
    logger.addHandler(world.monitor)
    world.loop.set_exception_handler(lambda _loop, context: _unhandled(world, context))
    lives = asyncio.create_task(replicas(world) if world.several else _lives(world), name="lives")
    story = asyncio.create_task(_story(world), name="story")
    failed = asyncio.create_task(world.failed.wait(), name="failed")
    try:
        await asyncio.wait([lives, story, failed], return_when=asyncio.FIRST_COMPLETED)
        for task in (lives, story):
            if task.done() and not world.failed.is_set():
                task.result()
    finally:
        for one in (lives, story, failed):
            one.cancel()
        await asyncio.wait([lives, story, failed])
        for process in world.replicas or [one for one in (world.process,) if one is not None]:
            process.kill()
            await process.reap()
        logger.removeHandler(world.monitor)


def _unhandled(world: World, context: dict[str, Any]) -> None:
    process = PROCESS.get()
    task = context.get("task") or context.get("future")
    if process is not None and process.dead:
        return
    if isinstance(task, SimTask) and world.process is not None and world.process.dead:
        return
    world.monitor.violated("an exception is nobody's", context.get("message"), repr(context.get("exception")))


async def _lives(world: World) -> None:
    """Start the controller, and start it again whenever it has ended."""
    pauses = random.Random(f"{world.seed}/pauses")
    while True:
        world.lives += 1
        if world.asks and world.lives > 1 and pauses.random() < 0.3:
            world.forget_facts()
        process = world.process = Process(world, number=world.lives, directory=world.directory)
        world.note("the controller starts", process=process.number)
        main = process.spawn(process.main(), name="main")
        ended = asyncio.create_task(process.killed.wait(), name="killed")
        await asyncio.wait([main, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        process.up = False
        if (
            main.done()
            and not main.cancelled()
            and (error := main.exception()) is not None
            and not process.dead
        ):
            world.monitor.violated("the controller ends by itself", repr(error))
        await process.reap()
        world.note("the controller has ended", process=process.number, abandoned=process.left)
        await asyncio.sleep(pauses.choice([0.001, 0.01, 1.0, 20.0]))


# --- The story ----------------------------------------------------------------------------------------------------


async def _story(world: World) -> None:
    random_ = world.random
    chosen = [*(actor for actor in actors(world) if random_.random() < 0.4), *others(world)]
    chosen += [freezers] if world.several else []
    world.note("trouble", actors=",".join(actor.__name__ for actor in chosen))
    for author in world.authors.by_source.values():
        # Some are not there yet.
        late = author.prefix and random_.random() < 0.2
        world.sources[author.source].say(None if late else author.document())
    acting = [
        asyncio.create_task(
            actor(world, random.Random(f"{world.seed}/{actor.__name__}")), name=actor.__name__
        )
        for actor in chosen
    ]
    await asyncio.sleep(random_.uniform(10.0, 120.0))
    for task in acting:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
    await _calm(world)
    await _until(world, lambda: _unsettled(world), "does not converge")
    await _quiet(world)
    for _ in range(2):
        await _spoil(world)
    await _lose_a_repair(world)
    await _until(
        world, lambda: _unsettled(world), "does not converge after a repair that was cut off", within=60.0
    )
    await _leave(world)


async def _calm(world: World) -> None:
    """The trouble ends, and nobody leaves behind what cannot be put right without a person."""
    world.note("calm")
    world.store_trouble = 0.0
    world.pages.trouble = world.rules.trouble = False
    for machine in world.machines.values():
        machine.files.facts = dict(machine.files.facts or KNOWN)
        machine.weather.clear()
        machine.rivals.clear()
        machine.files.full = machine.files.read_only = False
        machine.files.immutable.clear()
        machine.silent_until = min(machine.silent_until, world.loop.time())
        meddling.settle(machine.system, {1002, 1003})
        if world.authors.watch is not None:
            machine.boots.settle()
        for one in world.authors.slots:
            path, node = one["spec"]["path"], machine.files.nodes.get(one["spec"]["path"])
            if node is not None and node.type != one["kind"].lower():
                machine.files.remove(path, {"command": "rm", "pid": 7, "user": "alice"})
            for path in trees.misplaced(one, machine.files):
                machine.files.remove(path, {"command": "rm", "pid": 7, "user": "alice"})
        for path in [one for each in world.authors.clockworks for one in each.people if one.endswith(".d")]:
            if path in machine.files.nodes and machine.files.nodes[path].type != "directory":
                machine.files.remove(path, {"command": "rm", "pid": 7, "user": "alice"})
        for packing in world.authors.packers:
            packers.settle(machine.files, packing)
        _settle_texts(world, machine)
    for process in world.replicas:
        process.crash_at, process.cut_off_until = None, 0.0
        process.thaw()
    if world.process is not None:
        world.process.crash_at = None
    world.authors.finish()
    for author in world.authors.by_source.values():
        source = world.sources[author.source]
        source.settle()
        source.say(author.document())
    world.served = list(world.sources)
    await _until(world, lambda: _unserved(world), "no controller")
    assert world.process is not None
    if world.process.rolling_back is not None:
        for rollback in await world.process.store.load_rollbacks():
            world.monitor.revisions.released(rollback)
            work = world.process.rolling_back.end(rollback, by="alice")
            task = world.process.spawn(work, name="user ends a rollback")
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # it may have come to its end by itself
        # What comes to be in force only now may have had such a file purged.
        await _until(world, lambda: _outdated(world), "what is newest does not come to be in force")
        for machine in world.machines.values():
            _settle_texts(world, machine)
    elif world.authors.texts and any(isinstance(one, AppliedSource) for one in world.sources.values()):
        await asyncio.sleep(APPLIED)  # nor is all of it there at once that people apply again
        for machine in world.machines.values():
            _settle_texts(world, machine)
    await _until(world, lambda: _unserved(world), "no controller")
    world.process.controller.decide_again()
    for suspension in world.process.controller.suspensions.all():
        work = world.process.controller.resume(suspension.object)
        await asyncio.wait([world.process.spawn(work, name="user resume")])


def _settle_texts(world: World, machine: Machine) -> None:
    prefixes = [author.prefix for author in world.authors.by_source.values()]
    scribes.settle(machine.files, list(world.authors.texts), prefixes)


def _outdated(world: World) -> list[str]:
    """What is not the newest that there is."""
    if world.process is None or not world.process.up:
        return ["no controller"]
    return [
        f"source {name}: {intake.state.revision} is not {source.newest}"
        for name, intake in world.process.intakes.items()
        if isinstance(source := world.sources[name], PushedSource) and intake.state.revision != source.newest
    ]


def _unserved(world: World) -> list[str]:
    """What a controller does not serve that it should, until it is started with that."""
    process = world.process
    if process is None or not process.up:
        return ["no controller"]
    if missing := [name for name in world.served if name not in process.intakes]:
        process.told.set()
    return list(missing)


async def _until(
    world: World, missing: Callable[[], list[str]], what: str, *, within: float = PATIENCE
) -> None:
    """Wait until nothing is missing any more."""
    deadline = world.loop.time() + within
    while still := missing():
        if world.loop.time() > deadline:
            world.monitor.violated(what, *still)
            return
        await asyncio.sleep(1.0)


async def _quiet(world: World) -> None:
    """Nothing is written while nothing changes."""
    # What was fought about, and what was asked for at the last moment, has its own time to pass.
    await asyncio.sleep(120.0)
    await _until(world, lambda: _unsettled(world), "does not stay as it should be")
    world.note("quiet")
    before = (world.monitor.store_writes, world.monitor.target_writes, world.server.asked)
    looks = len(world.trace)
    await asyncio.sleep(200.0)
    after = (world.monitor.store_writes, world.monitor.target_writes, world.server.asked)
    if before != after:
        world.monitor.violated(
            "something is written although nothing changes", before, after, *world.lines()[looks:]
        )
    if still := _unsettled(world):
        world.monitor.violated("does not stay as it should be", *still)
    excused = _all_excused(world)
    world.monitor.made_is_ours()
    world.monitor.handlers_ran(lambda address: address in excused or _stays_in_doubt(world, address, excused))
    _bounded(world)


async def _spoil(world: World) -> None:
    """Under best conditions a repair takes next to no time, is told in full, and is looked at once more."""
    if (chosen := _repairable(world)) is None:
        return
    one, machine = chosen
    known = len(world.monitor.repaired)
    by = {"command": "spoiler", "pid": 4711, "user": "mallory"}
    world.note("spoil", machine=machine.name, path=path_of(one))
    machine.overwrite(path_of(one), b"spoiled\n", by)
    await asyncio.sleep(1.0)
    if wrong := differs(one, machine, _managed(world, machine.name)):
        world.monitor.violated("is not repaired at once", one.address, wrong)
        return
    told = [event for event in world.monitor.repaired[known:] if event["object"] == one.address]
    if len(told) != 1:
        world.monitor.violated("a repair is not told once", one.address, told)
    elif (
        not _evidence_is_right(machine, told[0]["evidence"])
        or told[0]["duration"] is None
        or told[0]["duration"] > 0.5
    ):
        world.monitor.violated("a repair is not told in full", told)
    elif world.monitor.last_look(machine.name, path_of(one)) < told[0]["at"] + MARGIN:
        world.monitor.violated("a repair is not looked at once more when things have settled", one.address)


async def _lose_a_repair(world: World) -> None:
    """The session is lost, or the controller killed, in the middle of one, and nobody touches anything afterwards."""
    if (chosen := _repairable(world)) is None or world.process is None:
        return
    one, machine = chosen
    killed = world.random.random() < 0.5
    world.note("spoil, and cut off", machine=machine.name, path=path_of(one), killed=killed)
    if killed:
        world.process.crash_at = (world.process.writes + world.random.randrange(1, 4), "before")
    else:
        machine.weather.hangs_up = 1.0
    machine.overwrite(path_of(one), b"spoiled\n", {"command": "spoiler", "pid": 4711, "user": "mallory"})
    await asyncio.sleep(0.2)
    machine.weather.hangs_up = 0.0


def _repairable(world: World) -> tuple[Instance, Machine] | None:
    """A file that is in sync, and whose changes are noticed."""
    process, random_ = world.process, world.random
    assert process is not None
    assert process.controller.in_force
    excused = _all_excused(world)
    candidates = [
        one
        for one in process.controller.in_force.instances.values()
        if one.common.policy is Policy.ENFORCE
        and one.removal is None
        and one.kind == "File"
        and "body" in one.spec
        and "validate" not in one.spec
        and process.controller.states()[one.address].owned
        and summarize(process.controller.states()[one.address].conditions).ready
        and not _waits_for(world, one.address, excused)
    ]
    if not candidates:
        return None
    one = random_.choice(candidates)
    machine = world.machines[one.target]
    if machine.runners[-1].mode == "none" or machine.runners[-1].degraded:
        return None
    return one, machine


def _evidence_is_right(machine: Machine, evidence: Any) -> bool:
    """Whether it says who did it, as far as the target can know."""
    if evidence is None:
        return False
    if machine.runners[-1].mode == "inotify":
        return bool(evidence["source"] == "inotify")
    return bool(evidence["command"] == "spoiler" and evidence["user"] == "mallory")


async def _leave(world: World) -> None:
    """Stop in order: nothing is abandoned, and the store says what the controller said."""
    process = world.process
    assert process is not None
    states, targets = process.controller.states(), dict(process.controller.targets)
    stored = await process.store.load_states()
    if different := {
        a: (states.get(a), stored.get(a)) for a in states.keys() | stored if states.get(a) != stored.get(a)
    }:
        world.monitor.violated("the store does not say what the controller says", *different.items())
    kept = await process.store.load_target_states()
    if different_targets := {t for t in targets.keys() | kept if targets.get(t) != kept.get(t)}:
        world.monitor.violated(
            "the store does not say of targets what the controller says", *different_targets
        )
    assert process.account is not None
    if found := [*world.secrets.kept(process.account)]:
        world.monitor.violated("a secret is in the store", *found)
    if found := world.secrets.told(str([*states.values(), *targets.values()])):
        world.monitor.violated("a secret is in a report", found)
    if doubt := await process.store.in_doubt():
        world.monitor.violated("something is still in doubt", *doubt)
    if counted := await process.store.load_disruptions():
        world.monitor.violated("a target is still disrupted", *counted)
    if queue := await process.store.load_queue():
        world.monitor.violated("a request that was granted is still on record", *queue)
    for address, entry in (await process.store.load_inventory()).items():
        was = world.monitor.preimages.get((entry.instance.target, path_of(entry.instance)))
        # Of what was in doubt when a session was lost, any may have been the first that was replaced.
        there = {digest_of(was)} if was is not None else set()
        name = entry.instance.target
        if was is not None and world.machines[name].sessions > 1:
            there |= world.monitor.foreign[name, path_of(entry.instance)]
        if was is not None and entry.preimage not in there:
            world.monitor.violated("what was there before us is not kept", address, was, entry.preimage)
        if entry.preimage is not None:
            await process.store.blobs.read(entry.preimage)
    world.grace = 5.0
    process.told.set()
    while not process.tasks:
        await asyncio.sleep(0.1)
    for _ in range(100):
        if not process.tasks:
            break
        await asyncio.sleep(0.1)
    if process.tasks:
        world.monitor.violated("tasks are left after a stop", *(task.get_name() for task in process.tasks))
    if process.left:
        world.monitor.violated("something is abandoned although nothing was under way", process.left)


# --- What is missing ----------------------------------------------------------------------------------------------


def _managed(world: World, name: str) -> dict[str, Any]:
    assert world.process is not None and world.process.controller.in_force
    instances = world.process.controller.in_force.instances.values()
    mine = [one for one in instances if one.target == name]
    parts = {subject.name: one.address for one in mine for subject in one.shares}
    return parts | {path_of(one): one.address for one in mine if path_of(one)}


def _unsettled(world: World) -> list[str]:
    """What is not yet as it must become."""
    process = world.process
    if process is None or not process.up or not process.controller.in_force:
        return ["there is no controller"]
    controller, missing = process.controller, []
    for source, intake in process.intakes.items():
        declared = controller.in_force.of(source)
        if declared is None or intake.state.revision != declared.revision or intake.state.problems:
            missing.append(f"source: {intake.state}")
        ready = get_condition(intake.state.conditions, ConditionType.READY)
        if ready is None or not ready.status:
            missing.append(f"source {source}: {ready}")
    missing += _outdated(world)
    for source in process.intakes:
        if isinstance(applied := world.sources[source], AppliedSource):
            missing += applied.missing(process)
    if set(controller.in_force.targets) != set(world.machines):
        missing.append(f"targets: {sorted(controller.in_force.targets)}")
    for name in controller.in_force.targets:
        known = controller.targets.get(name)
        connected = known and get_condition(known.conditions, ConditionType.READY)
        if not connected or not connected.status:
            missing.append(f"{name} is not connected: {connected}")
    states = controller.states()
    managed = {name: _managed(world, name) for name in world.machines}
    excused = _all_excused(world)
    for address, one in controller.in_force.instances.items():
        summary = summarize(states[address].conditions) if address in states else None
        wrong = differs(one, world.machines[one.target], managed[one.target])
        if summary is None:
            missing.append(f"{address}: nothing is known")
        elif address in excused or (
            summary.reason is Reason.DEPENDENCY_NOT_READY and _waits_for(world, address, excused)
        ):
            continue
        elif summary.ready and len(states[address].conditions) > 1:
            missing.append(f"{address} is ready, and yet: {states[address].conditions}")
        elif wrong or not summary.ready or states[address].observed_generation != states[address].generation:
            missing.append(
                f"{address}: {summary.reason} {summary.message!r}; in fact: {wrong or 'as declared'}"
            )
    return missing


def _all_excused(world: World) -> set[Any]:
    """What is left as it is on purpose."""
    assert world.process is not None
    instances = world.process.controller.in_force.instances
    managed = {name: _managed(world, name) for name in world.machines}
    return {
        address
        for address in world.process.controller.states()
        if _excused(world, address, instances.get(address), managed)
    }


def _excused(world: World, address: Any, one: Instance | None, managed: Mapping[str, Any]) -> bool:
    """Whether an instance is left as it is on purpose, and says so as it should."""
    assert world.process is not None
    controller = world.process.controller
    if one is None:
        return False
    state = controller.states()[address]
    summary = summarize(state.conditions)
    wrong = differs(one, world.machines[one.target], managed[one.target])
    if one.removal is not None:
        # What has become something else, or has something of others in it, is left where it is.
        stays = summary.reason is Reason.PERMANENT_ERROR and "left where it is" in summary.message
        return stays or summary.reason is Reason.PRUNE_HELD
    if one.common.policy is Policy.PAUSED:
        return summary.reason is Reason.PAUSED
    if one.common.policy is Policy.OBSERVE:
        return bool(wrong) == (summary.reason is Reason.DIFFERS)
    waits = one.common.adopt is Adopt.HOLD or (one.disruptive and not one.common.windows)
    return bool(wrong) and summary.reason is Reason.HELD and waits


def _waits_for(world: World, address: Any, excused: set[Any]) -> bool:
    assert world.process is not None
    lane = world.process.controller.lanes.get(address.split("/")[0])
    assert lane is not None
    graph = lane.graph
    states = world.process.controller.states()
    return any(
        edge.dependency in excused
        or (
            edge.dependency in states  # else it was declared a moment ago
            and summarize(states[edge.dependency].conditions).reason is Reason.DEPENDENCY_NOT_READY
        )
        or _waits_for(world, edge.dependency, excused)  # what is between may be as declared
        for edge in graph.dependencies.get(address, ())
    )


def _stays_in_doubt(world: World, address: Any, excused: set[Any]) -> bool:
    """Whether what notifies is neither as it was nor as it is declared by now, and waits for what is left alone."""
    assert world.process is not None
    one = world.process.controller.in_force.instances.get(address)
    if one is None or not _waits_for(world, address, excused):
        return False
    return bool(differs(one, world.machines[one.target], _managed(world, one.target)))


def _bounded(world: World) -> None:
    """What is held in memory is what is needed."""
    process = world.process
    assert process is not None and process.controller.in_force
    controller, desired = process.controller, process.controller.in_force
    queue, lanes = controller._workers._queue, controller.lanes._lanes
    found = {
        "lanes": set(lanes) == set(desired.targets),
        "sessions": set(controller._sessions._lines) == set(desired.targets),
        "incoming": not controller.lanes._incoming,
        "rounds": len(controller._workers._rounds) <= len(desired.targets),
        "background": not len(controller._background),
        "queue": len(queue._entries) <= len(desired.targets),
        "requests": queue.delayed <= 2 * len(desired.instances) + len(desired.targets),
        "sightings": not any(
            summarize(lane.states[address].conditions).ready
            for lane in lanes.values()
            for address in lane.sightings
        ),
        "tasks": len(process.tasks)
        <= 8
        + 6 * len(desired.targets)
        + sum(one.probe is not None for one in desired.instances.values())
        + 16 * len(process.mending),
        "probes": process.controller._probes._probes.keys()
        <= {address for address, one in desired.instances.items() if one.probe is not None},
        "runners": all(len(machine.runners) == 1 for machine in world.machines.values()),
    }
    if wrong := [name for name, good in found.items() if not good]:
        world.monitor.violated("memory is not bounded", *wrong)
