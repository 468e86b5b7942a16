"""What `froyo plan` and `froyo apply` do: one look at every target, without a loop."""

import asyncio

import pytest

from reconciler.engine.round.progress import Progress
from reconciler.errors import ErrorClass, ProviderError, StoreError, UsageError
from reconciler.model.plan import Action
from reconciler.plugins.calls import Phase
from reconciler.targets.session import Session
from tests.unit.engine.stage import address, file, staged


def units(plans):
    return {unit.address: unit for plan in plans for unit in plan.units}


@staged
async def test_a_plan_says_what_would_be_done_and_changes_nothing(stage):
    stage.spoil("motd")
    shown = stage.desired(file("motd", "hello\n"), file("new", "new\n"))
    before, writes = dict(stage.machines["m0"].files.nodes), stage.writes
    planned = units(await stage.once(shown).plan())
    assert planned[address("motd")].action is Action.UPDATE
    assert planned[address("new")].action is Action.CREATE
    assert stage.machines["m0"].files.nodes == before
    assert stage.writes == writes
    assert stage.machines["m0"].runners == []


@staged
async def test_an_apply_makes_it_so_and_a_second_one_finds_nothing_to_do(stage):
    shown = stage.desired(file("second", "2\n", require=("File/first",)), file("first", "1\n"))
    (result,) = await stage.once(shown).apply()
    assert sorted(result.changed) == [address("first"), address("second")]
    assert stage.content("second") == b"2\n"
    (result,) = await stage.once(shown).apply()
    assert result.changed == []
    assert result.failed == {}


@staged
async def test_what_waited_before_and_fails_now_has_failed_and_is_not_left_alone(stage):
    """Its dependency turned ready, it was woken, and its failure was called somebody's decision: exit status 0."""
    broken = "dep"

    def refuse(phase, request):
        if phase is Phase.APPLY and any(o["address"] == address(broken) for o in request["operations"]):
            raise ProviderError("says no", error_class=ErrorClass.PERMANENT)

    stage.host.instead = refuse
    shown = stage.desired(file("dep", "a\n"), file("late", "b\n", require=("File/dep",)))
    (result,) = await stage.once(shown).apply()
    assert result.failed.keys() == {address("dep"), address("late")}
    broken = "late"
    (result,) = await stage.once(shown, known=result.lane.states).apply()
    assert result.changed == [address("dep")]
    assert result.failed.keys() == {address("late")}
    assert result.left == {}


@staged
async def test_a_saved_plan_is_refused_where_the_target_has_moved_since(stage):
    stage.spoil("moved", b"before\n")
    stage.spoil("still", b"before\n")
    shown = stage.desired(file("moved", "after\n"), file("still", "after\n"))
    once = stage.once(shown)
    saved = units(await once.plan())
    stage.spoil("moved", b"somebody's\n")
    (result,) = await once.apply(only=saved)
    assert stage.content("moved") == b"somebody's\n"
    assert stage.content("still") == b"after\n"
    assert "plan again" in result.failed[address("moved")].message
    assert result.changed == [address("still")]


@staged
async def test_a_saved_plan_is_refused_where_what_is_declared_has_changed_since(stage):
    stage.spoil("motd", b"before\n")
    saved = units(await stage.once(stage.desired(file("motd", "after\n"))).plan())
    later = stage.once(stage.desired(file("motd", "something else\n")))
    (result,) = await later.apply(only=saved)
    assert stage.content("motd") == b"before\n"
    assert "declared has changed" in result.failed[address("motd")].message


@staged
async def test_what_is_not_in_a_saved_plan_is_left_alone(stage):
    saved = units(await stage.once(stage.desired(file("motd", "hello\n"))).plan())
    both = stage.once(stage.desired(file("motd", "hello\n"), file("new", "new\n")))
    await both.apply(only=saved)
    assert stage.content("motd") == b"hello\n"
    assert stage.content("new") is None


@staged(machines=("m0", "m1"))
async def test_a_target_that_cannot_be_reached_says_so_and_the_others_are_done(stage):
    stage.machines["m1"].powered = False
    shown = stage.desired(file("motd", "hello\n"), file("motd", "hello\n", on="m1"))
    here, there = await stage.once(shown).apply()
    assert here.changed == [address("motd")]
    assert there.changed == []
    assert "refused" in there.error


