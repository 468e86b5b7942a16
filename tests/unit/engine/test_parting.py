"""What is declared about another thing under its old name: what is on record stays with the thing that was meant."""

import asyncio

from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.recall import record
from reconciler.model.conditions import Reason
from reconciler.model.names import former
from reconciler.model.plan import Action, Cause
from reconciler.model.resource import Deletion
from reconciler.model.state import Suspension, covers
from reconciler.store.records import Ownership
from tests.unit.engine.stage import address, execution, file, staged

DELETE = {"deletion": Deletion.DELETE}
MOTD = address("motd")
EARLIER = former(MOTD, "path:/srv/a")


def motd(path, content="ours\n", **common):
    return file("motd", content, spec={"path": f"/srv/{path}"}, **common)


@staged
async def test_what_was_there_before_comes_back_where_it_was_and_nowhere_else(stage):
    """The content of the old path was put at the new one, and the old path was left without a word."""
    stage.spoil("a", b"theirs, at a\n")
    stage.spoil("b", b"theirs, at b\n")
    await stage.declare(motd("a", **DELETE))
    await stage.settled()
    await stage.declare(motd("b", **DELETE))
    await stage.until(lambda: stage.content("a") == b"theirs, at a\n")
    await stage.settled()
    assert stage.content("b") == b"ours\n"
    (said,) = await stage.events("Removed")
    assert (said.object, said.cause) == (EARLIER, Cause.PRUNE)
    (said,) = await stage.events("Moved")
    assert said.object == EARLIER
    assert said.message == "was File/motd, which is about /srv/b by now"
    inventory = await stage.store.load_inventory()
    assert inventory.keys() == (await stage.store.load_states()).keys() == {MOTD}

    await stage.declare(file("other", "x\n"))
    await stage.until(lambda: stage.content("b") == b"theirs, at b\n")


@staged
async def test_what_was_created_elsewhere_is_not_taken_for_created_here(stage):
    """What somebody had there would have been removed as if it were ours."""
    stage.spoil("b", b"ours\n")
    await stage.declare(motd("a", **DELETE))
    await stage.settled()
    await stage.declare(motd("b", **DELETE))
    await stage.until(lambda: stage.content("a") is None)
    await stage.settled()
    assert (await stage.store.load_inventory())[MOTD].ownership is Ownership.ADOPTED
    await stage.declare(file("other", "x\n"))
    await stage.settled()
    assert stage.content("b") == b"ours\n"


@staged
async def test_by_default_it_stays_and_is_an_orphan_with_what_was_there(stage):
    stage.spoil("a", b"theirs\n")
    await stage.declare(motd("a"))
    await stage.settled()
    await stage.declare(motd("b"))
    await stage.settled()
    assert (stage.content("a"), stage.content("b")) == (b"ours\n", b"ours\n")
    (said,) = await stage.events("Orphaned")
    assert said.object == EARLIER
    inventory = await stage.store.load_inventory()
    assert inventory.keys() == {MOTD, EARLIER}
    assert inventory[MOTD].preimage is None
    with await stage.store.blobs.open(inventory[EARLIER].preimage) as kept:
        assert kept.read() == b"theirs\n"

    await stage.declare(motd("a"))  # and back: it is what it was, and the other one is an orphan now
    await stage.settled()
    inventory = await stage.store.load_inventory()
    assert inventory.keys() == {MOTD, former(MOTD, "path:/srv/b")}
    assert inventory[MOTD].preimage is not None


@staged
async def test_an_orphan_keeps_what_was_there_when_its_name_is_declared_again(stage):
    stage.spoil("a", b"theirs\n")
    await stage.declare(motd("a"), file("other", "x\n"))
    await stage.settled()
    await stage.declare(file("other", "x\n"))
    await stage.settled()
    await stage.declare(motd("b"), file("other", "x\n"))
    await stage.settled()
    inventory = await stage.store.load_inventory()
    assert (inventory[EARLIER].preimage is None, inventory[MOTD].preimage) == (False, None)
    assert EARLIER not in await stage.store.load_states()


