"""A controller that was killed is followed by one that knows what was in doubt, and what was there before."""

import asyncio

from reconciler.model.plan import Action, Cause, Operation, PlanUnit, Preimage
from reconciler.model.resource import Deletion
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch
from reconciler.store.records import Run, UnitOutcome
from tests.sim.files import digest_of
from tests.unit.engine.stage import address, file, staged


async def leave_in_doubt(stage, run, *, preimage=None, at=""):
    """As a controller does that is killed right before or after it writes to the target."""
    unit = PlanUnit(
        address=address("motd"),
        action=Action.UPDATE,
        cause=Cause.ADOPT,
        diffs=(),
        operation=Operation(
            address("motd"), Action.UPDATE, preimage=Preimage(at, preimage, 16) if at else None
        ),
        desired="sha256:1",
        observed="sha256:2",
    )
    begun = Run(id=run, target="m0", cause="adopt", revision="r0", started_at=0.0, units=1)
    preimages = {address("motd"): preimage} if preimage else {}
    await stage.store.write(Batch().begin_run(begun).intend(run, [unit], preimages))


@staged
async def test_what_was_in_doubt_is_said_once_and_settled(stage):
    await leave_in_doubt(stage, "1")
    await leave_in_doubt(stage, "2")
    without_units = Run(id="3", target="m0", cause="adopt", revision="r0", started_at=0.0)
    await stage.store.write(Batch().begin_run(without_units))
    await stage.again()
    assert await stage.store.in_doubt() == []
    assert [event.object for event in await stage.events("Abandoned")] == [address("motd")]
    runs = await stage.store.runs()
    assert {run.outcome for run in runs} == {"Abandoned"}
    assert {run.message for run in runs} == {"interrupted: 1 of 1 in doubt", "interrupted: 0 of 0 in doubt"}
    assert await stage.store.unfinished_runs() == []


@staged
async def test_what_was_there_before_a_write_in_doubt_is_on_record_once_it_is_ours(stage):
    was = await stage.store.blobs.put(b"was here before\n")
    await leave_in_doubt(stage, "1", preimage=was)
    stage.spoil("motd", b"hello\n")  # it had been done
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].preimage == was


@staged
async def test_what_was_there_before_another_thing_of_that_name_says_nothing_of_this_one(stage):
    """A removal would have put the content of one file at the path of another."""
    was = await stage.store.blobs.put(b"was here before\n")
    await leave_in_doubt(stage, "1", preimage=was, at="/srv/elsewhere")
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].preimage is None
    await leave_in_doubt(stage, "2", preimage=was, at="/srv/motd")
    await stage.again()
    await stage.declare(file("motd", "hello again\n"))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].preimage == was


async def leave_a_creation_in_doubt(stage, run, *, of="path:/srv/motd", outcome=""):
    """As a controller does that is killed right before or after it creates something."""
    unit = PlanUnit(
        address=address("motd"),
        action=Action.CREATE,
        cause=Cause.SPEC,
        diffs=(),
        operation=Operation(address("motd"), Action.CREATE),
        desired="sha256:1",
        observed="sha256:2",
    )
    begun = Run(id=run, target="m0", cause="spec", revision="r0", started_at=0.0, units=1)
    batch = Batch().begin_run(begun).intend(run, [unit], {}, {unit.address: of})
    if outcome:
        batch.settle(run, [UnitOutcome(unit.address, outcome)])
    await stage.store.write(batch)


@staged
async def test_what_was_created_when_the_controller_was_killed_is_ours_to_remove(stage):
    """It was taken for something that had been there before us, and stayed for ever."""
    await leave_a_creation_in_doubt(stage, "1")
    stage.spoil("motd", b"hello\n")  # it had been done
    await stage.again()
    await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE), file("issue", "hello\n"))
    await stage.settled()
    entry = (await stage.store.load_inventory())[address("motd")]
    assert (entry.ownership, entry.preimage) == ("created", None)
    await stage.declare(file("issue", "hello\n"))
    await stage.until(lambda: stage.content("motd") is None)


@staged
async def test_what_somebody_put_where_something_was_to_be_created_is_kept(stage):
    """Nobody knows whether it had been created before that: what is replaced now would have been lost."""
    await leave_a_creation_in_doubt(stage, "1", outcome="Abandoned")
    stage.spoil("motd", b"theirs\n")
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    entry = (await stage.store.load_inventory())[address("motd")]
    assert (entry.ownership, entry.preimage) == ("adopted", digest_of(b"theirs\n"))


