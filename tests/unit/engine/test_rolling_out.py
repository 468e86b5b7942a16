"""A change reaches its targets wave by wave, whatever becomes of the controller meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial

from reconciler.core.conditions import summarize
from reconciler.core.rollout_control import promote
from reconciler.engine.intake.intake import Intake
from reconciler.engine.rollouts.composing import contents
from reconciler.engine.rollouts.rolling import Rolling
from reconciler.errors import ConfigError, Problem, StoreError
from reconciler.model.names import Address, SourceName
from reconciler.model.rollout import Portion, RolloutPhase, TargetSeen
from reconciler.model.selector import Selector
from reconciler.model.state import Approval, Rollback, Suspension
from reconciler.model.target_lock import TargetLock
from reconciler.store.batch import Batch
from tests.sim.manifests import SOURCE, load, snapshot
from tests.unit.engine.stage import staged
from tests.unit.engine.test_policies import Rules

HOSTS = ("w1", "w2", "w3", "w4")
WAVES = {
    "targets": {},
    "waves": [{"targets": {"matchLabels": {"canary": "yes"}}}, {"size": 2}],
    "deadline": "2m",
    "onFailure": "rollback",
}

PROBE = {
    "url": "http://site/",
    "from": "controller",
    "method": "GET",
    "redirects": 0,
    "status": ["200"],
    "timeout": 10,
    "within": 30,
    "retries": 2,
    "expiresWithin": 14,
}


def site(content, *, hosts=HOSTS, probe=True, more=(), **rollout):
    """A page on each host, a probe of the canary's, and a rollout of both."""
    pages = [
        {
            "kind": "File",
            "name": name,
            "spec": {"path": f"/srv/{name}", "content": text},
            "common": {},
            "on": hosts,
        }
        for name, text in (("page", content), *more)
    ]
    asked = {
        "kind": "HttpProbe",
        "name": "site",
        "spec": PROBE,
        "common": {"require": ["File/page"], "interval": 1.0},
        "on": ["w1"],
    }
    return {
        "targets": dict.fromkeys(hosts, 22),
        "labels": {"w1": {"canary": "yes"}},
        "resources": [*pages, *([asked] if probe else [])],
        "rollouts": {"web": WAVES | rollout},
    }