@staged
async def test_names_that_are_exchanged_take_what_is_on_record_along(stage):
    stage.spoil("a", b"theirs, at a\n")
    stage.spoil("b", b"theirs, at b\n")
    await stage.declare(motd("a", **DELETE), file("two", "ours\n", spec={"path": "/srv/b"}, **DELETE))
    await stage.settled()
    await stage.declare(motd("b", **DELETE), file("two", "ours\n", spec={"path": "/srv/a"}, **DELETE))
    await stage.settled()
    assert not await stage.events("Removed")
    assert (await stage.store.load_inventory()).keys() == {MOTD, address("two")}
    await stage.declare(file("other", "x\n"))
    await stage.until(lambda: stage.content("a") == b"theirs, at a\n")
    await stage.until(lambda: stage.content("b") == b"theirs, at b\n")


@staged
async def test_it_is_so_over_a_restart_and_when_nothing_had_been_seen(stage):
    stage.spoil("a", b"theirs\n")
    await stage.declare(motd("a", **DELETE))
    await stage.settled()
    await stage.again()
    await stage.declare(motd("b", **DELETE))
    await stage.until(lambda: stage.content("a") == b"theirs\n")
    await stage.settled()
    assert (await stage.store.load_inventory())[MOTD].preimage is None


@staged
async def test_what_a_round_makes_ours_while_its_name_gets_another_meaning_parts_as_well(stage):
    stage.spoil("a", b"theirs\n")
    await stage.declare(motd("a", **DELETE))
    await stage.until(lambda: stage.content("a") == b"ours\n")
    assert MOTD not in await stage.store.load_inventory()
    await stage.declare(motd("b", **DELETE))
    await stage.until(lambda: stage.content("a") == b"theirs\n")
    await stage.settled()
    assert (await stage.store.load_inventory())[MOTD].preimage is None


@staged
async def test_what_was_there_before_something_that_never_was_as_declared_says_nothing_of_another(stage):
    stage.spoil("a", b"theirs\n")
    await stage.declare(motd("a"))
    await stage.until(lambda: stage.content("a") == b"ours\n")
    lane = stage.controller.lanes.get("m0")
    lane.preimages.found({MOTD: "sha256:of-a"})
    await stage.settled()
    lane.preimages.found({MOTD: "sha256:of-a"})
    await stage.declare(motd("b"))
    await stage.settled()
    assert (await stage.store.load_inventory())[MOTD].preimage is None


@staged
async def test_many_are_held_as_many_removals_are(stage):
    async def declare(where):
        names = [f"f{n}" for n in range(8)]
        await stage.declare(*(file(n, "x\n", spec={"path": f"/srv/{where}{n}"}, **DELETE) for n in names))

    await declare("a")
    await stage.settled()
    await declare("b")
    earlier = former(address("f0"), "path:/srv/af0")
    await stage.until(lambda: stage.content("bf7") == b"x\n")
    await asyncio.sleep(5)
    assert stage.content("af0") == b"x\n"
    assert stage.reason(earlier.rpartition("/")[2]) == Reason.PRUNE_HELD


@staged
async def test_a_plan_shows_both(stage):
    stage.spoil("a", b"theirs\n")
    await stage.declare(motd("a", **DELETE))
    await stage.settled()
    desired = stage.desired(motd("b", **DELETE))
    taken = InForce().take(desired, await record(stage.store, await stage.store.load_states(), [desired]))
    units = {one.address: one for one in (await stage.controller.foresee(taken.wanted["m0"])).units}
    assert units[MOTD].action is Action.CREATE
    assert (units[EARLIER].action, units[EARLIER].cause) == (Action.UPDATE, Cause.PRUNE)
    assert (await stage.store.load_inventory()).keys() == {MOTD}


@staged
async def test_what_is_about_nothing_stays_what_it_is(stage):
    await stage.declare(execution("now", "one"))
    await stage.settled()
    await stage.declare(execution("now", "two"))
    await stage.settled()
    assert not await stage.events("Moved")


@staged
async def test_a_suspension_of_the_name_holds_what_had_it(stage):
    await stage.declare(motd("a", **DELETE))
    await stage.settled()
    await stage.controller.suspend(Suspension(object=MOTD, by="ada", reason="look", since=0.0))
    await stage.declare(motd("b", **DELETE))
    await asyncio.sleep(5)
    assert (stage.content("a"), stage.content("b")) == (b"ours\n", None)
    assert covers(MOTD, EARLIER)
    assert not covers(EARLIER, MOTD)
