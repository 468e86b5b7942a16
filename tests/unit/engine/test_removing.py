"""What is ours and is declared no longer: it goes, or waits for a person, or stays."""

import asyncio
import json
from dataclasses import replace

import pytest

from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.round.permitting import shown
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ConfigError
from reconciler.model.names import Digest, SourceName
from reconciler.model.plan import Action, Cause, Operation, PlanUnit
from reconciler.model.resource import Adopt, Deletion
from reconciler.model.state import Approval
from reconciler.plugins.calls import Phase
from reconciler.store.batch import Batch
from tests.sim.files import Node
from tests.sim.manifests import instance
from tests.unit.engine.stage import VIM, Declared, address, file, staged

DELETE = {"deletion": Deletion.DELETE}


def directory(name, **common):
    one = file(name, spec={"path": f"/srv/{name}"}, **common).instance
    known = address(name).replace("File", "Directory")
    return Declared(
        replace(one, kind="Directory", ref=f"Directory/{name}", address=known, contains=one.provides), None
    )


def archive(name, spec, content):
    known = {"path": f"/srv/{name}", "state": "present", "strip": 0, "setuid": False, "purge": False}
    known |= {"maximumSize": 1 << 20, "timeout": 60, **spec}
    return Declared(instance("m0", "Archive", name, known), content)


def files(*names, **common):
    return [file(name, f"{name}\n", **(DELETE | common)) for name in names]


async def approve(stage, *names):
    states = stage.controller.states()
    await stage.controller.approve(
        [
            Approval(
                address=address(name), shown=states[address(name)].held, by="ada", reason="meant", at=0.0
            )
            for name in names
        ]
    )


@staged
async def test_what_is_declared_no_longer_is_removed_and_forgotten(stage):
    await stage.declare(*files("kept", "old"))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.until(lambda: stage.content("old") is None)
    await stage.settled()
    (said,) = await stage.events("Removed")
    assert (said.object, said.cause) == (address("old"), Cause.PRUNE)
    assert said.data["action"] == Action.DELETE
    assert (await stage.store.load_inventory()).keys() == {address("kept")}
    assert (await stage.store.load_states()).keys() == {address("kept")}
    assert stage.controller.in_force.instances.keys() == {address("kept")}
    assert stage.content("kept") == b"kept\n"
    run, *_ = await stage.store.runs()
    assert (run.cause, run.outcome) == (Cause.PRUNE, "Applied")


@staged
async def test_what_a_round_has_made_goes_if_it_is_declared_no_longer_before_that_round_ends(stage):
    told, declaring, leaving = [], [], []

    async def declare():
        told.extend(await stage.events("Created"))
        await stage.declare(*files("first", "last"))
        leaving.extend(one.address for one in stage.controller.lanes.leaving())

    def instead(phase, _request):
        if phase is Phase.READ and stage.content("new") and not declaring:
            declaring.append(asyncio.create_task(declare()))

    stage.host.instead = instead
    await stage.declare(*files("first"), *files("new"), *files("last", require=("File/new",)))
    await stage.until(lambda: bool(declaring and declaring[0].done()))
    assert told == []  # it was taken in while the round went on
    await stage.settled()
    assert [stage.content(name) for name in ("first", "new", "last")] == [b"first\n", None, b"last\n"]
    assert [said.object for said in await stage.events("Removed")] == [address("new")]
    assert (await stage.store.load_inventory()).keys() == {address("first"), address("last")}
    assert not stage.controller.lanes.leaving()


@staged
async def test_by_default_it_stays_and_is_an_orphan(stage):
    await stage.declare(*files("kept"), file("old", "old\n"))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.settled()
    assert stage.content("old") == b"old\n"
    (said,) = await stage.events("Orphaned")
    assert said.message.endswith("its deletion is orphan")
    assert (await stage.store.load_inventory()).keys() == {address("kept"), address("old")}


@staged
async def test_what_was_there_before_us_comes_back(stage):
    stage.spoil("old", b"theirs\n")
    await stage.declare(*files("kept", "old"))
    await stage.settled()
    assert stage.content("old") == b"old\n"
    await stage.declare(*files("kept"))
    await stage.until(lambda: stage.content("old") == b"theirs\n")
    await stage.settled()
    (said,) = await stage.events("Removed")
    assert "what was there before is back" in said.message
    assert address("old") not in await stage.store.load_inventory()


