"""A person's wish that something be left alone for a while holds, and ends."""

import asyncio
from unittest import mock

from reconciler.model.resource import Deletion, Suspended
from reconciler.model.state import Suspension
from reconciler.targets.session import Session
from tests.unit.engine.stage import address, file, staged


def suspension(stage, about, *, seconds=None):
    until = None if seconds is None else stage.now() + seconds
    return Suspension(object=about, by="alice", reason="maintenance", since=stage.now(), until=until)


@staged
async def test_what_is_suspended_is_left_alone_until_somebody_resumes_it(stage):
    await stage.declare(file("motd", "hello\n"), file("other", "other\n"))
    await stage.settled()
    await stage.controller.suspend(suspension(stage, address("motd")))
    stage.spoil("motd")
    stage.spoil("other")
    await stage.until(lambda: stage.reason("motd") == "Suspended" and stage.content("other") == b"other\n")
    await asyncio.sleep(300)
    assert stage.content("motd") == b"spoiled\n"
    assert await stage.controller.resume(address("motd"))
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1


@staged
async def test_what_is_suspended_while_what_it_replaces_is_kept_is_left_alone(stage):
    """A person who was told that it is suspended saw it replaced a moment later."""
    right = Session.read_file

    async def read_file(self, *args, **named):
        await stage.controller.suspend(suspension(stage, address("motd")))
        return await right(self, *args, **named)

    stage.spoil("motd", b"\xff was here before")
    with mock.patch.object(Session, "read_file", read_file):
        await stage.declare(file("motd", "hello\n"), file("other", "other\n"))
        await stage.until(lambda: stage.reason("motd") == "Suspended" and stage.content("other") is not None)
    assert stage.content("motd") == b"\xff was here before"


@staged
async def test_what_was_changed_while_it_was_suspended_is_said_to_have_been_changed_then_and_by_whom(stage):
    """It was said to have been changed by someone without evidence, and found at a rescan. Neither was true."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.controller.suspend(suspension(stage, address("motd")))
    stage.spoil("motd")
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await asyncio.sleep(300)
    await stage.controller.resume(address("motd"))
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    await stage.until(lambda: stage.reason("motd") == "Applied")
    [event] = await stage.events("Repaired")
    assert event.message == (
        "content changed by `vim` (pid 4711, alice) while it was suspended, put back now that it no longer is"
    )
    assert event.duration is None
    # What comes after is drift as ever.
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    await stage.settled()
    assert "put back after" in (await stage.events("Repaired"))[-1].message


@staged
async def test_a_suspension_with_an_end_ends_by_itself(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.controller.suspend(suspension(stage, "m0", seconds=30))
    stage.spoil("motd")
    await asyncio.sleep(29)
    assert stage.content("motd") == b"spoiled\n"
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 2


@staged
async def test_a_suspension_holds_over_a_restart(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.controller.suspend(suspension(stage, "*"))
    await stage.again()
    stage.spoil("motd")
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await asyncio.sleep(100)
    assert stage.content("motd") == b"spoiled\n"


@staged
async def test_resuming_what_nobody_suspended_says_so(stage):
    await stage.declare(file("motd", "hello\n"))
    assert not await stage.controller.resume("m0")


@staged
async def test_what_a_manifest_suspends_is_left_alone_for_as_long_as_it_says_so(stage):
    await stage.declare(file("motd", "hello\n"), file("other", "other\n"))
    await stage.settled()
    wanted = Suspended("trying something")
    await stage.declare(file("motd", "hello\n", suspend=wanted), file("other", "other\n"))
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    [one] = stage.controller.suspensions.all()
    assert (one.object, one.by, one.reason) == (address("motd"), "its manifest", "trying something")
    stage.spoil("motd")
    stage.spoil("other")
    await stage.until(lambda: stage.content("other") == b"other\n")
    assert stage.content("motd") == b"spoiled\n"
    # What else is declared meanwhile makes no other of it.
    await stage.declare(file("motd", "hello\n", suspend=wanted), file("other", "new\n"))
    assert stage.controller.suspensions.all() == [one]
    await stage.declare(file("motd", "hello\n"), file("other", "new\n"))
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 2
    await stage.until(lambda: stage.reason("motd") == "Applied")
    [event] = [one for one in await stage.events("Repaired") if one.object == address("motd")]
    assert "while it was suspended" in event.message


@staged
async def test_what_a_manifest_suspends_until_a_time_is_looked_at_then_unless_a_person_says_otherwise(stage):
    await stage.declare(file("motd", "hello\n", suspend=Suspended("so", stage.now() + 60)))
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await stage.controller.suspend(suspension(stage, address("motd"), seconds=10))
    await asyncio.sleep(30)
    assert stage.reason("motd") == "Suspended"
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 32


@staged
async def test_what_is_to_go_is_not_held_by_what_its_manifest_said(stage):
    wanted = {"suspend": Suspended("so"), "deletion": Deletion.DELETE}
    await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE))
    await stage.settled()
    await stage.declare(file("motd", "hello\n", **wanted), file("other", "x"))
    await stage.until(lambda: stage.reason("motd") == "Suspended")
    await stage.declare(file("other", "x"))
    await stage.until(lambda: stage.content("motd") is None)
