"""What somebody has changed is put right, and said."""

import asyncio

from tests.unit.engine.stage import address, file, staged


@staged
async def test_drift_is_repaired_with_who_did_it_and_how_long_it_was_so(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.spoil("motd")
    took = await stage.until(lambda: stage.content("motd") == b"hello\n")
    await asyncio.sleep(1)
    (said,) = await stage.events("Repaired")
    assert said.object == address("motd")
    assert (said.evidence.command, said.evidence.pid, said.evidence.user) == ("vim", 4711, "alice")
    assert 0 < said.duration <= took + 0.1
    assert "by `vim`" in said.message
    assert said.cause == "drift"


@staged
async def test_what_was_removed_is_put_back(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].files.remove("/srv/motd", {"command": "rm", "pid": 5})
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    await asyncio.sleep(1)
    (said,) = await stage.events("Repaired")
    assert said.message.startswith("removed by `rm`")


@staged
async def test_a_change_of_what_is_declared_is_no_drift(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.declare(file("motd", "welcome\n"))
    await stage.until(lambda: stage.content("motd") == b"welcome\n")
    await asyncio.sleep(1)
    assert await stage.events("Repaired") == []
    (said,) = await stage.events("Updated")
    assert said.cause == "spec"


@staged
async def test_where_reports_were_lost_everything_is_looked_at(stage):
    await stage.declare(file("first", "1\n"), file("second", "2\n"))
    await stage.settled()
    stage.machines["m0"].weather.overflows = 1.0
    stage.spoil("first")
    stage.spoil("second")
    took = await stage.until(lambda: (stage.content("first"), stage.content("second")) == (b"1\n", b"2\n"))
    assert took < 1
