"""A probe is looked at beside the rounds: it delays nobody, gates what comes after it, and is said once."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from reconciler.core.graph import build_graph
from reconciler.engine.round.looks import Looks
from reconciler.engine.round.performing import ReadingPerformer, WritingPerformer, parted
from reconciler.engine.round.probing import Probing
from reconciler.engine.settings import EngineSettings
from reconciler.errors import TransportError
from reconciler.model.calls import Call, Ok
from reconciler.model.resource import Policy
from reconciler.plugins.calls import Phase
from tests.sim.manifests import instance
from tests.unit.engine.stage import address, file, probe, staged


def told(stage, name="site"):
    return stage.reason(name, kind="HttpProbe")


async def until(stage, reason, name="site", **more):
    return await stage.until(lambda: told(stage, name) == reason, **more)


@staged
async def test_what_answers_as_declared_is_in_sync_and_asked_again_at_its_interval(stage):
    stage.page("site")
    await stage.declare(probe("site", interval=10.0))
    await until(stage, "InSync")
    first = len(stage.asked)
    assert first == 1
    await asyncio.sleep(100)
    assert 9 <= len(stage.asked) - first <= 12
    assert await stage.store.events() == [*await stage.events("Connected")]


@staged
async def test_one_that_takes_long_delays_nobody(stage):
    stage.page("site", takes=30.0)
    await stage.declare(probe("site"), file("a", "a"))
    await stage.until(lambda: stage.content("a") == b"a", within=1)
    await until(stage, "Pending")
    for _ in range(3):
        await asyncio.sleep(4)
        stage.spoil("a")
        assert await stage.until(lambda: stage.content("a") == b"a") < 0.5
    await until(stage, "InSync")
    assert stage.loop.time() < 40


@staged
async def test_what_comes_after_it_waits_until_it_is_well(stage):
    await stage.declare(
        file("a", "a"),
        probe("site", require=("File/a",)),
        file("b", "b", require=("HttpProbe/site",)),
    )
    await stage.until(lambda: stage.reason("b") == "DependencyNotReady")
    await stage.until(lambda: "connection refused" in stage.summary("site", kind="HttpProbe").message)
    assert told(stage) == "Pending"
    assert stage.content("b") is None
    stage.page("site")
    await stage.until(lambda: stage.content("b") == b"b", within=10)
    await stage.settled()
    assert [one.object for one in await stage.events("Unhealthy")] == []


@staged
async def test_it_is_not_asked_before_what_it_comes_after(stage):
    stage.page("site")
    broken = file("a", spec={"path": "/no/such/a", "content": "a"})
    await stage.declare(broken, probe("site", require=("File/a",)))
    await until(stage, "DependencyNotReady")
    await asyncio.sleep(60)
    assert stage.asked == []


@staged
async def test_what_does_not_come_about_in_time_is_said_once_and_so_is_that_it_has(stage):
    await stage.declare(probe("site", spec={"within": 20}))
    took = await until(stage, "Unhealthy")
    assert 20 <= took < 30
    await asyncio.sleep(300)
    assert told(stage) == "Unhealthy"
    [event] = await stage.events("Unhealthy")
    assert event.message == "http://site/: connection refused"
    assert event.data["diffs"] == [{"field": "answer", "before": "no_connection", "after": "an answer"}]
    stage.page("site")
    assert await until(stage, "InSync") <= 40
    [event] = await stage.events("Recovered")
    assert event.message == "as declared again, after Unhealthy"


@staged
async def test_one_that_was_well_is_asked_again_before_it_is_said_not_to_be(stage):
    answers = [200]
    stage.page("site", lambda: answers.pop(0) if len(answers) > 1 else answers[0])
    await stage.declare(probe("site", interval=10.0))
    await until(stage, "InSync")
    answers[:] = [503, 503, 200]
    await asyncio.sleep(60)
    assert await stage.events("Unhealthy") == []
    answers[:] = [503]
    await until(stage, "Unhealthy")
    assert len(await stage.events("Unhealthy")) == 1


@staged
async def test_a_change_of_what_it_comes_after_has_it_asked_anew_and_what_comes_after_it_waits(stage):
    stage.page("site")
    await stage.declare(
        file("a", "a"), probe("site", require=("File/a",)), file("b", "b", require=("HttpProbe/site",))
    )
    await stage.settled()
    asked = len(stage.asked)
    stage.page("site", takes=3.0)
    await stage.declare(
        file("a", "2"), probe("site", require=("File/a",)), file("b", "2", require=("HttpProbe/site",))
    )
    await stage.until(lambda: stage.content("a") == b"2")
    await until(stage, "Pending")
    await asyncio.sleep(1)
    assert stage.content("b") == b"b"
    await stage.until(lambda: stage.content("b") == b"2")
    assert len(stage.asked) > asked
    await stage.settled()


@staged
async def test_a_repair_of_drift_has_it_asked_anew(stage):
    stage.page("site")
    await stage.declare(file("a", "a"), probe("site", interval=3600.0, require=("File/a",)))
    await stage.settled()
    asked = len(stage.asked)
    stage.spoil("a")
    await stage.until(lambda: len(stage.asked) > asked, within=5)
    await stage.settled()
    assert await stage.events("Unhealthy") == []


@staged
async def test_a_change_has_what_comes_after_a_probe_asked_anew_as_well(stage):
    """It stayed InSync, was never asked again, and the file after it was written."""
    stage.page("port", takes=2.0)
    stage.page("site")

    def declared(content):
        return (
            file("a", content),
            probe("port", interval=3600.0, require=("File/a",)),
            probe("site", interval=3600.0, require=("HttpProbe/port",)),
            file("b", content, require=("HttpProbe/site",)),
        )

    await stage.declare(*declared("1"))
    await stage.settled()
    stage.page("site", lambda: 503)
    await stage.declare(*declared("2"))
    await until(stage, "Unhealthy")
    assert stage.content("b") == b"1"
    stage.page("site")
    await stage.declare(*declared("3"))
    await stage.until(lambda: stage.content("b") == b"3", within=60)
    await stage.settled()
    assert len(await stage.events("Unhealthy")) == 1


@staged
async def test_what_was_begun_before_a_change_answers_nothing(stage):
    answers = iter([200])
    stage.page("site", lambda: next(answers, 503), takes=5.0)
    await stage.declare(file("a", "a"), probe("site", spec={"within": 10}, require=("File/a",)))
    await until(stage, "Pending")
    await asyncio.sleep(1)
    stage.spoil("a")  # put right at once, which begins the probe anew: the first answer would have been 200
    stage.page("site", lambda: 503)
    await until(stage, "Unhealthy")


@staged
async def test_with_policy_observe_it_is_told_and_gates_nobody(stage):
    await stage.declare(
        probe("site", spec={"within": 0}, policy=Policy.OBSERVE.value),
        file("b", "b", require=("HttpProbe/site",)),
    )
    await until(stage, "Differs")
    await asyncio.sleep(60)
    [event] = await stage.events("Differs")
    assert event.object == "m0/HttpProbe/site"
    assert stage.content("b") is None  # as everything that depends on what differs


@staged
async def test_a_person_who_asks_has_it_asked_at_once(stage):
    stage.page("site")
    await stage.declare(probe("site", interval=3600.0))
    await until(stage, "InSync")
    asked = len(stage.asked)
    await stage.controller.request()
    await stage.until(lambda: len(stage.asked) == asked + 1, within=1)


@staged
async def test_another_declaration_is_another_question(stage):
    stage.page("site", takes=100.0)
    await stage.declare(probe("site"))
    await until(stage, "Pending")
    stage.page("site")
    await stage.declare(probe("site", spec={"status": ["200", "204"]}))
    assert await until(stage, "InSync") < 5
    await stage.declare(file("a", "a"))
    await stage.until(lambda: stage.content("a") == b"a")
    asked = len(stage.asked)
    await asyncio.sleep(300)
    assert len(stage.asked) == asked
    assert [one.reason for one in await stage.store.events() if "HttpProbe" in one.object] == []


@staged
async def test_a_plan_asks_once_and_keeps_nothing(stage):
    await stage.declare(probe("site", interval=3600.0), file("a", "a"))
    await until(stage, "Unhealthy")
    stage.page("site")
    [plan] = await stage.controller.plan()
    [unit] = [one for one in plan.units if "HttpProbe" in one.address]
    assert unit.action.value == "none"
    stage.pages.clear()
    [plan] = await stage.controller.plan()
    [unit] = [one for one in plan.units if "HttpProbe" in one.address]
    assert unit.fails == "http://site/: connection refused"


@staged
async def test_a_plan_expects_it_to_be_well_after_a_change_before_it(stage):
    once = stage.once(stage.desired(file("a", "a"), probe("site", require=("File/a",))))
    [plan] = await once.plan()
    assert [unit.fails for unit in plan.units] == ["", ""]


@staged
async def test_a_single_run_waits_for_it(stage):
    stage.page("site", takes=8.0)
    once = stage.once(
        stage.desired(
            file("a", "a"), probe("site", require=("File/a",)), file("b", "b", require=("HttpProbe/site",))
        )
    )
    [result] = await once.apply()
    assert result.failed == {}
    assert stage.content("b") == b"b"
    assert result.changed == [address("a"), address("b")]
    assert 8 <= stage.loop.time() < 12


@staged
async def test_a_single_run_gives_up_when_its_time_is_over(stage):
    once = stage.once(
        stage.desired(probe("site", spec={"within": 5}), file("b", "b", require=("HttpProbe/site",)))
    )
    [result] = await once.apply()
    assert {a.rpartition("/")[2]: str(why.reason) for a, why in result.failed.items()} == {
        "site": "Unhealthy",
        "b": "DependencyNotReady",
    }
    assert 5 <= stage.loop.time() < 15


@staged
async def test_what_its_provider_may_not_do_is_said(stage):
    stage.host.instead = lambda phase, request: (
        {
            "actual": [
                {"address": one["address"], "fault": {"class": "permanent", "message": "may not"}}
                for one in request["resources"]
            ]
        }
        if phase is Phase.READ
        else None
    )
    await stage.declare(probe("site"))
    await until(stage, "PermanentError")
    assert stage.loop.time() < 5


@staged
async def test_a_defect_of_ours_is_said_and_holds_nobody_up(stage):
    async def broken() -> Any:
        raise KeyError("what")

    stage.pages["http://site/"] = broken
    await stage.declare(probe("site"), file("a", "a"))
    await until(stage, "PermanentError")
    assert "defect" in stage.summary("site", kind="HttpProbe").message
    assert stage.content("a") == b"a"


@staged
async def test_a_kind_that_is_no_probe_may_not_ask_and_one_that_is_may_not_act(stage):
    def instead(phase: Phase, request: Any) -> Any:
        if phase is Phase.PLAN:
            return {
                "operations": [
                    {
                        "address": one["address"],
                        "action": "update",
                        "diffs": [{"field": "x", "before": 1, "after": 2}],
                    }
                    for one in request["resources"]
                ]
            }
        return None

    stage.page("site")
    stage.host.instead = instead
    await stage.declare(probe("site"))
    await until(stage, "PermanentError")
    assert "is only looked at" in stage.summary("site", kind="HttpProbe").message


@staged
async def test_a_lost_session_ends_nothing_that_the_controller_asks_by_itself(stage):
    stage.page("site", takes=5.0)
    await stage.declare(probe("site"))
    await until(stage, "Pending")
    stage.machines["m0"].lose_sessions()
    await until(stage, "InSync")
    assert stage.loop.time() < 20


@staged
async def test_an_answer_that_came_while_there_was_no_session_counts_whatever_it_comes_after(stage):
    """It was said to be under way for ever: in looks at everything it came after what was not as declared."""

    async def declare(**more):
        above, paused = file("a", "a", **more), file("b", "b", policy=Policy.PAUSED)
        await stage.declare(above, paused, probe("site", interval=3600.0, require=("File/a",)))

    stage.page("site")
    await declare()
    await until(stage, "InSync")
    await declare(policy=Policy.OBSERVE)
    stage.spoil("a")
    await stage.until(lambda: stage.reason("a") == "Differs")
    await stage.again()
    stage.page("site", takes=8.0)
    await declare(policy=Policy.OBSERVE)
    await until(stage, "Pending")
    stage.machines["m0"].lose_sessions()
    stage.machines["m0"].partition(20.0)
    await until(stage, "InSync")


@staged
async def test_what_may_have_been_done_when_the_session_was_lost_has_it_asked_anew(stage):
    """Nobody could tell whether it was: what was known of the probe was of another world, and gated nothing."""
    stage.page("site")
    await stage.declare(file("a", "a"), probe("site", interval=3600.0, require=("File/a",)))
    await stage.settled()
    asked = len(stage.asked)
    stage.machines["m0"].weather.hangs_up = 1.0
    stage.spoil("a")
    await asyncio.sleep(1)
    stage.machines["m0"].weather.hangs_up = 0.0
    await stage.until(lambda: stage.content("a") == b"a")
    await stage.settled()
    assert len(stage.asked) > asked


@staged
async def test_a_suspended_one_is_not_asked(stage):
    stage.page("site")
    await stage.declare(probe("site", policy="paused"))
    await until(stage, "Paused")
    assert stage.asked == []


@staged(settings=EngineSettings(concurrent_probes=2))
async def test_so_many_are_asked_at_once(stage):
    under_way, most = 0, 0

    async def page() -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1
        return {"status": 200}

    stage.pages = {f"http://p{n}/": page for n in range(6)}
    await stage.declare(*(probe(f"p{n}") for n in range(6)))
    await stage.until(lambda: all(told(stage, f"p{n}") == "InSync" for n in range(6)))
    assert most == 2


@staged
async def test_one_that_asks_from_a_target_that_is_lost_is_asked_again_when_that_is_back(stage):
    async def lost() -> Any:
        if len(stage.asked) == 1:
            stage.machines["m0"].lose_sessions()
            raise TransportError("the session was lost")
        return {"status": 200}

    stage.pages["http://site/"] = lost
    await stage.declare(probe("site"), file("a", "a"))
    await until(stage, "InSync")
    assert await stage.events("Unhealthy") == []


@staged
async def test_what_was_well_is_asked_also_while_something_above_it_fails(stage):
    """A vhost that its check refused kept everybody from knowing whether the site was still served."""
    stage.page("site")
    await stage.declare(
        file("a", "a"), file("b", "b", require=("File/a",)), probe("site", require=("File/b",))
    )
    await stage.settled()
    asked = len(stage.asked)
    stage.machines["m0"].files.immutable.add("/srv/a")
    await stage.declare(
        file("a", "2"), file("b", "2", require=("File/a",)), probe("site", require=("File/b",))
    )
    await stage.until(lambda: stage.reason("b") == "DependencyNotReady")
    await asyncio.sleep(50)
    assert told(stage) == "InSync"
    assert len(stage.asked) > asked
    stage.page("site", lambda: 503)
    await until(stage, "Unhealthy")
    stage.page("site")
    stage.machines["m0"].files.immutable.clear()
    await stage.settled()


async def test_what_the_controller_asks_is_asked_for_probes_alone():
    settings = EngineSettings()
    reading = ReadingPerformer(None, settings)
    asked = [Call("http.get", {"url": "http://a/"})]
    intended = asyncio.get_running_loop().create_future()
    writing = WritingPerformer(None, settings, find_blob=None, declared=(), kept=None, intended=intended)
    for perform in (reading, writing):
        [reply] = await perform(asked)
        assert reply.code == "not_a_probe"
        assert "only to read a kind whose manifest says `probe`" in reply.message


async def test_of_several_calls_each_is_answered_in_its_place():
    async def here(calls: Any) -> Any:
        return [Ok({"here": call.args["url"]}) for call in calls]

    async def there(calls: Any) -> Any:
        return [Ok({"there": call.args["path"]}) for call in calls]

    calls = [
        Call("file.stat", {"path": "/a"}),
        Call("http.get", {"url": "http://b/"}),
        Call("file.stat", {"path": "/c"}),
    ]
    replies = await parted(calls, there, here)
    assert [one.value for one in replies] == [{"there": "/a"}, {"here": "http://b/"}, {"there": "/c"}]
    assert [one.value for one in await parted(calls[1:2], there, here)] == [{"here": "http://b/"}]


def test_what_is_slow_has_it_asked_anew_at_its_end_though_its_round_had_changed_something_else_above_it():
    """What came after the probe went by an answer from before the change, which was given while that was under way."""
    declared = [
        instance("m0", "Directory", "d", {"path": "/srv/d"}),
        instance("m0", "File", "a", {"path": "/srv/d/a"}),
        probe("site", require=("File/a",)).instance,
        instance("m0", "File", "b", {"path": "/srv/b"}, require=("HttpProbe/site",)),
    ]
    expired = []

    class Asked(list):
        def expire(self, addresses):
            expired.append(sorted(addresses))

    lane = SimpleNamespace(instances={one.address: one for one in declared}, graph=build_graph(declared))
    services = SimpleNamespace(probes=Asked(["site"]), settings=EngineSettings())
    probing = Probing(lane, None, services, conclusions=None, failures=None)
    looks = Looks(lane, None, services, probing)
    looks.mark([declared[0].address])
    looks.mark([declared[1].address])  # its round has ended long since, and the page was asked
    looks.mark([declared[3].address])
    assert expired == [[declared[2].address], [declared[2].address], []]
    services.probes.clear()
    looks.mark([declared[0].address])
    assert len(expired) == 3


@staged
async def test_a_guests_probe_is_asked_as_a_guests(stage):
    """By a way of its own: of this controller here there is none for guests."""
    stage.page("site")
    one = probe("site")
    one.instance = replace(one.instance, guest=True)
    await stage.declare(one)
    await until(stage, "PermanentError")
    assert "nobody makes the call http.get here" in stage.summary("site", kind="HttpProbe").message
    assert stage.asked == []