@staged
async def test_what_was_there_before_us_and_was_equal_stays(stage):
    stage.spoil("old", b"old\n")
    await stage.declare(*files("kept", "old"))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.settled()
    assert stage.content("old") == b"old\n"
    (said,) = await stage.events("Orphaned")
    assert said.message.endswith("it was there before us")


@staged
async def test_what_goes_goes_in_the_reverse_order(stage):
    await stage.declare(*files("kept"), directory("d", **DELETE), *files("d/a", "d/b"))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.until(lambda: "/srv/d" not in stage.machines["m0"].files.nodes)
    await stage.settled()
    removed = [one.object.split("/", 1)[1] for one in await stage.events("Removed")]
    assert sorted(removed[:2]) == ["File/d/a", "File/d/b"]
    assert removed[2:] == ["Directory/d"]


@staged
async def test_a_directory_with_something_of_others_in_it_stays_and_says_so(stage):
    await stage.declare(*files("kept"), directory("d", **DELETE))
    await stage.settled()
    stage.spoil("d/theirs", b"x")
    await stage.declare(*files("kept"))
    known = address("d").replace("File", "Directory")
    await stage.until(lambda: any(one.object == known for one in stage_events(stage)))
    assert "/srv/d/theirs" in stage.machines["m0"].files.nodes


def stage_events(stage):
    state = stage.controller.states().get(address("d").replace("File", "Directory"))
    ready = state and [c for c in state.conditions if "is not empty (theirs)" in c.message]
    return [type("E", (), {"object": state.address})] if ready else []


@staged
async def test_more_than_the_budget_is_held_in_full_until_a_person_approves(stage):
    await stage.declare(*files("kept", "a", "b", "c", "d"))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.until(lambda: {stage.reason(name) for name in "abcd"} == {"PruneHeld"})
    await stage.until(lambda: all(stage.controller.states()[address(n)].held for n in "abcd"))
    assert [stage.content(name) for name in "abcd"] == [b"a\n", b"b\n", b"c\n", b"d\n"]
    assert "4 of 5 instances are declared no longer, and 3 may go" in stage.summary("a").message
    held = await stage.events("PruneHeld")
    assert len(held) == 4
    assert all(f"froyo approve {event.object} --reason" in event.message for event in held)
    await approve(stage, "a", "b")
    await stage.until(lambda: stage.content("a") is None and stage.content("b") is None)
    # That fewer are left does not let these go, nor does a restart.
    await stage.declare(*files("kept"))
    await stage.again()
    await stage.declare(*files("kept"))
    await stage.until(lambda: stage.reason("c") == stage.reason("d") == "PruneHeld")
    assert stage.content("c") == b"c\n"
    await stage.declare(*files("kept", "c", "d"))
    await stage.settled()
    assert stage.reason("c") in {"InSync", "Applied"}


@staged(settings=EngineSettings())
async def test_an_approval_holds_for_what_was_shown_and_for_nothing_else(stage):
    await stage.declare(*files("kept"), *files("old", deletion=Deletion.CONFIRM))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.until(lambda: bool(stage.controller.states()[address("old")].held))
    assert "deletion: confirm asks first" in stage.summary("old").message
    shown = stage.controller.states()[address("old")].held
    stage.spoil("old", b"somebody's work\n")
    await stage.until(lambda: stage.controller.states()[address("old")].held not in (shown, None))
    await stage.controller.approve(
        [Approval(address=address("old"), shown=shown, by="ada", reason="meant", at=0.0)]
    )
    await stage.until(lambda: not stage.controller._workers._rounds)
    assert stage.content("old") == b"somebody's work\n"
    await approve(stage, "old")
    await stage.until(lambda: stage.content("old") is None)
    await stage.settled()
    assert await stage.store.load_approvals() == {}


