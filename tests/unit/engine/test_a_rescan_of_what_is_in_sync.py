"""A look at what has not moved costs next to nothing."""

import asyncio

from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import file, staged


@staged
async def test_an_unchanged_rescan_is_one_frame_and_runs_no_provider_and_writes_nothing(stage):
    await stage.declare(*(file(f"f{number}", f"{number}\n") for number in range(20)))
    await stage.settled()
    await asyncio.sleep(70)  # the first rescan tells the target what to compare
    stage.frames.clear()
    stage.host.calls.clear()
    writes = stage.writes
    await stage.until(lambda: stage.sent("observe") == 1)
    await asyncio.sleep(10)
    assert [frame["command"] for _, frame in stage.frames if frame["type"] == "CMD"] == ["observe"]
    assert stage.host.calls == []
    assert stage.writes == writes


@staged
async def test_what_no_event_told_of_is_found_by_a_rescan(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].weather.loses_event = 1.0
    stage.spoil("motd")
    took = await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert took > 1
    await asyncio.sleep(1)
    (said,) = await stage.events("Repaired")
    assert said.duration is None


@staged
async def test_a_look_that_finds_no_news_writes_nothing_to_the_store(stage):
    await stage.declare(file("motd", "hello\n", interval=5.0))
    await stage.settled()
    stage.host.calls.clear()
    writes = stage.writes
    await asyncio.sleep(100)
    assert stage.host.calls.count(Phase.READ) >= 10
    assert stage.writes == writes


@staged
async def test_what_stays_broken_is_written_once(stage):
    """A store that grows with each look at what differs would be full some day."""
    stage.spoil("motd")
    await stage.declare(file("motd", "hello\n", policy="observe", interval=5.0))
    await stage.until(lambda: stage.reason("motd") == "Differs")
    await asyncio.sleep(3)
    writes = stage.writes
    await asyncio.sleep(100)
    assert stage.writes == writes
