"""Who decides: a source's policies about what it declares, the operator's about everything, and nobody by accident."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.engine.rollouts.composing import compose
from reconciler.model.facts import Facts
from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.plan import Action, Cause, FieldDiff, Operation, PlanUnit
from reconciler.model.policy import Actor, AtWork, PlannedChange
from reconciler.model.rollout import RolloutTurn
from reconciler.model.target import SshTransport, Target
from reconciler.policy.admitting import NotAdmitted
from reconciler.policy.policing import OperatorPolicies, Policing
from reconciler.policy.questions import about_plan
from reconciler.runtime import Runtime, connect_nothing
from reconciler.telemetry.meter import Measures
from tests.sim.manifests import desired, instance, target
from tests.unit.policy.conftest import NOW, snapshot, written

KNOWN = Facts({"os": {"id": "debian"}})
RULES = (
    'package froyo.plan\ndeny contains $"{change.source} {input.actor.name}" if some change in input.changes'
)


def change(name, source="one", version=None):
    one = instance("m0", "File", name, {"path": f"/srv/{name}"})
    diffs = (
        (FieldDiff("version", *version),)
        if version
        else (FieldDiff("body", {"digest": "d", "text": "t"}, None),)
    )
    unit = PlanUnit(
        address=one.address,
        action=Action.UPDATE,
        cause=Cause.SPEC,
        diffs=diffs,
        operation=Operation(one.address, Action.UPDATE),
        desired=one.digest,
        observed=Digest("o"),
    )
    return PlannedChange(unit, one, SourceName(source))


@pytest.fixture
def noted():
    return []


@pytest.fixture
def meter():
    return Measures()


@pytest.fixture
def policing(shelf, noted, meter):
    async def offload(_lane, function):
        return function()

    return Policing(
        lambda: shelf,
        Runtime(connect=connect_nothing, now=lambda: NOW, offload=offload, meter=meter),
        facts=lambda name: KNOWN if name == "m0" else Facts(),
        capabilities={},
        actor=Actor("controller", "root"),
        note=lambda action, data: noted.append((action, data)),
    )


def decided(policing, *changes, on="m0", binding=True):
    return asyncio.run(policing.decide(target(on), changes, [], binding=binding))


def test_each_source_is_decided_about_by_its_own_and_all_by_the_operators(policing, noted, meter):
    one, two, there = SourceName("one"), SourceName("two"), TargetName("m0")
    assert not policing.govern(one, there)
    own = written(place="one", p=RULES)
    policing.own = lambda source, _target: [own] if source == "one" else []
    assert policing.govern(one, there)
    assert not policing.govern(two, there)
    policing.operator = OperatorPolicies(written(place="all", p='package froyo.plan\nwarn contains "seen"'))
    assert policing.govern(two, there)
    operators, mine = decided(policing, change("a"), change("b", "two"))
    assert (operators.place, operators.changes, operators.effect) == ("all", 2, "allow")
    assert (mine.place, mine.changes) == ("one", 1)
    assert [one.message for one in mine.deny] == ["one root"]
    assert [action for action, _ in noted] == ["policy.allow", "policy.deny"]
    assert noted[1][1] | {"object": "m0", "actor": "root", "id": mine.id} == noted[1][1]
    assert "input" not in noted[1][1]
    assert len(decided(policing, change("a"), binding=False)) == 2
    assert len(noted) == 2
    counted = {
        one.labels for family in meter.families() for one in family.samples if "policy" in family.metric.name
    }
    assert ("plan", "deny") in counted


def test_where_another_revision_is_still_in_force_its_policies_hold_beside_the_newest(policing):
    # A commit that took a rule away had what that rule denied done where the commit was not yet.
    before = written(place="before", p=RULES)
    newest = written(place="one", p='package froyo.plan\nwarn contains "seen"')
    base, declared = (
        replace(desired([target("m0"), target("m1")], [], [], revision, SourceName("one")), policies=own)
        for revision, own in (("r1", before), ("r2", newest))
    )
    turn = RolloutTurn(target=TargetName("m0"), wanted=Digest("w"), before=1, revision="r1")
    declared = compose(declared, {turn.target: turn}, {1: base})
    policing.follow({"one": declared}.get)
    assert [one.effect for one in decided(policing, change("a"))] == ["allow", "deny"]
    assert policing.own(SourceName("one"), TargetName("m1")) == (newest,)
    assert policing.own(SourceName("two"), TargetName("m0")) == ()
    alone = replace(declared, policies=None)
    assert policing.decides(alone)
    assert policing.govern(SourceName("one"), TargetName("m0"))
    assert not policing.govern(SourceName("one"), TargetName("m1"))


def test_what_is_known_of_nobody_is_denied(policing):
    policing.own = lambda _source, _target: [written(place="one", p=RULES)]
    [decision] = decided(policing, change("a"), on="m1")
    assert decision.failed == "what m1 is has not been asked yet, or it has not said"
    assert decision.id


def test_operators_policies_that_cannot_be_had_deny_and_admit_nothing(policing, noted):
    policing.operator = OperatorPolicies(trouble="there is no such directory", place="/rules")
    [decision] = decided(policing, change("a"))
    assert (decision.place, decision.effect) == ("/rules", "deny")
    shown, declared = snapshot({}), desired([target("m0")], [], [], "r1")
    with pytest.raises(NotAdmitted, match="the policies of /rules fail: they cannot be had"):
        asyncio.run(policing.admit(shown, declared))
    assert noted[-1][1]["stage"] == "admission"


def test_without_any_nothing_is_asked(policing, noted):
    declared = desired([target("m0")], [], [], "r1")
    assert asyncio.run(policing.admit(snapshot({}), declared)) is declared
    assert not policing.decides(declared)
    assert policing.admitting(lambda _: declared)(snapshot({})) is declared
    policing.follow({}.get)
    assert policing.own(SourceName("one"), TargetName("m0")) == ()
    asyncio.run(policing.prepare(TargetName("m0")))
    policing.close()
    assert noted == []


def test_an_admission_is_on_record(policing, noted):
    policing.operator = OperatorPolicies(
        written(place="all", p='package froyo.admission\nwarn contains "seen"')
    )
    declared = desired([target("m0")], [], [], "r1")
    found = asyncio.run(policing.admit(snapshot({}), declared))
    assert found.warnings == ("a policy warns: seen",)
    assert policing.admitting(lambda _: declared)(snapshot({})).warnings == found.warnings
    assert noted[-1][0] == "policy.allow"


def test_a_question_has_what_is_to_be_known():
    over = Target(TargetName("m0"), {"a": "b"}, SshTransport(host="h", user="u"), Digest("t"))
    asked = about_plan(
        over,
        [change("a"), change("b", version=("2.0", ">=1.0")), change("c", version=("1", "1.1"))],
        [AtWork(target("m2"), 0.0), AtWork(target("m1"), 0.0)],
        facts=KNOWN,
        capabilities={"linux.file": [{"call": "file.write"}], "other": []},
        actor=Actor("command", "ada"),
    )
    assert asked["target"] == {
        "name": "m0",
        "labels": {"a": "b"},
        "transport": "ssh",
        "host": "h",
        "port": 22,
        "user": "u",
    }
    first, second, third = asked["changes"]
    assert first["fields"] == [{"field": "body", "before": {"digest": "d"}, "after": None}]
    assert second["fields"][0]["downgrade"] is True
    assert third["fields"][0]["downgrade"] is False
    assert [one["name"] for one in asked["at_work"]] == ["m1", "m2"]
    assert asked["providers"] == {"linux.file": {"capabilities": [{"call": "file.write"}]}}
    assert asked["actor"] == {"kind": "command", "name": "ada"}