@staged(machines=("m0", "m1", "m2", "m3"))
async def test_whatever_goes_wrong_about_one_target_is_that_targets_error(stage):
    real = Session.open
    faults = {"m1": ValueError("Certificate key mismatch"), "m2": UsageError("says no")}

    async def faulty(target, **given):
        if target.name in faults:
            raise faults[target.name]
        return await real(target, **given)

    shown = stage.desired(*(file("motd", "hello\n", on=name) for name in ("m0", "m1", "m2", "m3")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "open", faulty)
        results = await stage.once(shown).apply()
    defect = "a defect of froyo: ValueError: Certificate key mismatch"
    assert [result.error for result in results] == ["", defect, "says no", ""]
    assert [len(result.changed) for result in results] == [1, 0, 0, 1]


@staged(machines=("m0", "m1"))
async def test_without_a_store_the_run_ends_for_all_targets_and_none_is_left_at_work(stage):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def faulty(target, **_):
        if target.name == "m1":
            await begun.wait()
            raise StoreError("no space left")
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    shown = stage.desired(file("motd", "hello\n"), file("motd", "hello\n", on="m1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "open", faulty)
        with pytest.raises(StoreError, match="no space left"):
            await stage.once(shown).apply()
    assert ended.is_set()


@staged
async def test_what_is_only_observed_is_left_and_is_no_failure(stage):
    stage.spoil("motd")
    (result,) = await stage.once(stage.desired(file("motd", "hello\n", policy="observe"))).apply()
    assert result.failed == {}
    assert list(result.left) == [address("motd")]
    assert stage.content("motd") == b"spoiled\n"


@staged
async def test_a_plan_that_cannot_be_made_says_what_to_do_about_it(stage):
    denied = {
        "class": "permanent",
        "message": "file.stat: /srv/motd: permission denied",
        "call": "file.stat",
        "code": "eacces",
    }
    stage.host.instead = lambda phase, _request: (
        {"operations": [{"address": address("motd"), "fault": denied}]} if phase is Phase.PLAN else None
    )
    (plan,) = await stage.once(stage.desired(file("motd", "hello\n"))).plan()
    assert plan.errors[address("motd")].startswith("/srv/motd: permission denied; not even root may")


class Seen(Progress):
    def __init__(self):
        self.steps, self.concluded = [], []

    def step(self, target, step, instances):
        self.steps.append((target, step, sorted(instances)))

    def ended(self, address):
        self.concluded.append(address)


@staged
async def test_who_looks_on_is_told_which_instances_are_under_way_and_which_no_longer(stage):
    shown = stage.desired(file("second", "2\n", require=("File/first",)), file("first", "1\n"))
    first, second = address("first"), address("second")
    seen = Seen()
    await stage.once(shown, seen).plan()
    assert [step for _, step, _ in seen.steps] == ["connecting", "reading", "done"]
    assert seen.steps[-1] == ("m0", "done", [first, second])
    seen = Seen()
    await stage.once(shown, seen).apply()
    assert seen.steps == [
        ("m0", "connecting", [first, second]),
        ("m0", "reading", [first]),
        ("m0", "applying", [first]),
        ("m0", "verifying", [first]),
        ("m0", "reading", [second]),
        ("m0", "applying", [second]),
        ("m0", "verifying", [second]),
        ("m0", "done", [first, second]),
    ]
    assert seen.concluded == [first, second]


@staged
async def test_a_session_that_nothing_was_asked_over_ends_without_spinning(stage):
    """Until the runner had ended, the controller took all of a processor; without an answer that is 35 seconds."""
    (plan,) = await stage.once(stage.desired()).plan()
    assert plan.units == ()


@pytest.mark.parametrize(("times", "failed"), [(3, False), (1000, True)], ids=["for a while", "for too long"])
def test_what_is_told_to_wait_is_waited_for_but_not_for_ever(times, failed, tmp_path):
    """As where somebody else holds the lock of the package manager: whoever applies wants it done once."""

    @staged
    async def played(stage):
        told = []

        def busy(phase, _request):
            if phase is Phase.APPLY and len(told) < times:
                told.append(stage.loop.time())
                raise ProviderError("it is at work", error_class=ErrorClass.THROTTLED, retry_after=2.0)

        stage.host.instead = busy
        begun = stage.loop.time()
        (result,) = await stage.once(stage.desired(file("motd", "hello\n"))).apply()
        assert bool(result.failed) is failed
        assert (stage.content("motd") is None) is failed
        assert (stage.loop.time() - begun < 30.0) is not failed
        assert stage.loop.time() - begun < 130.0

    played(tmp_path)
