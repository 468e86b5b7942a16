"""What policies deny is not done, what they want approved waits for that, and what they cannot decide is denied."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.engine.at_work import TargetsAtWork
from reconciler.model.decisions import PolicyDecision, PolicyFinding
from reconciler.model.names import Address
from reconciler.model.plan import Action
from reconciler.model.resource import Window
from reconciler.model.state import Approval
from tests.sim.manifests import target
from tests.unit.engine.stage import address, execution, file, staged


class Rules:
    """Policies that say what a test wants.

    Attributes:
        deny: of which changes, and why.
        ask: the same.
        warn: the same.
        most: how many changes at once may be planned.
        failed: why they cannot decide.
        asked: what they were asked, each time.
    """

    def __init__(self):
        self.deny, self.ask, self.warn = {}, {}, {}
        self.most = None
        self.failed = ""
        self.asked = []
        self.governs = True

    def govern(self, source, _target):
        return self.governs

    async def prepare(self, target):
        """Nothing has to be known."""

    async def decide(self, target, changes, at_work, *, binding):
        self.asked.append([change.unit.address for change in changes])
        said = [
            tuple(PolicyFinding(why, about) for about, why in rules.items())
            for rules in (self.deny, self.ask, self.warn)
        ]
        deny = said[0]
        if self.most is not None and len(changes) > self.most:
            deny = (*deny, PolicyFinding(f"{len(changes)} changes, and {self.most} are enough"))
        about = {change.unit.address for change in changes}
        said = [
            tuple(one for one in some if not one.about or one.about in about) for some in (deny, *said[1:])
        ]
        return (
            PolicyDecision(
                id="d1",
                place="rules",
                about=target.name,
                deny=said[0],
                ask=said[1],
                warn=said[2],
                failed=self.failed,
            ),
        )


async def approve(stage, name):
    held = stage.controller.states()[address(name)].held
    await stage.controller.approve(
        [Approval(address=address(name), shown=held, by="ada", reason="now", at=0.0)]
    )


@staged(policies=Rules)
async def test_what_is_denied_is_not_done_and_says_why(stage):
    stage.policies.deny = {address("motd"): "not on a friday"}
    await stage.declare(file("motd", "hello\n"), file("other", "x\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied" and stage.content("other") == b"x\n")
    assert stage.content("motd") is None
    assert "denied by policy: not on a friday" in stage.summary("motd").message
    await asyncio.sleep(200)
    assert stage.content("motd") is None
    [event] = await stage.events("PolicyDenied")
    assert event.data["decisions"] == ["d1"]
    assert event.type == "Warning"


@staged(policies=Rules)
async def test_it_is_decided_about_again_from_time_to_time(stage):
    stage.policies.deny = {address("motd"): "not yet"}
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied")
    stage.policies.deny = {}
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=35.0)
    await stage.settled()


@staged(policies=Rules)
async def test_when_policies_have_changed_it_is_decided_about_at_once(stage):
    stage.policies.deny = {address("motd"): "not yet"}
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied")
    stage.policies.deny = {}
    stage.controller.decide_again()
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=2.0)


@staged(policies=Rules)
async def test_what_depends_on_it_waits(stage):
    stage.policies.deny = {address("motd"): "no"}
    await stage.declare(file("motd", "hello\n"), file("later", "x\n", require=("File/motd",)))
    await stage.until(lambda: stage.reason("later") == "DependencyNotReady")
    assert stage.content("later") is None


@staged(policies=Rules)
async def test_drift_is_governed_too(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.policies.deny = {address("motd"): "leave it"}
    stage.spoil("motd")
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied")
    assert stage.content("motd") == b"spoiled\n"


@staged(policies=Rules)
async def test_and_so_is_what_is_declared_no_longer(stage):
    await stage.declare(file("motd", "hello\n", deletion="delete"), file("stays", "x\n"))
    await stage.settled()
    stage.policies.deny = {address("motd"): "nothing is removed here"}
    await stage.declare(file("stays", "x\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied")
    assert stage.content("motd") == b"hello\n"


@staged(policies=Rules)
async def test_and_a_refresh(stage):
    reload = Address("m0/Exec/reload")
    stage.policies.deny = {reload: "not now"}
    await stage.declare(execution("reload", "note", "reload"), file("motd", "one\n", notify=("Exec/reload",)))
    await stage.until(lambda: stage.reason("reload", kind="Exec") == "PolicyDenied")
    assert (stage.content("motd"), stage.ran()) == (b"one\n", [])
    stage.policies.deny = {}
    stage.controller.decide_again()
    await stage.until(lambda: stage.ran() == ["note reload"], within=40.0)


@staged(policies=Rules)
async def test_what_cannot_be_decided_is_denied(stage):
    stage.policies.failed = "it took longer than 10 s, and was stopped"
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied")
    assert "rules: it took longer than 10 s" in stage.summary("motd").message
    assert stage.content("motd") is None


@staged(policies=Rules)
async def test_what_waits_for_a_person_is_done_when_they_approve_just_that(stage):
    stage.policies.ask = {address("motd"): "ask ada"}
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyHeld")
    assert "a policy wants it approved: ask ada" in stage.summary("motd").message
    await approve(stage, "motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=2.0)
    await stage.settled()
    await stage.declare(file("motd", "hello again\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyHeld")
    assert stage.content("motd") == b"hello\n"


@staged(policies=Rules)
async def test_an_approval_does_not_lift_what_was_not_asked_for_when_it_was_given(stage):
    stage.policies.ask = {address("motd"): "ask ada"}
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyHeld")
    stage.policies.ask = {address("motd"): "ask the board"}
    await approve(stage, "motd")
    await asyncio.sleep(100)
    assert stage.content("motd") is None
    assert "ask the board" in stage.summary("motd").message


@staged(policies=Rules)
async def test_who_is_asked_is_told_that_no_window_is_open(stage):
    """One approval does for both: who gives it must not have a host go down by surprise."""
    stage.policies.ask = {address("motd"): "ask ada"}
    begins = datetime.fromtimestamp(stage.runtime.now(), UTC) + timedelta(hours=3)
    await stage.declare(
        file(
            "motd",
            "hello\n",
            windows=(Window((), f"{begins:%H:%M}", f"{begins + timedelta(hours=1):%H:%M}"),),
        )
    )
    await stage.until(lambda: stage.reason("motd") == "PolicyHeld")
    said = stage.summary("motd").message
    assert "a policy wants it approved: ask ada; outside of its `windows`" in said
    await approve(stage, "motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=2.0)


@staged(policies=Rules)
async def test_one_approval_does_for_what_waited_anyhow(stage):
    stage.policies.ask = {address("motd"): "ask ada"}
    stage.spoil("motd", b"theirs\n")
    await stage.declare(file("motd", "hello\n", adopt="hold"))
    await stage.until(lambda: stage.reason("motd") == "Held")
    assert "ask ada" in stage.summary("motd").message
    await approve(stage, "motd")
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=2.0)


@staged(policies=Rules)
async def test_too_much_at_once_does_not_come_to_pass_bit_by_bit(stage):
    stage.policies.most = 2
    await stage.declare(*(file(name, "x\n") for name in "abc"))
    await stage.until(lambda: {stage.reason(name) for name in "abc"} == {"PolicyDenied"})
    stage.spoil("a", b"theirs\n")  # a round of its own, about this one alone
    await asyncio.sleep(5)
    assert stage.content("a") == b"theirs\n"
    assert [len(asked) for asked in stage.policies.asked] == [3] * len(stage.policies.asked)


@staged(policies=Rules)
async def test_what_is_declared_otherwise_by_now_is_no_part_of_that(stage):
    stage.policies.most = 2
    await stage.declare(*(file(name, "x\n") for name in "abc"))
    await stage.until(lambda: {stage.reason(name) for name in "abc"} == {"PolicyDenied"})
    await stage.declare(file("a", "x\n"), file("b", "x\n"))
    await stage.until(lambda: stage.content("a") == stage.content("b") == b"x\n", within=40.0)


@staged(policies=Rules)
async def test_a_warning_goes_along_with_what_was_done(stage):
    stage.policies.warn = {address("motd"): "mind the gap"}
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    [event] = await stage.events("Created")
    assert "a policy warns: mind the gap" in event.message
    assert event.data["decisions"] == ["d1"]


@staged(policies=Rules)
async def test_a_plan_shows_what_was_decided_and_who_applies_it_is_told(stage):
    stage.policies.deny = {address("motd"): "no"}
    stage.policies.ask = {address("new"): "ask ada"}
    stage.policies.warn = {address("third"): "mind the gap"}
    shown = stage.desired(file("motd", "hello\n"), file("new", "new\n"), file("third", "3\n"))
    [plan] = await stage.once(shown).plan()
    held = {unit.address: (unit.held, unit.held_because) for unit in plan.units}
    assert held[address("motd")] == ("PolicyDenied", "denied by policy: no")
    assert held[address("new")] == ("PolicyHeld", "a policy wants it approved: ask ada")
    assert [unit.remark for unit in plan.units if unit.address == address("third")] == [
        "a policy warns: mind the gap"
    ]
    [decision] = plan.decisions
    assert decision.effect == "deny"
    (result,) = await stage.once(shown).apply()
    assert result.failed.keys() == {address("motd")}
    assert result.left.keys() == {address("new")}
    assert result.changed == [address("third")]


@staged(policies=Rules)
async def test_a_plan_shows_that_a_refresh_is_denied(stage):
    stage.policies.deny = {Address("m0/Exec/reload"): "not now"}
    shown = stage.desired(
        execution("reload", "note", "reload"), file("motd", "one\n", notify=("Exec/reload",))
    )
    [plan] = await stage.once(shown).plan()
    [refresh] = [unit for unit in plan.units if unit.action is Action.REFRESH]
    assert refresh.held == "PolicyDenied"


@staged(policies=Rules)
async def test_what_no_policy_governs_costs_no_question(stage):
    stage.policies.governs = False
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert stage.policies.asked == []


class Few(Rules):
    """At most one target at a time."""

    async def decide(self, target, changes, at_work, *, binding):
        self.deny = {change.unit.address: "others are at work" for change in changes} if at_work else {}
        self.most = None
        return await super().decide(target, changes, at_work, binding=binding)


@staged(policies=Few, machines=("m0", "m1", "m2"))
async def test_a_policy_sees_which_other_targets_are_at_work(stage):
    await stage.declare(*(file("motd", "hello\n", on=name) for name in stage.machines))
    await stage.until(lambda: {stage.content("motd", on=name) for name in stage.machines} == {b"hello\n"})
    await stage.settled(within=90.0)


@staged(policies=Few)
async def test_who_only_asks_takes_nobody_from_among_those_that_wait_for_others(stage):
    """It was not woken when the other one had ended, and went on half a minute later."""
    at_work = stage.controller._services.at_work
    at_work.begin(target("m9"), stage.now())
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PolicyDenied")
    at_work._at_work.clear()  # it is just ending
    [plan] = await stage.controller.plan()
    assert [one.held for one in plan.units] == [None]
    at_work.begin(target("m9"), stage.now())
    at_work.end(target("m9").name)
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=2.0)


@staged(policies=Few, machines=("m0", "m1", "m2"))
async def test_a_single_run_waits_for_its_turn(stage):
    shown = stage.desired(*(file("motd", "hello\n", on=name) for name in stage.machines))
    results = await stage.once(shown).apply()
    assert [list(result.failed) for result in results] == [[], [], []]
    assert {stage.content("motd", on=name) for name in stage.machines} == {b"hello\n"}


def test_who_waits_for_others_is_told_when_one_has_ended():
    woken = []
    at_work = TargetsAtWork()
    at_work.begin(target("m0"), 1.0)
    at_work.wait(address("motd", on="m1"))
    at_work.notify(woken.extend)
    assert [one.target.name for one in at_work.others("m1")] == ["m0"]
    at_work.end("m0")
    at_work.end("m0")
    assert woken == [address("motd", on="m1")]


@pytest.mark.parametrize("times", [0, 1])
def test_nobody_is_told_where_nobody_waits(times):
    at_work = TargetsAtWork()
    at_work.begin(target("m0"), 1.0)
    for _ in range(times):
        at_work.wait(address("motd"))
        at_work.settle(address("motd"))
    at_work.end("m0")
    assert at_work.others("") == []
