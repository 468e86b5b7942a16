"""What targets are is gathered when there is a session, kept, renewed when it is old or touched, and acted upon."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.engine.facts import TargetFacts
from reconciler.engine.intake.intake import Intake
from reconciler.engine.settings import EngineSettings
from reconciler.errors import StoreError, TransportError
from reconciler.model.facts import SECTIONS
from reconciler.targets.session import Session
from tests.sim.manifests import SOURCE, desired, instance, snapshot, target
from tests.unit.engine.stage import address, file, staged


def asked(stage, *, on="m0"):
    """Which sections were asked for, of each time that any were."""
    return [
        set(frame["items"][0].get("only", ()))
        for name, frame in stage.frames
        if name == on and frame.get("command") == "facts"
    ]


@staged
async def test_all_is_gathered_once_there_is_a_session_and_is_on_record(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert asked(stage) == [set(SECTIONS)]
    assert stage.controller.facts.of("m0").sections["os"]["family"] == "debian"
    assert (await stage.store.load_facts())["m0"] == stage.controller.facts.of("m0")


@staged
async def test_what_is_on_record_and_not_old_is_not_gathered_again_after_a_restart(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    await stage.again()
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert asked(stage) == [set(SECTIONS)]
    assert stage.controller.facts.known.keys() == {"m0"}


@staged(settings=EngineSettings(facts_ttl=50.0))
async def test_what_is_old_is_gathered_again(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].files.facts["os"] = {"id": "debian", "major": 13}
    await asyncio.sleep(150.0)
    assert len(asked(stage)) > 1
    assert stage.controller.facts.of("m0").sections["os"]["major"] == 13


@staged
async def test_what_a_change_touches_is_gathered_right_after_it_and_nothing_else(stage):
    declared = file("motd", "hello\n")
    declared.instance = replace(declared.instance, touches=("users", "groups"))
    await stage.declare()
    await stage.until(lambda: len(asked(stage)) == 1)
    await stage.declare(declared, file("other", "x"))
    await stage.settled()
    assert asked(stage)[1:] == [{"users", "groups"}]


@staged
async def test_facts_of_a_target_that_is_declared_no_longer_are_forgotten(stage):
    await stage.declare()
    await stage.until(lambda: bool(stage.controller.facts.of("m0")))
    await stage.controller.submit(replace(stage.desired(), targets={}))
    assert not stage.controller.facts.of("m0")
    await stage.until(lambda: not stage.controller.targets)
    await asyncio.sleep(1.0)
    assert await stage.store.load_facts() == {}


@staged
async def test_facts_that_could_not_be_stored_are_gathered_again(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    facts = TargetFacts(stage.store, now=stage.now, ttl=3600.0)
    session = await Session.open(target("m0"), runtime=stage.runtime, on_event=lambda _event: None)
    assert await facts.gather(session, {"os"}) == {"os"}
    stage.store_fails = StoreError("the disk is full")
    await facts.keep()
    stage.store_fails = None
    assert facts.of("m0").sections.keys() == {"os"}
    assert "os" in facts.due("m0")
    assert await facts.gather(session) == set(SECTIONS) - {"os"}
    assert await facts.gather(session) == set()
    await facts.keep()
    assert "os" not in facts.due("m0")
    await session.close()


@staged
async def test_a_target_that_does_not_say_what_it_is_is_kept_all_the_same(stage):
    stage.machines["m0"].files.facts = None
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert stage.content("motd") == b"hello\n"
    assert not stage.controller.facts.of("m0")


# --- What depends on them ---------------------------------------------------------------------------------------------


def source_of(stage, declares):
    """An intake of a source that declares what it does by what is known of m0."""

    def load(shown):
        known = stage.controller.facts.of("m0")
        one, content = declares(known), shown.revision
        found = desired([target("m0")], [one] if one else [], [content] if one else [], shown.revision)
        return replace(
            found, waiting=frozenset() if known else frozenset({"m0"}), facts_read=frozenset({"os"})
        )

    source = Intake(
        SOURCE, load=load, submissions=stage.controller.submissions, store=stage.store, runtime=stage.runtime
    )

    async def changed(_name, sections):
        if "os" in sections:
            await source.reconsider()

    stage.controller.gathering.changed = changed
    return source


def by_major(known):
    major = known.sections["os"]["major"] if known else 0
    return instance("m0", "File", f"f{major}", {"path": f"/srv/f{major}", "content": "r1"}) if major else None


@staged
async def test_what_waits_for_facts_is_done_as_soon_as_they_are_known(stage):
    source = source_of(stage, by_major)
    assert await source.take(snapshot({}, number=1))
    assert not stage.controller.in_force.instances
    await stage.until(lambda: stage.content("f12") == b"r1")
    assert not (await stage.events("Orphaned"))


@staged
async def test_what_depends_on_facts_follows_although_the_store_failed_just_when_they_came(stage):
    """Nothing was declared any more until they changed again, which they hardly ever do."""
    source = source_of(stage, by_major)
    changed, failing = stage.controller.gathering.changed, [StoreError("the disk is full")]

    async def fails_once(name, sections):
        if failing:
            raise failing.pop()
        await changed(name, sections)

    stage.controller.gathering.changed = fails_once
    await source.take(snapshot({}, number=1))
    await stage.until(lambda: stage.content("f12") == b"r1")
    assert not failing


@staged
async def test_what_depends_on_facts_follows_when_they_change(stage):
    source = source_of(stage, by_major)
    await source.take(snapshot({}, number=1))
    await stage.until(lambda: stage.content("f12") == b"r1")
    stage.machines["m0"].files.facts["os"] = {"id": "debian", "major": 13}
    declared = file("user", "u")
    declared.instance = replace(declared.instance, touches=("os",))
    await stage.controller.submit(replace(stage.desired(declared), source="/srv/other"))
    await stage.until(lambda: stage.content("f13") == b"r1")
    assert address("f12") not in stage.controller.in_force.instances
    assert stage.content("f12") == b"r1"  # its deletion is orphan


@staged
async def test_where_facts_are_lost_what_is_on_record_is_not_let_go_of(stage):
    source = source_of(stage, by_major)
    await source.take(snapshot({}, number=1))
    await stage.until(lambda: stage.content("f12") == b"r1")
    await stage.settled()
    await stage.end()
    stage.machines["m0"].files.facts = None  # nobody says what it is
    await stage.begin()
    stage.controller.facts.keep_only(())
    again = source_of(stage, by_major)
    await again.take(snapshot({}, number=1))
    await asyncio.sleep(30.0)
    assert stage.controller.in_force.waits(SOURCE, "m0")
    assert address("f12") in stage.controller.lanes.states()
    assert not await stage.events("Orphaned")


@staged
async def test_what_changes_the_facts_that_it_is_made_of_does_so_with_growing_pauses(stage):
    def grows(known):
        major = known.sections["os"]["major"] if known else 0
        if not major:
            return None
        stage.machines["m0"].files.facts["os"] = {"id": "debian", "major": major + 1}
        made = instance("m0", "File", "f", {"path": "/srv/f", "content": "r1", "mode": f"0{major % 512:o}"})
        return replace(made, touches=("os",))

    source = source_of(stage, grows)
    await source.take(snapshot({}, number=1))
    await stage.until(lambda: stage.content("f") == b"r1")
    await asyncio.sleep(3600.0)
    assert 10 < stage.machines["m0"].files.facts["os"]["major"] - 12 < 30
    [told] = await stage.events("FactsKeepChanging")
    assert told.object == "Target/m0"
    assert "what is declared on m0 changes facts there (os) again and again" in told.message


# --- A single run -----------------------------------------------------------------------------------------------------


async def applied(stage, *declared):
    """What one run made of these, and what is known of the target after it."""
    facts = TargetFacts(stage.store, now=stage.now, ttl=3600.0)
    work = stage.once(stage.desired(*declared))
    work._facts = facts
    [result] = await work.apply()
    return result, facts


@staged
async def test_a_single_run_gathers_what_is_not_known_and_what_it_has_touched(stage):
    declared = file("motd", "hello\n")
    declared.instance = replace(declared.instance, touches=("users",))
    result, facts = await applied(stage, declared)
    assert result.changed == [address("motd")]
    assert asked(stage) == [set(SECTIONS)]
    assert facts.of("m0").sections["os"]["id"] == "debian"


@staged
async def test_what_a_single_run_has_done_stands_although_facts_cannot_be_had(stage):
    stage.machines["m0"].files.facts = None
    result, facts = await applied(stage, file("motd", "hello\n"))
    assert (result.error, result.changed) == ("", [address("motd")])
    assert not facts.known


# --- People -----------------------------------------------------------------------------------------------------------


@staged
async def test_a_person_may_have_a_target_asked_at_once(stage):
    with pytest.raises(TransportError, match="there is no session to the target right now"):
        await stage.controller.gather_facts("m0")
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].files.facts["os"] = {"id": "other"}
    told = []

    async def changed(name, sections):
        told.append((name, set(sections)))

    stage.controller.gathering.changed = changed
    await stage.controller.gather_facts("m0")
    assert told == [("m0", {"os"})]
    assert (await stage.store.load_facts())["m0"].sections["os"] == {"id": "other"}


@staged
async def test_who_needs_to_know_anything_of_a_target_waits_for_that_but_not_for_ever(stage):
    facts, begun = stage.controller.facts, stage.loop.time()
    await facts.come("nowhere", within=5.0)
    assert stage.loop.time() - begun == 5.0
    waiting = asyncio.create_task(facts.come("m0", within=500.0))
    await stage.declare(file("motd", "hello\n"))
    await waiting
    assert facts.of("m0")
    await facts.come("m0", within=0.0)
