"""No more targets are disrupted at a time than may be, over all of them and over the controller's own end."""

import asyncio
from dataclasses import replace

from reconciler.core.sharing import shard_of
from reconciler.engine.disruptions import LONGEST, Disruptions
from reconciler.engine.settings import EngineSettings
from reconciler.engine.share import Share
from reconciler.model.disruption import Disruption
from reconciler.model.resource import Deletion, Policy, Window
from reconciler.model.rollout import Portion
from reconciler.model.selector import Selector
from reconciler.model.state import Approval
from reconciler.model.target_lock import TargetLock
from tests.unit.engine.stage import Declared, address, execution, file, probe, staged

MACHINES = ("m0", "m1")


def disruptive(declared):
    common = replace(declared.instance.common, windows=(Window(),))
    return Declared(replace(declared.instance, disruptive=True, common=common), declared.content)


def rolled(content):
    """What disrupts each, and what says that it is itself again."""
    for name in MACHINES:
        yield disruptive(file("motd", content, on=name))
        yield probe(name, on=name, require=("File/motd",))


def having(stage, content):
    return [name for name in MACHINES if stage.content("motd", on=name) == content]


async def first_of(stage, content):
    """The one that goes first, and the other one, which is told to wait."""
    await stage.until(lambda: having(stage, content))
    [first] = having(stage, content)
    [second] = set(MACHINES) - {first}
    await stage.until(lambda: stage.reason("motd", on=second) == "Held")
    told = stage.summary("motd", on=second).message
    assert f"only 1 may be disrupted at a time, and {first} is until all on it is ready again" in told
    return first, second


@staged(machines=MACHINES)
async def test_the_next_waits_until_all_on_the_one_before_is_ready(stage):
    await stage.declare(*rolled("one\n"))
    first, second = await first_of(stage, b"one\n")
    await asyncio.sleep(300)
    assert having(stage, b"one\n") == [first]
    stage.page(first)
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)
    assert len(await stage.events("Held")) == 1
    stage.page(second)
    await stage.settled()
    assert await stage.store.load_disruptions() == []


@staged(machines=MACHINES)
async def test_a_controller_that_was_started_anew_still_knows(stage):
    await stage.declare(*rolled("one\n"))
    first, second = await first_of(stage, b"one\n")
    await stage.again()
    [known] = await stage.store.load_disruptions()
    assert (known.target, known.cause) == (first, address("motd", on=first))
    await stage.declare(*rolled("one\n"))
    await asyncio.sleep(200)
    assert having(stage, b"one\n") == [first]
    stage.page(first)
    stage.page(second)
    await stage.settled()
    assert len(having(stage, b"one\n")) == 2


@staged(machines=MACHINES)
async def test_what_is_not_known_to_be_declared_yet_is_not_itself_again(stage):
    """A controller that had just begun knew of nothing on a host that another one had told to go down."""
    await stage.declare(*rolled("one\n"))
    first, second = await first_of(stage, b"one\n")
    await stage.again()
    others = stage.desired(*(one for one in rolled("one\n") if one.instance.target == second))
    await stage.controller.submit(replace(others, waiting=frozenset({first})))  # for its facts
    await asyncio.sleep(200)
    assert [one.target for one in await stage.store.load_disruptions()] == [first]
    assert having(stage, b"one\n") == [first]
    # Whoever was to go down has by then, or will not: nobody waits for ever for what is not known.
    await asyncio.sleep(2 * LONGEST)
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)


@staged(machines=MACHINES)
async def test_what_a_person_has_approved_is_one_more(stage):
    await stage.declare(*rolled("one\n"))
    _, second = await first_of(stage, b"one\n")
    where = address("motd", on=second)
    shown = stage.controller.states()[where].held
    await stage.controller.approve([Approval(address=where, shown=shown, by="ada", reason="now", at=0.0)])
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)


@staged(machines=MACHINES)
async def test_one_that_is_declared_no_longer_is_not_waited_for(stage):
    await stage.declare(*rolled("one\n"))
    _, second = await first_of(stage, b"one\n")
    await stage.declare(*(one for one in rolled("one\n") if one.instance.target == second))
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)
    assert [one.target for one in await stage.store.load_disruptions()] == [second]


@staged(machines=MACHINES)
async def test_what_is_to_go_and_cannot_holds_nobody_up(stage):
    """All others waited for ever for what was declared no longer, and left where it was since others used it."""
    old = [file("old", "old\n", on=name, deletion=Deletion.DELETE) for name in MACHINES]
    await stage.declare(*old)
    await stage.settled()
    for machine in stage.machines.values():
        machine.files.immutable.add("/srv/old")
    await stage.declare(*(disruptive(file("motd", "one\n", on=name)) for name in MACHINES))
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)
    await asyncio.sleep(5)
    assert {stage.reason("old", on=name) for name in MACHINES} == {"PermanentError"}
    assert await stage.store.load_disruptions() == []