class Rolled:
    """A source with its rollouts."""

    def __init__(self, stage, evaluates=load, source=SOURCE) -> None:
        self.stage = stage
        self.intake = Intake(
            source,
            load=evaluates,
            submissions=stage.controller.submissions,
            store=stage.store,
            runtime=stage.runtime,
        )
        self.intakes = {source: self.intake}
        self.rolling = Rolling(stage.store, stage.runtime, stage.controller, self.intakes, stage.settings)
        self.task = asyncio.create_task(self.rolling.run())

    async def end(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def take(self, document, number) -> None:
        assert await self.intake.take(snapshot(document, number=number))

    async def record(self):
        [found] = await self.stage.store.load_rollouts()
        return found

    async def comes_to(self, phase, *, within=600.0):
        begun = self.stage.loop.time()
        while (found := await self.record()).phase is not phase:
            assert self.stage.loop.time() - begun < within, found
            await asyncio.sleep(0.1)
        return found

    async def steer(self, how) -> None:
        await self.rolling.steer(SOURCE, "web", how, Batch())


def pages(stage) -> str:
    """The first letter of each page."""
    return "".join((stage.content("page", on=name) or b"-").decode()[0] for name in HOSTS)


def well(stage, *good):
    """What answers is well while the canary's page is one of these."""
    stage.page("site", lambda: 200 if pages(stage)[0] in good else 500)


async def in_force(stage, content="one\n", **words):
    """A first revision, everywhere."""
    rolled = Rolled(stage)
    await rolled.take(site(content, **words), 1)
    await rolled.comes_to(RolloutPhase.COMPLETE)
    await stage.settled()
    return rolled


async def seen(stage, holds, *, within=600.0):
    """All that the pages are until something is so."""
    found, begun = {pages(stage)}, stage.loop.time()
    while not holds():
        assert stage.loop.time() - begun < within, f"it does not come to that: {found}"
        await asyncio.sleep(0.01)
        found.add(pages(stage))
    return found


@staged(machines=HOSTS)
async def test_a_change_reaches_one_wave_after_the_other(stage):
    well(stage, "o", "t")
    rolled = Rolled(stage)
    await rolled.take(site("one\n"), 1)
    # At first, too: nothing is in force anywhere, and waves hold for that as well.
    states = await seen(stage, lambda: pages(stage) == "oooo")
    assert states <= {"----", "o---", "oo--", "o-o-", "ooo-", "oooo"}
    await rolled.comes_to(RolloutPhase.COMPLETE)
    await rolled.take(site("two\n"), 2)
    assert stage.controller.in_force.of(SOURCE).elsewhere == dict.fromkeys(HOSTS, "r1")
    states = await seen(stage, lambda: pages(stage) == "tttt")
    assert states <= {"oooo", "tooo", "ttoo", "toto", "ttto", "tttt"}
    record = await rolled.comes_to(RolloutPhase.COMPLETE)
    assert (record.revision, record.waves) == ("r2", 3)
    told = [event.message for event in await stage.events("RolloutWave")]
    assert told[-3:] == [
        "rollout web: wave 1 of 3: r2 reaches w1",
        "rollout web: wave 2 of 3: r2 reaches w2, w3",
        "rollout web: wave 3 of 3: r2 reaches w4",
    ]
    assert [run.revision for run in await stage.store.runs() if run.target == "w1"] == ["r2", "r1"]
    await rolled.end()


@staged(machines=HOSTS)
async def test_what_breaks_the_probe_on_the_canary_reaches_nobody_else_and_is_rolled_back_there(stage):
    well(stage, "o")
    rolled = await in_force(stage)
    await rolled.take(site("bad\n"), 2)
    states = await seen(stage, lambda: pages(stage) == "booo")
    record = await rolled.comes_to(RolloutPhase.ROLLED_BACK)
    states |= await seen(stage, lambda: pages(stage) == "oooo")
    assert states == {"oooo", "booo"}
    assert "w1 failed: HttpProbe/site: Unhealthy" in record.message
    [told] = await stage.events("RolloutStopped")
    assert told.type == "Warning"
    assert told.message.startswith("rollout web: r2 goes no further: w1 failed")
    await stage.settled()
    # It stays so, whatever else comes that says the same of them, and over a restart.
    await rolled.take(site("bad\n") | {"origins": {"w1": "moved"}}, 3)
    await asyncio.sleep(300.0)
    await rolled.end()
    await stage.again()
    rolled = Rolled(stage)
    assert await rolled.intake.restore()
    await asyncio.sleep(300.0)
    assert pages(stage) == "oooo"
    # What mends it begins anew, with the canary.
    well(stage, "o", "g")
    await rolled.take(site("good\n"), 4)
    states = await seen(stage, lambda: pages(stage) == "gggg")
    assert states <= {"oooo", "gooo", "ggoo", "gogo", "gggo", "gggg"}
    await rolled.end()


@staged(machines=HOSTS)
async def test_drift_is_put_right_everywhere_at_once_to_what_is_in_force_there(stage):
    rolled = await in_force(stage, probe=False)
    waits = [WAVES["waves"][0] | {"untilPromoted": True}, {"size": 4}]
    await rolled.take(site("two\n", probe=False, waves=waits), 2)
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    assert pages(stage) == "tooo"
    for name in HOSTS:
        stage.spoil("page", on=name)
    await stage.until(lambda: pages(stage) == "tooo", within=5.0)
    assert summarize(stage.controller.states()["w4/File/page"].conditions).ready
    await rolled.steer(lambda _rollout, record: promote(record))
    await stage.until(lambda: pages(stage) == "tttt")
    await rolled.end()


@staged(machines=HOSTS, policies=Rules)
async def test_what_waits_for_an_approval_on_the_canary_is_waited_for(stage):
    # It was no failure, and so the wave held and the next one began, with nothing of it on the canary.
    rolled = await in_force(stage, probe=False)
    page = Address("w1/File/page")
    stage.policies.ask = {page: "ada wants to see it"}
    await rolled.take(site("two\n", probe=False), 2)
    await stage.until(lambda: stage.reason("page", on="w1") == "PolicyHeld")
    await asyncio.sleep(300)
    record = await rolled.record()
    assert (record.phase, pages(stage)) == (RolloutPhase.PROGRESSING, "oooo")
    assert [turn.target for turn in record.turns.values() if turn.seen is TargetSeen.HELD] == ["w1"]
    shown = stage.controller.states()[page].held
    await stage.controller.approve([Approval(address=page, shown=shown, by="ada", reason="seen", at=0.0)])
    assert await seen(stage, lambda: pages(stage) == "tttt") >= {"oooo", "tooo", "tttt"}
    await rolled.comes_to(RolloutPhase.COMPLETE)
    await rolled.end()


@staged(machines=HOSTS)
async def test_killed_at_any_write_it_goes_on_where_it_was(stage):
    """Whenever it was, nobody had the new one out of turn, and nobody went back."""
    texts = "ot"
    well(stage, *texts)
    await (await in_force(stage)).end()
    kills, number = 0, 1
    for writes in range(1, 60):
        old, new = texts[(writes - 1) % 2], texts[writes % 2]
        allowed = [tuple(new if mark == "x" else old for mark in marks) for marks in ORDER]
        rolled, number = Rolled(stage), number + 1
        stage.writes_left = writes
        states, document = set(), site({"o": "one\n", "t": "two\n"}[new])
        with contextlib.suppress(StoreError):
            await rolled.intake.take(snapshot(document, number=number))
            states |= await seen(stage, partial(has_or_is_dead, stage, new))
        states.add(pages(stage))
        before = pages(stage)
        await rolled.end()
        kills += stage.store_fails is not None
        await stage.killed()
        rolled = Rolled(stage)
        # Which of the two it finds on record, the source says the same still.
        await rolled.intake.run(said(snapshot(document, number=number)))
        after = await seen(stage, partial(has, stage, new))
        assert {tuple(one) for one in states | after} <= set(allowed), writes
        assert all(one.count(new) >= before.count(new) for one in after), writes
        await rolled.comes_to(RolloutPhase.COMPLETE)
        await stage.settled()
        await rolled.end()
        if kills < writes:
            break
    assert kills > 12


def has(stage, mark):
    return pages(stage) == mark * len(HOSTS)


def has_or_is_dead(stage, mark):
    return has(stage, mark) or stage.store_fails is not None


ORDER = ("    ", "x   ", "xx  ", "x x ", "xxx ", "xxxx")


async def said(*items):
    for item in items:
        yield item


@staged(machines=HOSTS)
async def test_a_newer_revision_takes_the_place_of_one_that_is_under_way(stage):
    """Who has the one in the middle moves on in its turn, and who has the first one goes on having that until then."""
    well(stage, "o", "t", "u")
    rolled = await in_force(stage)
    waits = [WAVES["waves"][0] | {"untilPromoted": True}, {"size": 4}]
    await rolled.take(site("two\n", waves=waits), 2)
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    await rolled.take(site("u3\n", waves=waits), 3)
    assert stage.controller.in_force.of(SOURCE).elsewhere == {"w1": "r2", "w2": "r1", "w3": "r1", "w4": "r1"}
    assert await seen(stage, lambda: pages(stage) == "uooo") == {"tooo", "uooo"}
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    # Back to what the others have: they need no turn, and the canary has its own.
    await rolled.take(site("one\n", waves=waits), 4)
    assert (await rolled.record()).turns.keys() == {"w1"}
    await stage.until(lambda: pages(stage) == "oooo")
    await rolled.comes_to(RolloutPhase.COMPLETE)
    await rolled.end()


@staged(machines=HOSTS)
async def test_a_person_who_rolls_back_has_it_everywhere_at_once_and_the_end_of_that_is_a_rollout(stage):
    well(stage, "o", "t")
    rolled = await in_force(stage)
    await rolled.take(site("two\n"), 2)
    await stage.until(lambda: pages(stage) == "tooo")
    first = next(one for one in await stage.store.revisions() if one.revision == "r1")
    back = Rollback(
        source=SOURCE,
        snapshot=first.number,
        revision="r1",
        digest=first.digest,
        by="alice",
        reason="no",
        since=stage.now(),
    )
    await rolled.intake.roll_back(back)
    await stage.until(lambda: pages(stage) == "oooo")
    assert await stage.store.load_rollouts() == []
    await stage.settled()
    await stage.store.write(Batch().forget_rollback(SOURCE).roll_back(_ended(back, stage.now())))
    await rolled.intake.go_on()
    states = await seen(stage, lambda: pages(stage) == "tttt")
    assert states <= {"oooo", "tooo", "ttoo", "toto", "ttto", "tttt"}
    await rolled.end()


def _ended(back, now):
    return replace(back, until=now)


@staged(machines=HOSTS)
async def test_without_its_rollout_a_revision_is_everywhere_at_once(stage):
    well(stage, "o", "t")
    rolled = await in_force(stage)
    waits = [WAVES["waves"][0] | {"untilPromoted": True}, {"size": 4}]
    await rolled.take(site("two\n", waves=waits), 2)
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    await rolled.take(site("two\n") | {"rollouts": {}}, 3)
    assert await stage.store.load_rollouts() == []
    assert stage.controller.in_force.of(SOURCE).elsewhere == {}
    await stage.until(lambda: pages(stage) == "tttt")
    await rolled.end()


@staged(machines=HOSTS)
async def test_a_turn_counts_for_locks_until_its_rollout_or_its_source_is_no_more(stage):
    """A target whose rollout had been taken away in the middle kept its place in every lock, and others waited."""
    well(stage, "o")
    away, everywhere = stage.controller.disruptions, site("one\n") | {"rollouts": {}}
    rolled = await in_force(stage)
    await rolled.take(site("two\n"), 2)
    await seen(stage, lambda: set(away.rolling) == {"w1"})
    await rolled.take(everywhere, 3)
    await seen(stage, lambda: not away.rolling)
    await rolled.take(site("one\n"), 4)
    await rolled.take(site("two\n"), 5)
    await seen(stage, lambda: set(away.rolling) == {"w1"})
    rolled.intakes.clear()
    await seen(stage, lambda: not away.rolling)
    await rolled.end()


@staged(machines=HOSTS)
async def test_a_turn_counts_for_locks_of_whoever_shares_the_store(stage):
    """Only the one that leads knew of it, and another one disrupted a target of the same lock meanwhile."""
    well(stage, "o")
    rolled = await in_force(stage)
    await rolled.take(site("two\n"), 2)
    away = stage.controller.disruptions
    await seen(stage, lambda: set(away.rolling) == {"w1"})
    await rolled.end()
    await stage.again()
    stage.controller.share.alone = stage.controller.share.leads = False
    lock = TargetLock(name="db", selector=Selector(), at_once=Portion(1))
    await stage.controller.submit(replace(stage.desired(), locks={"db": lock}))
    await stage.controller.catch_up()
    assert stage.controller.disruptions.rolling == {"w1"}
    await stage.store.write(Batch().forget_rollout(await rolled.record()))
    await stage.controller.catch_up()
    assert not stage.controller.disruptions.rolling


@staged(machines=HOSTS)
async def test_a_target_that_is_new_or_gone_waits_for_its_turn_too(stage):
    well(stage, "o")
    rolled = await in_force(stage, hosts=HOSTS[:3])
    waits = [WAVES["waves"][0] | {"untilPromoted": True}, {"size": 4}]
    gone = site("one\n", hosts=("w1", "w2", "w4"), waves=waits)
    gone["resources"][0]["common"] = {"deletion": "delete"}
    await rolled.take(gone, 2)
    record = await rolled.record()
    assert {name: turn.before is None for name, turn in record.turns.items()} == {
        **dict.fromkeys(("w1", "w2", "w3"), False),
        "w4": True,
    }
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    assert pages(stage) == "ooo-"
    # One more, of which the others know nothing: it is in the last wave.
    more = site("one\n", waves=waits)
    more["resources"][0]["common"] = {"deletion": "delete"}
    await rolled.end()


@staged(machines=HOSTS)
async def test_what_was_in_force_and_does_not_evaluate_any_more_is_left_as_it_is(stage):
    """Unknown is not empty: what was declared on a target must not be removed since nobody can tell what that was."""
    broken = set()

    def evaluates(shown):
        if shown.revision in broken:
            raise ConfigError([Problem("a.yaml", 1, 1, "no kind")])
        return load(shown)

    well(stage, "o", "t")
    waits = [WAVES["waves"][0] | {"untilPromoted": True}, {"size": 4}]
    rolled = Rolled(stage, evaluates)
    first = site("one\n", waves=waits)
    first["resources"][0]["common"] = {"deletion": "delete"}
    await rolled.take(first | {"rollouts": {}}, 1)
    await stage.settled()
    await rolled.take(site("two\n", waves=waits), 2)
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    await rolled.end()
    await stage.again()
    broken.add("r1")
    rolled = Rolled(stage, evaluates)
    assert await rolled.intake.restore()
    await asyncio.sleep(100.0)
    assert pages(stage) == "tooo"
    await rolled.steer(lambda _rollout, record: promote(record))
    await stage.until(lambda: pages(stage) == "tttt")
    await rolled.end()


@staged(machines=HOSTS)
async def test_a_wave_that_would_have_what_another_source_has_stops_it(stage):
    well(stage, "o", "t")
    rolled = await in_force(stage)
    waits = [WAVES["waves"][0] | {"untilPromoted": True}, {"size": 4}]
    await rolled.take(site("two\n", waves=waits, more=[("new", "n\n")]), 2)
    await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    other = Intake(
        SourceName("other"),
        load=load,
        submissions=stage.controller.submissions,
        store=stage.store,
        runtime=stage.runtime,
    )
    theirs = site("n\n", probe=False, more=[("new", "theirs\n")]) | {"rollouts": {}}
    theirs["resources"] = [one | {"on": ["w4"]} for one in theirs["resources"] if one["name"] == "new"]
    assert await other.take(snapshot(theirs, number=1, source=SourceName("other")))
    await rolled.steer(lambda _rollout, record: promote(record))
    record = await rolled.comes_to(RolloutPhase.ROLLED_BACK)
    assert "the next wave cannot be in force" in record.message
    assert "is declared by another source already" in record.message
    await stage.until(lambda: pages(stage) == "oooo")
    await rolled.end()


def test_what_is_declared_on_a_target_is_told_from_what_is_not_known():
    found = load(snapshot(site("one\n"), number=1))
    one, other = contents(found), contents(load(snapshot(site("two\n"), number=2)))
    assert one.keys() == set(HOSTS)
    assert all(one[name] != other[name] for name in HOSTS)
    assert contents(replace(found, waiting=frozenset({"w1"})))["w1"] == ""


@staged(machines=HOSTS)
async def test_a_canary_that_is_suspended_shows_nothing_and_nobody_else_has_the_change(stage):
    rolled = await in_force(stage, probe=False)
    await stage.controller.suspend(
        Suspension(object="w1", by="ada", reason="a disk is exchanged", since=stage.now(), until=None)
    )
    await rolled.take(site("two\n", probe=False), 2)
    record = await rolled.comes_to(RolloutPhase.AWAITING_PROMOTION)
    assert "what it changes on w1 is suspended" in record.message
    assert pages(stage) == "oooo"
    await stage.controller.resume("w1")
    await rolled.comes_to(RolloutPhase.COMPLETE)
    assert pages(stage) == "tttt"
    await rolled.end()
