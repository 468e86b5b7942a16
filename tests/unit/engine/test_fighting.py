"""Somebody who keeps changing things back, and an operation that does not do what it promises."""

import asyncio

from reconciler.core.contest import ContestRules
from reconciler.core.flood import MOST
from reconciler.engine.settings import EngineSettings
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import file, staged

RIVAL = b"their version\n"


async def fight(stage, times, *, pause=1.0):
    """Somebody spoils it, `times` in a row, `pause` seconds after each repair."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    for _ in range(times):
        stage.spoil("motd", RIVAL)
        assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1
        await asyncio.sleep(pause)
    assert stage.reason("motd") == "Contested"


@staged
async def test_what_is_fought_about_is_called_so_and_still_put_right(stage):
    await fight(stage, 20)
    assert len(await stage.events("Repaired")) == 20


@staged
async def test_a_quick_fight_does_not_push_everything_else_out_of_the_record(stage):
    await fight(stage, 500, pause=0.05)
    assert len(await stage.events("Repaired")) == MOST
    await asyncio.sleep(ContestRules().quiet + 5)
    *_, rest = repaired = await stage.events("Repaired")
    assert rest.message == f"put back {500 - MOST} more times, none of them told by itself"
    assert (len(repaired), rest.data["times"]) == (MOST + 1, 500 - MOST)


@staged
async def test_a_fight_is_warned_of_once(stage):
    await fight(stage, 10)
    assert len(await stage.events("Contested")) == 1


@staged
async def test_a_fight_is_over_after_a_quiet_time(stage):
    await fight(stage, 10)
    await asyncio.sleep(ContestRules().quiet + 5)
    assert stage.reason("motd") in ("InSync", "Applied")
    assert len(await stage.events("Recovered")) == 1


@staged(settings=EngineSettings(contest=ContestRules(patience=10, longest_pause=60)))
async def test_a_long_fight_is_held_with_pauses_and_never_given_up(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].rivals["/srv/motd"] = (0.5, RIVAL)
    stage.machines["m0"].put_back("/srv/motd")
    await asyncio.sleep(100)
    written = stage.sent("file.write")
    await asyncio.sleep(600)
    assert 5 <= stage.sent("file.write") - written <= 25
    del stage.machines["m0"].rivals["/srv/motd"]
    await stage.until(lambda: stage.content("motd") == b"hello\n")


@staged
async def test_what_does_not_converge_is_said_once_and_tried_at_once_when_a_person_asks(stage):
    broken = True

    def nothing_is_done(phase, request):
        if phase is Phase.APPLY and broken:
            return {
                "results": [{"address": one["address"], "changed": True} for one in request["operations"]]
            }
        return None

    stage.host.instead = nothing_is_done
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "DidNotConverge")
    assert stage.stalled("motd")
    await asyncio.sleep(1000)
    (said,) = await stage.events("DidNotConverge")
    assert "still differs" in said.message
    broken = False
    await stage.controller.request()
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1