@staged
async def test_that_another_thing_of_that_name_was_created_says_nothing_of_this_one(stage):
    """What had been there before us would have been removed."""
    await leave_a_creation_in_doubt(stage, "1", of="path:/srv/elsewhere")
    await leave_a_creation_in_doubt(stage, "2", outcome="Conflict")  # somebody else was first
    stage.spoil("motd", b"hello\n")
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].ownership == "adopted"


@staged
async def test_what_was_created_by_another_name_is_ours_all_the_same(stage):
    known = ResourceState(address=address("motd"), digest="sha256:1", source=stage.desired().source)
    await stage.store.write(Batch().put_states([known]))
    await leave_a_creation_in_doubt(stage, "1")
    stage.spoil("motd", b"hello\n")
    await stage.again()
    await stage.declare(file("welcome", "hello\n", spec={"path": "/srv/motd"}))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("welcome")].ownership == "created"


@staged
async def test_of_two_writes_in_doubt_the_first_says_what_was_there(stage):
    was = await stage.store.blobs.put(b"was here before\n")
    between = await stage.store.blobs.put(b"somebody's\n")
    await leave_in_doubt(stage, "1", preimage=was)
    await leave_in_doubt(stage, "2", preimage=between)
    stage.spoil("motd", b"hello\n")
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].preimage == was


@staged
async def test_what_failed_has_replaced_nothing_so_what_is_replaced_later_counts(stage):
    files = stage.machines["m0"].files
    stage.spoil("motd", b"was here before\n")
    files.read_only = True
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "TransientError")
    files.read_only = False
    stage.spoil("motd", b"somebody's\n")
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].preimage == digest_of(b"somebody's\n")


@staged
async def test_what_was_replaced_counts_after_a_restart_although_somebody_changed_it_before_it_was_seen(
    stage,
):
    stage.spoil("motd", b"was here before\n")
    stage.machines["m0"].rivals["/srv/motd"] = (0.0, b"somebody's\n")
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "Conflict")
    stage.machines["m0"].rivals.clear()
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].preimage == digest_of(b"was here before\n")


@staged
async def test_our_own_earlier_version_is_nothing_that_was_there_before_us(stage):
    await stage.declare(file("motd", "one\n"))
    await stage.settled()
    await stage.declare(file("motd", "two\n"))
    await stage.settled()
    entry = (await stage.store.load_inventory())[address("motd")]
    assert (entry.ownership, entry.preimage) == ("created", None)


@staged
async def test_what_is_not_declared_any_more_after_a_restart_is_orphaned(stage):
    await stage.declare(file("motd", "one\n"), file("issue", "one\n"))
    await stage.settled()
    await stage.again()
    await stage.declare(file("motd", "one\n"))
    await stage.settled()
    assert [event.object for event in await stage.events("Orphaned")] == [address("issue")]
    await stage.again()
    await stage.declare(file("motd", "one\n"))
    await asyncio.sleep(5.0)
    assert len(await stage.events("Orphaned")) == 1
    assert set(await stage.store.load_states()) == {address("motd")}


@staged
async def test_a_session_of_ours_is_told_of_although_an_earlier_controller_had_one(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.again()
    assert stage.controller.targets["m0"].connected_since is None
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert len(await stage.events("Connected")) == 2


@staged
async def test_a_target_was_seen_last_when_its_controller_ended(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    since = stage.controller.targets["m0"].connected_since
    await asyncio.sleep(100.0)
    await stage.again()
    known = (await stage.store.load_target_states())["m0"]
    assert known.connected_since is None
    assert known.conditions[0].since >= since + 100.0


@staged
async def test_what_a_person_says_brings_nothing_back_that_its_source_has_moved_on_from(stage):
    """What had been in force when they said it was in force again, until the next change."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    load = stage.store.load_approvals

    async def slowly():
        await asyncio.sleep(1)
        return await load()

    stage.store.load_approvals = slowly
    said = asyncio.create_task(stage.controller.forget([address("other")]))
    await asyncio.sleep(0.5)
    stage.store.load_approvals = load
    await stage.declare(file("motd", "changed\n"))
    await said
    await stage.settled()
    assert stage.content("motd") == b"changed\n"
