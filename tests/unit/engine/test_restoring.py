"""What was there before us is put back when a person wants that, and what is declared is left alone from then on."""

import asyncio

import pytest

from reconciler.app.restoring import LIMIT, Wish, given_up, restoring
from reconciler.errors import UsageError
from reconciler.model.event import Event, EventType
from reconciler.model.names import Address
from reconciler.model.plan import Action, Cause
from reconciler.model.resource import Deletion, Policy
from reconciler.model.state import Suspension
from reconciler.store.batch import Batch
from tests.unit.engine.stage import address, execution, file, staged

OURS = ("motd", "ours\n")


async def asked(stage, name="motd", *, kind="File"):
    controller = stage.controller
    return await restoring(
        stage.store,
        Wish(Address(f"m0/{kind}/{name}"), "alice", "theirs was right", stage.now()),
        states=controller.states(),
        declared=[a for a, one in controller.in_force.instances.items() if one.removal is None],
        suspensions=controller.suspensions.all(),
        own_paths=("/srv/own",),
    )


async def put_back(stage, name="motd"):
    found = await asked(stage, name)
    await stage.controller.restore(found.approval, found.suspension)


async def taken_over(stage, *declared):
    """A file of somebody else's, and ours in its place."""
    stage.spoil("motd", b"theirs\n")
    await stage.declare(file(*OURS), *declared)
    await stage.settled()
    assert stage.content("motd") == b"ours\n"


@staged
async def test_it_is_put_back_and_told_and_stays_so_until_that_is_ended(stage):
    await taken_over(stage)
    await put_back(stage)
    await stage.until(lambda: stage.content("motd") == b"theirs\n")
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    (said,) = await stage.events("Restored")
    assert (said.object, said.cause, said.message) == (
        address("motd"),
        Cause.RESTORE,
        "what was there before is back: content",
    )
    assert said.data["action"] == Action.UPDATE
    run, *_ = await stage.store.runs()
    assert (run.cause, run.outcome) == (Cause.RESTORE, "Applied")
    # It is not ours any more, and whoever changes it does so undisturbed.
    assert await stage.store.load_inventory() == {}
    assert await stage.store.load_approvals() == {}
    stage.spoil("motd", b"by hand\n")
    await asyncio.sleep(200.0)
    assert stage.content("motd") == b"by hand\n"
    # When that is ended it is taken over as at first contact, and what was there is kept once more.
    await stage.controller.resume(address("motd"))
    await stage.until(lambda: stage.content("motd") == b"ours\n")
    await stage.settled()
    await put_back(stage)
    await stage.until(lambda: stage.content("motd") == b"by hand\n")


@staged
async def test_it_is_shown_before_and_showing_it_changes_nothing(stage):
    await taken_over(stage)
    plan = await stage.controller.foresee((await asked(stage)).wanted())
    (unit,) = plan.units
    assert (unit.action, unit.cause, unit.held) == (Action.UPDATE, Cause.RESTORE, None)
    # What would come back is shown, and not by its digest.
    [diff] = unit.diffs
    assert (diff.field, diff.unified) == ("content", "@@ -1 +1 @@\n-ours\n+theirs")
    await stage.settled()
    assert stage.content("motd") == b"ours\n"
    assert await stage.store.load_approvals() == {}


@staged
async def test_it_outlives_the_daemon_and_a_target_that_cannot_be_reached(stage):
    await taken_over(stage)
    machines, declared = stage.machines, stage.desired(file(*OURS))
    (machine,) = machines.values()
    await stage.end()
    stage.machines = {}
    await stage.begin()
    await stage.controller.submit(declared)
    found = await asked(stage)
    await stage.controller.restore(found.approval, found.suspension)
    await asyncio.sleep(5.0)
    assert machine.files.nodes["/srv/motd"].content == b"ours\n"
    plan = await stage.controller.foresee(found.wanted())
    assert "no session" in plan.errors["m0"]
    await stage.again()
    stage.machines = machines
    await stage.controller.submit(declared)
    await stage.until(lambda: stage.content("motd") == b"theirs\n")
    await stage.until(lambda: stage.reason("motd") == "Suspended")


@staged
async def test_what_it_notifies_is_refreshed(stage):
    stage.spoil("motd", b"theirs\n")
    reload = execution("reload", "reload")
    await stage.declare(file(*OURS, notify=("Exec/reload",)), reload)
    await stage.settled()
    assert stage.ran() == ["reload"]
    await put_back(stage)
    await stage.until(lambda: stage.ran() == ["reload", "reload"])
    assert stage.content("motd") == b"theirs\n"


@staged
async def test_what_is_there_already_is_not_touched(stage):
    await taken_over(stage)
    await stage.controller.suspend(
        Suspension(object=address("motd"), by="bob", reason="trying", since=stage.now())
    )
    stage.spoil("motd", b"theirs\n")
    await put_back(stage)  # its own suspension is no obstacle: it is what follows
    await stage.until(lambda: address("motd") not in stage.controller.in_force.restored)
    (said,) = await stage.events("Restored")
    assert said.message == "is as it was before us"