@staged
async def test_what_has_gone_in_a_round_that_was_cut_off_has_gone(stage):
    """It was to go for ever: nothing was known of it, and so it never came to be ready."""
    await stage.declare(*files("a", "b"))
    await stage.settled()
    machine = stage.machines["m0"]
    machine.powered = False
    machine.lose_sessions()
    await asyncio.sleep(5)
    machine.files.remove("/srv/a", VIM)
    await stage.declare(file("b", "other\n"))
    machine.weather.hangs_up = 1.0
    sessions = machine.sessions
    machine.powered = True
    await stage.until(lambda: machine.sessions > sessions + 1)
    machine.weather.clear()
    await stage.settled()
    assert [event.object for event in await stage.events("Removed")] == [address("a")]
    assert stage.controller.in_force.instances.keys() == {address("b")}


@staged
async def test_what_is_held_stays_held_when_most_of_it_is_back_before_a_round_has_come_to_say_so(stage):
    """Two revisions within a round: that the first waits for a person was nowhere, and the second one removed it."""
    names = [f"f{number}" for number in range(8)]
    await stage.declare(*files(*names, deletion=Deletion.DELETE))
    await stage.settled()
    machine = stage.machines["m0"]
    machine.weather.loses_reply = 1.0
    stage.spoil("f0")
    await asyncio.sleep(1)  # a round has begun, and waits for what it is told
    await stage.declare(*files(*names[:1], deletion=Deletion.DELETE))
    await stage.declare(*files(*names[:-1], deletion=Deletion.DELETE))
    machine.weather.clear()
    await stage.until(lambda: stage.reason("f7") == "PruneHeld")
    await asyncio.sleep(60)
    assert stage.content("f7") is not None


@staged
async def test_what_is_held_at_first_contact_is_replaced_when_a_person_approves(stage):
    stage.spoil("motd", b"theirs\n")
    await stage.declare(file("motd", "ours\n", adopt=Adopt.HOLD))
    await stage.until(lambda: stage.reason("motd") == "Held")
    [event] = await stage.events("Held")
    assert "froyo approve m0/File/motd" in event.message
    await approve(stage, "motd")
    await stage.settled()
    assert stage.content("motd") == b"ours\n"
    assert await stage.store.load_approvals() == {}


@staged
async def test_another_name_for_the_same_thing_is_moved_and_nothing_is_removed_or_created(stage):
    await stage.declare(*files("kept", "old"))
    await stage.settled()
    renamed = file("new", "old\n", spec={"path": "/srv/old"}, **DELETE)
    await stage.declare(*files("kept"), renamed)
    await stage.settled()
    (said,) = await stage.events("Moved")
    assert (said.object, said.message) == (
        address("new"),
        "was File/old; nothing is changed on the target",
    )
    assert await stage.events("Removed") == []
    assert len(await stage.events("Created")) == 2
    assert (await stage.store.load_inventory()).keys() == {address("kept"), address("new")}
    assert (await stage.store.load_states()).keys() == {address("kept"), address("new")}


@staged(machines=("m0", "m1"))
async def test_a_target_is_kept_until_what_is_to_go_on_it_has_gone(stage):
    shown = stage.desired(*files("kept"), *files("old", on="m1"))
    await stage.controller.submit(shown)
    await stage.settled()
    await stage.again()
    without = {"m0": shown.targets["m0"]}
    await stage.controller.submit(replace(stage.desired(*files("kept")), targets=without))
    await stage.until(lambda: stage.content("old", on="m1") is None)
    await stage.until(lambda: stage.controller.targets.keys() == {"m0"})
    await stage.settled()
    assert (await stage.store.load_states()).keys() == {address("kept")}


@staged(machines=("m0", "m1"))
async def test_the_budget_is_that_of_a_source_whichever_targets_it_is_on(stage):
    """Two on each of many targets are many."""
    a, b = SourceName("/srv/a"), SourceName("/srv/b")
    gone = [file(f"{name}{on}", "x\n", on=on, **DELETE) for name in "pq" for on in ("m0", "m1")]
    others = [file(name, "x\n", **DELETE) for name in ("r", "s")]
    await stage.controller.submit(replace(stage.desired(*files("kept"), *gone), source=a))
    await stage.controller.submit(replace(stage.desired(file("also", "x\n"), *others), source=b))
    await stage.settled()
    await stage.controller.submit(replace(stage.desired(*files("kept")), source=a))
    await stage.controller.submit(replace(stage.desired(file("also", "x\n")), source=b))
    # What another source drops is counted by itself, and goes.
    await stage.until(lambda: stage.content("r") is None and stage.content("s") is None)
    await stage.until(lambda: stage.reason("qm1", on="m1") == "PruneHeld")
    await asyncio.sleep(5)
    assert all(stage.content(f"{name}{on}", on=on) == b"x\n" for name in "pq" for on in ("m0", "m1"))
    assert "4 of 5 instances are declared no longer, and 3 may go" in stage.summary("pm0").message


