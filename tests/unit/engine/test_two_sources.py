"""Two directories on one state: what one of them declares is none of the other's business."""

from dataclasses import replace

from reconciler.model.names import SourceName
from tests.unit.engine.stage import address, file, staged

A, B = SourceName("/srv/a"), SourceName("/srv/b")


async def declare(stage, source, *declared, without=()):
    shown = replace(stage.desired(*declared), source=source)
    targets = {name: one for name, one in shown.targets.items() if name not in without}
    await stage.controller.submit(replace(shown, targets=targets))


async def applied(stage, source, *declared):
    """As a single run does, with what is on record."""
    once = stage.once(replace(stage.desired(*declared), source=source))
    once._known = await stage.store.load_states()
    await once.apply()


async def on_record(stage):
    return {a: state.source for a, state in (await stage.store.load_states()).items()}


@staged
async def test_a_controller_leaves_alone_what_single_runs_of_others_put_on_record(stage):
    await applied(stage, A, file("a", "a\n"))
    await applied(stage, B, file("b", "b\n"), file("old", "old\n"))
    await stage.again()
    await declare(stage, B, file("b", "b\n"))
    await stage.settled()
    assert await on_record(stage) == {address("a"): A, address("b"): B}
    assert [event.object for event in await stage.events("Orphaned")] == [address("old")]
    assert stage.controller.states().keys() == {address("b")}
    assert stage.content("a") == b"a\n"


@staged
async def test_the_other_way_round_too(stage):
    await declare(stage, B, file("b", "b\n"))
    await stage.settled()
    await applied(stage, A, file("a", "a\n"))
    await stage.again()
    await declare(stage, A, file("a", "a\n"))
    await stage.settled()
    assert await on_record(stage) == {address("a"): A, address("b"): B}
    assert await stage.events("Orphaned") == []


@staged(machines=("m0", "m1"))
async def test_a_target_of_others_stays_on_record_and_is_not_shown(stage):
    await declare(stage, A, file("a", "a\n", on="m1"), file("b", "b\n"))
    await stage.settled()
    await stage.again()
    await declare(stage, B, file("b", "b\n"), without=("m1",))
    await stage.settled()
    assert await on_record(stage) == {address("a", on="m1"): A, address("b"): B}
    assert stage.controller.targets.keys() == {"m0"}
    assert (await stage.store.load_target_states()).keys() == {"m0", "m1"}
    assert await stage.events("Orphaned") == []


@staged(machines=("m0", "m1"))
async def test_a_target_of_ones_own_is_forgotten_with_what_was_on_it(stage):
    await declare(stage, A, file("a", "a\n", on="m1"), file("b", "b\n"))
    await stage.settled()
    await stage.again()
    await declare(stage, A, file("b", "b\n"), without=("m1",))
    await stage.settled()
    assert await on_record(stage) == {address("b"): A}
    assert (await stage.store.load_target_states()).keys() == {"m0"}
    assert [event.object for event in await stage.events("Orphaned")] == [address("a", on="m1")]


@staged
async def test_what_moves_to_another_source_is_that_ones_although_nothing_else_changes(stage):
    await applied(stage, A, file("a", "a\n"))
    await applied(stage, B, file("a", "a\n"))
    assert await on_record(stage) == {address("a"): B}
    await stage.again()
    await declare(stage, A, file("other", "other\n"))
    await stage.settled()
    assert await on_record(stage) == {address("a"): B, address("other"): A}
    await stage.again()
    await declare(stage, A, file("a", "a\n"))
    await stage.settled()
    assert await on_record(stage) == {address("a"): A}