@staged
async def test_it_can_be_given_up_as_long_as_it_is_not_done(stage):
    await taken_over(stage)
    found = await asked(stage)
    # As a command without a daemon does it, and then the daemon comes.
    await stage.store.write(Batch().approve([found.approval]).suspend(found.suspension))
    assert await given_up(stage.store, [address("motd"), "m0"]) == [address("motd")]
    assert await given_up(stage.store, ["m0"]) == []
    declared = stage.desired(file(*OURS))
    await stage.again()
    await stage.controller.suspend(Suspension(object="m0", by="bob", reason="careful", since=0.0))
    await stage.controller.submit(declared)
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    assert stage.controller.in_force.restored
    await stage.controller.resume(address("motd"))
    assert not stage.controller.in_force.restored
    await stage.controller.resume("m0")
    await stage.settled()
    assert stage.content("motd") == b"ours\n"
    assert await stage.store.load_approvals() == {}
    assert await stage.events("Restored") == []


@staged
async def test_what_is_declared_otherwise_meanwhile_is_not_what_was_shown(stage):
    await taken_over(stage)
    found = await asked(stage)
    await stage.declare(file("motd", "ours, again\n"))
    await stage.settled()
    await stage.controller.restore(found.approval, found.suspension)
    await asyncio.sleep(10.0)
    assert stage.content("motd") == b"ours, again\n"


@staged
async def test_an_orphan_becomes_what_it_was_and_is_left_to_nobody(stage):
    await taken_over(stage, file("kept", "kept\n"))
    await stage.declare(file("kept", "kept\n"))
    await stage.settled()
    found = await asked(stage)
    assert found.suspension is None
    await stage.controller.restore(found.approval, found.suspension)
    await stage.until(lambda: stage.content("motd") == b"theirs\n")
    await stage.settled()
    assert stage.controller.suspensions.all() == []
    assert (await stage.store.load_inventory()).keys() == {address("kept")}


@staged
async def test_where_nothing_can_be_brought_back_that_is_said_and_why(stage):
    stage.spoil("equal", b"equal\n")
    await taken_over(stage, file("new", "new\n"), file("equal", "equal\n"))
    with pytest.raises(
        UsageError, match=r"nothing was there before us, .* by taking its manifest away, with"
    ):
        await asked(stage, "new")
    with pytest.raises(UsageError, match="no content from before us is kept: it was as declared when it was"):
        await asked(stage, "equal")
    with pytest.raises(
        UsageError, match="nothing is known of m0/File/other; see: froyo get, froyo get orphans"
    ):
        await asked(stage, "other")
    large = {"field": "content", "before": {"digest": "sha256:x", "size": LIMIT + 1}, "after": None}
    small = {"field": "mode", "before": "0600", "after": "0644"}
    told = Event(
        at=1.0,
        type=EventType.WARNING,
        reason="Updated",
        object=address("equal"),
        message="",
        cause=Cause.ADOPT,
        data={"diffs": [small, large]},
    )
    await stage.store.write(Batch().add_events([told]))
    with pytest.raises(UsageError, match=r"is not kept: it had 67,108,865 bytes, and up to 67,108,864 are"):
        await asked(stage, "equal")
    await stage.declare(file(*OURS))
    await stage.settled()
    with pytest.raises(
        UsageError, match="nothing to bring back; have it removed with: froyo approve m0/File/new"
    ):
        await asked(stage, "new")
    [kept] = [one.preimage for one in (await stage.store.load_inventory()).values() if one.preimage]
    stage.store._writer._database.driver.execute("PRAGMA foreign_keys = OFF")
    stage.store._writer._database.driver.execute("DELETE FROM blobs WHERE digest = ?", (kept,))
    with pytest.raises(UsageError, match="was kept, and is in the store no longer; a backup"):
        await asked(stage)


@staged
async def test_what_somebody_wants_left_alone_is_left_alone(stage):
    await taken_over(stage, file("held", "held\n", deletion=Deletion.CONFIRM))
    for object_, typed in (("m0", "m0"), ("*", "all"), ("*/File", "File")):
        await stage.controller.suspend(Suspension(object=object_, by="bob", reason="careful", since=0.0))
        with pytest.raises(
            UsageError, match=f"suspended by bob, careful; resume that first: froyo resume {typed}$"
        ):
            await asked(stage)
        await stage.controller.resume(object_)
    await stage.declare(file(*OURS, policy=Policy.OBSERVE))
    await stage.settled()
    with pytest.raises(UsageError, match="has `policy: observe`, so nothing is done to it"):
        await asked(stage)
    await stage.until(lambda: stage.reason("held") == "PruneHeld")
    with pytest.raises(UsageError, match="is to go already"):
        await asked(stage, "held")


@staged
async def test_a_wider_suspension_holds_it_back_also_when_it_comes_later(stage):
    await taken_over(stage)
    found = await asked(stage)
    await stage.controller.suspend(Suspension(object="m0", by="bob", reason="careful", since=0.0))
    await stage.controller.restore(found.approval, found.suspension)
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await asyncio.sleep(100.0)
    assert stage.content("motd") == b"ours\n"
    await stage.controller.resume("m0")
    await stage.until(lambda: stage.content("motd") == b"theirs\n")