@staged
async def test_what_was_there_before_and_is_purged_once_it_is_back_is_nobodys_drift(stage):
    """It was told as somebody's doing that it is there."""
    around = directory("d")
    around.instance.spec["purge"] = True
    stage.machines["m0"].files.nodes["/srv/d"] = Node("directory", 0o755)
    stage.spoil("d/f", b"before\n")
    await stage.declare(around, file("d/f", "x\n", **DELETE))
    await stage.settled()
    await stage.declare(around)
    await stage.until(lambda: stage.content("d/f") is None)
    await stage.settled()
    (gone,) = await stage.events("Removed")
    assert gone.message == "declared no longer, and what was there before is back: content"
    assert await stage.events("Repaired") == []


@staged
async def test_what_is_missed_once_another_manifest_let_go_of_it_is_nobodys_drift(stage):
    """It was told as somebody's doing that what the archive has there was not there."""
    content = json.dumps([["a", "of the archive\n", False]])
    around = archive("pack", {"content": content}, content)
    stage.machines["m0"].files.nodes["/srv/pack"] = Node("directory", 0o755)
    await stage.declare(around, file("pack/a", "of a file\n", **DELETE))
    await stage.settled()
    assert stage.content("pack/a") == b"of a file\n"
    await stage.declare(around)
    await stage.until(lambda: stage.content("pack/a") == b"of the archive\n")
    await stage.settled()
    assert await stage.events("Repaired") == []


@staged
async def test_what_is_made_of_something_that_was_changed_is_nobodys_drift(stage):
    """It was told as somebody's doing that another archive lay where one is unpacked from."""
    one, other = (json.dumps([["a", f"{word}\n", False]]) for word in ("one", "other"))
    unpacked = archive("pack", {"from": "/srv/lies"}, None)
    await stage.declare(file("lies", one), unpacked)
    await stage.settled()
    await stage.declare(file("lies", other), unpacked)
    await stage.until(lambda: stage.content("pack/a") == b"other\n")
    await stage.settled()
    assert await stage.events("Repaired") == []
    stage.spoil("pack/a", b"spoiled\n")
    await stage.settled()
    assert len(await stage.events("Repaired")) == 1


@staged(machines=("m0", "m1"))
async def test_the_budget_is_that_of_a_revision_whichever_targets_facts_come_first(stage):
    """It was counted target by target, as it came to be known what is declared on them."""
    gone = [file(f"{name}{on}", "x\n", on=on, **DELETE) for name in "pq" for on in ("m0", "m1")]
    await stage.declare(*files("kept"), *gone)
    await stage.settled()
    meant = stage.desired(*files("kept"))
    # Only of m0 it is known by now; of the other one what was declared is kept.
    await stage.controller.submit(
        replace(stage.desired(*files("kept")), revision=meant.revision, waiting=frozenset({"m1"}))
    )
    await stage.until(lambda: stage.content("pm0") is None and stage.content("qm0") is None)
    await asyncio.sleep(3)
    await stage.controller.submit(meant)
    await stage.until(lambda: stage.reason("qm1", on="m1") == "PruneHeld")
    await asyncio.sleep(5)
    assert all(stage.content(f"{name}m1", on="m1") == b"x\n" for name in "pq")
    assert "4 of 5 instances are declared no longer, and 3 may go" in stage.summary("pm1", on="m1").message
    await stage.declare(*files("kept", "new"))
    await stage.until(lambda: stage.content("new") is not None)
    assert stage.reason("pm1", on="m1") == "PruneHeld"


