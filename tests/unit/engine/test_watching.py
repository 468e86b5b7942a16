"""Targets that watch badly, or stop watching, are looked at more often; and a watch that has ended is begun again."""

import asyncio

import pytest

from reconciler.core.conditions import get_condition
from reconciler.errors import LocalProtocolError
from reconciler.model.conditions import ConditionType
from reconciler.targets.session import Session
from tests.unit.engine.stage import file, staged


def degraded(stage):
    """What is said of the watch on m0; "" when all is well."""
    state = stage.controller.targets["m0"]
    found = get_condition(state.conditions, ConditionType.WATCH_DEGRADED)
    return found.message if found is not None and found.status else ""


@staged
async def test_a_target_that_cannot_watch_is_looked_at_often(stage):
    stage.machines["m0"].weather.blind = 1.0
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.spoil("motd")
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 12.0
    watches = stage.sent("watch")
    await asyncio.sleep(120)
    assert stage.sent("watch") == watches
    assert len(await stage.events("WatchDegraded")) == 1
    assert "seen only when it is looked at" in degraded(stage)


@staged
async def test_more_subjects_than_fit_into_a_frame_cost_the_watch_and_not_the_session(stage):
    async def refuse(self, subjects):
        raise LocalProtocolError("a CMD frame is too long")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "watch", refuse)
        await stage.declare(file("motd", "hello\n"))
        await stage.settled()
        session = stage.controller._sessions.get("m0")
        stage.spoil("motd")
        assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 12.0
        assert session is not None
        assert not session.closed
        assert stage.controller.lanes.get("m0").watched.is_told(session)
        assert "a CMD frame is too long" in degraded(stage)


@staged
async def test_a_target_that_watches_some_subjects_only_is_looked_at_often(stage):
    stage.machines["m0"].weather.degraded = 1.0
    stage.machines["m0"].weather.loses_event = 1.0
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.spoil("motd")
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 12.0


@staged
async def test_a_watch_that_ends_by_itself_is_begun_again(stage):
    weather = stage.machines["m0"].weather
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    weather.watch_ends = 1.0
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    weather.watch_ends = 0.0
    await stage.settled()
    stage.spoil("motd")
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 0.1


@staged
async def test_what_is_no_longer_declared_is_no_longer_watched(stage):
    await stage.declare(file("motd", "hello\n"), file("issue", "hello\n"))
    await stage.settled()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    watched = [frame for _, frame in stage.frames if frame.get("command") == "watch"][-1]
    assert watched["options"]["subjects"] == ["path:/srv/motd"]