@staged(machines=MACHINES)
async def test_a_refresh_that_disrupts_waits_as_well(stage):
    def declared():
        for name in MACHINES:
            yield disruptive(execution("anew", "note", "anew", on=name))
            yield file("motd", "one\n", on=name, notify=("Exec/anew",))
            yield probe(name, on=name, require=("Exec/anew",))

    def ran():
        return [name for name in MACHINES if stage.ran(on=name)]

    await stage.declare(*declared())
    await stage.until(ran)
    await asyncio.sleep(100)
    [first] = ran()
    [second] = set(MACHINES) - {first}
    assert stage.reason("anew", on=second, kind="Exec") == "Held"
    stage.page(first)
    stage.page(second)
    await stage.until(lambda: len(ran()) == 2)
    await stage.settled()


@staged(machines=MACHINES, settings=EngineSettings(max_disrupted=2))
async def test_as_many_go_at_a_time_as_may(stage):
    await stage.declare(*rolled("one\n"))
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)


@staged(machines=MACHINES)
async def test_a_single_run_does_one_after_the_other(stage):
    for name in MACHINES:
        stage.page(name)
    results = await stage.once(stage.desired(*rolled("one\n"))).apply()
    assert [(result.error, result.failed, result.left) for result in results] == [("", {}, {})] * 2
    assert len(having(stage, b"one\n")) == 2


@staged(machines=MACHINES)
async def test_a_single_run_leaves_the_rest_where_one_does_not_become_ready(stage):
    results = await stage.once(stage.desired(*rolled("one\n"))).apply()
    [left] = [one for result in results for one in result.left.values()]
    assert "only 1 may be disrupted" in left.message
    assert len(having(stage, b"one\n")) == 1


@staged(machines=MACHINES)
async def test_a_single_run_does_not_wait_for_one_that_was_disrupted_before(stage):
    await stage.declare(*rolled("one\n"))
    first, second = await first_of(stage, b"one\n")
    single = stage.once(stage.desired(*rolled("one\n")))
    single._services.disruptions.recall(await stage.store.load_disruptions())
    results = {one.target: one for one in await single.apply()}
    assert [one.reason for one in results[second].left.values()] == ["Held"]
    assert having(stage, b"one\n") == [first]


@staged(machines=MACHINES)
async def test_what_comes_after_something_that_is_left_alone_holds_nobody_up(stage):
    def declared():
        for name in MACHINES:
            yield disruptive(file("motd", "one\n", on=name))
            yield file("theirs", "ours\n", on=name, policy=Policy.OBSERVE)
            yield file("after", "one\n", on=name, require=("File/theirs",))

    await stage.declare(*declared())
    await stage.until(lambda: len(having(stage, b"one\n")) == 2)
    assert {stage.reason("after", on=name) for name in MACHINES} == {"DependencyNotReady"}
    await asyncio.sleep(60)
    assert await stage.store.load_disruptions() == []


@staged(machines=MACHINES)
async def test_what_is_declared_no_longer_while_it_is_under_way_counts(stage):
    def slow(name):
        argv = ("sleep", "60", "make", "/srv/made")
        return disruptive(execution("anew", *argv, on=name, spec={"creates": "/srv/made"}))

    def ran():
        return [name for name in MACHINES if stage.ran(on=name)]

    rest = [file("motd", "one\n", on=name) for name in MACHINES]
    await stage.declare(*rest, *(slow(name) for name in MACHINES))
    await stage.until(ran)
    [first], [second] = ran(), set(MACHINES) - set(ran())
    await stage.declare(*rest, slow(second))
    await asyncio.sleep(30)
    assert ran() == [first]
    await stage.until(lambda: len(ran()) == 2)


def test_what_others_disrupt_that_share_the_store_counts_as_well():
    share, freed = Share(alone=False), []
    share.gain([shard_of("m0")])
    known = Disruptions(1, share)
    known.notify(freed.extend)
    theirs = Disruption("m1", address("motd", on="m1"), 1.0)
    known.hear([theirs])
    assert "m1 is until all on it is ready again" in known.refusal(address("motd"))
    assert known.most_on_record("m0") == 1
    # What a person has approved is one more than may be.
    known.take(address("motd"), 2.0)
    assert known.most_on_record("m0") is None
    known.hear([])
    assert freed == []
    assert known.targets == {"m0"}
    known.keep_only([])
    known.hear([theirs])
    assert known.refusal(address("motd"))
    known.hear([])
    assert freed == [address("motd")]
    assert Disruptions(1).most_on_record("m0") is None


def test_a_lock_keeps_its_targets_apart_whatever_disrupts_them():
    lock = TargetLock(name="db", selector=Selector(), targets=frozenset({"m0", "m1"}), at_once=Portion(1))
    freed = []
    known = Disruptions(5, locks=lambda: [lock])
    known.notify(freed.extend)
    known.take(address("motd", on="m1"), 1.0)
    assert known.refusal(address("motd")) == (
        "Lock/db has 1 of its targets be disrupted at a time, and m1 is not ready"
    )
    assert not known.refusal(address("motd", on="m2"))
    assert not known.refusal(address("other", on="m1"))
    known.keep_only(["m0"])
    assert freed == [address("motd")]
    # One that has had its turn in a rollout, and is not ready, counts as well.
    known.roll({"m1"})
    assert "m1 is not ready" in known.refusal(address("motd"))
    known.roll(set())
    assert freed == [address("motd")] * 2
    assert not known.refusal(address("motd"))
    shared = Disruptions(5, Share(alone=False), locks=lambda: [lock])
    assert (shared.most_on_record("m0"), shared.most_on_record("m2")) == (1, 5)