@staged
async def test_of_two_sources_that_claim_one_thing_the_one_that_has_it_keeps_it(stage):
    a, b = SourceName("/srv/a"), SourceName("/srv/b")
    await stage.controller.submit(replace(stage.desired(*files("one")), source=a))
    await stage.settled()
    claims = replace(stage.desired(*files("two"), file("else", "x\n", spec={"path": "/srv/one"})), source=b)
    with pytest.raises(ConfigError, match=r"\(/srv/one\) is declared by another source already"):
        await stage.controller.submit(claims)
    assert stage.controller.in_force.sources.keys() == {a}
    await stage.controller.submit(replace(stage.desired(*files("two")), source=b))
    await stage.settled()
    assert (stage.content("one"), stage.content("two")) == (b"one\n", b"two\n")
    # What one of them drops is its own.
    await stage.controller.submit(replace(stage.desired(), source=b))
    await stage.until(lambda: stage.content("two") is None)
    assert stage.content("one") == b"one\n"


@staged
async def test_doubt_about_a_source_holds_everything(stage):
    await stage.declare(*files("kept", "old"))
    await stage.settled()
    await stage.controller.submit(
        stage.desired(*files("kept")), doubt=Doubt("an earlier revision, r1, came back")
    )
    await stage.until(lambda: stage.reason("old") == "PruneHeld")
    await stage.declare(*files("kept"))
    await stage.until(lambda: not stage.controller._workers._rounds)
    assert stage.content("old") == b"old\n"


@staged
async def test_a_person_can_have_it_left_for_good(stage):
    await stage.declare(*files("kept"), *files("old", deletion=Deletion.CONFIRM))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.until(lambda: stage.reason("old") == "PruneHeld")
    await stage.controller.forget([address("old")])
    await stage.settled()
    assert stage.content("old") == b"old\n"
    assert (await stage.store.load_inventory()).keys() == {address("kept")}
    assert stage.controller.states().keys() == {address("kept")}


@staged
async def test_an_orphan_that_a_person_approves_is_removed(stage):
    await stage.declare(*files("kept"), file("old", "old\n"))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.settled()
    entry = (await stage.store.load_inventory())[address("old")]
    await stage.controller.approve(
        [Approval(address=address("old"), shown=entry.instance.digest, by="ada", reason="x", at=0.0)]
    )
    await stage.until(lambda: stage.content("old") is None)
    await stage.settled()
    assert (await stage.store.load_inventory()).keys() == {address("kept")}


@staged
async def test_what_a_person_has_approved_otherwise_is_no_approval_of_its_removal(stage):
    """It was put back to what it had been before, since the approval of its adoption was on record still."""
    stage.spoil("old", b"theirs\n")
    await stage.declare(*files("kept"), file("old", "old\n", adopt=Adopt.HOLD))
    await stage.until(lambda: stage.reason("old") == "Held")
    (shown,) = [one.held for one in stage.controller.states().values() if one.held is not None]
    await approve(stage, "old")
    await stage.settled()
    spent = Approval(address=address("old"), shown=shown, by="ada", reason="meant", at=0.0)
    await stage.store.write(Batch().approve([spent]))  # as if the controller had died before that was stored
    await stage.again()
    await stage.declare(*files("kept"), file("old", "old\n", adopt=Adopt.HOLD))
    await stage.settled()
    await stage.declare(*files("kept"))
    await stage.settled()
    assert stage.content("old") == b"old\n"
    assert [one.object for one in await stage.events("Orphaned")] == [address("old")]


@staged
async def test_what_was_there_before_something_that_holds_it_keeps_that_from_nothing(stage):
    """What is mounted on a directory that stays declared was left where it is."""
    kept, old = files("kept", "old")
    at = kept.instance.provides
    on_it = Declared(replace(old.instance, uses=at, contains=at), old.content)
    await stage.declare(kept, on_it)
    await stage.settled()
    await stage.declare(kept)
    await stage.until(lambda: stage.content("old") is None)


def test_what_is_only_in_the_way_makes_nothing_else_to_approve_of_it():
    """A directory that goes with what is in it is another one once that has gone: one approval is enough for both."""
    unit = PlanUnit(
        address=address("www"),
        action=Action.DELETE,
        cause=Cause.PRUNE,
        diffs=(),
        operation=Operation(address("www"), Action.DELETE),
        desired=Digest("sha256:d"),
        observed=Digest("sha256:empty"),
    )
    full = replace(unit, observed=Digest("sha256:full"), itself=Digest("sha256:empty"))
    assert shown(full) == shown(unit)
    assert shown(replace(full, itself=Digest("sha256:other"))) != shown(unit)
