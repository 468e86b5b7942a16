"""How a rollout goes on, fails, and is steered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import rollout as core
from reconciler.core import rollout_control as control
from reconciler.core.rollout_turns import unready
from reconciler.model.names import Digest, SourceName, TargetName
from reconciler.model.rollout import (
    OnFailure,
    OnUnreachable,
    Portion,
    Rollout,
    RolloutName,
    RolloutPhase,
    RolloutTurn,
    RolloutWave,
    Sight,
    TargetSeen,
)
from reconciler.model.selector import Selector
from reconciler.model.target_lock import TargetLock

READY, COMING, HELD = (
    Sight(TargetSeen.READY),
    Sight(TargetSeen.COMING, "File/motd: Pending"),
    Sight(TargetSeen.HELD, "a window"),
)
ALONE = Sight(TargetSeen.SUSPENDED, "File/motd: Suspended")
AWAY, BAD = Sight(TargetSeen.UNREACHABLE, "no route"), Sight(TargetSeen.FAILED, "HttpProbe/site: Unhealthy")


def rollout(*sizes, **words) -> Rollout:
    waves = tuple(one if isinstance(one, RolloutWave) else RolloutWave(size=Portion(one)) for one in sizes)
    return Rollout(name=RolloutName("web"), selector=Selector(), waves=waves, **words)


def names(*numbers) -> list[TargetName]:
    return [TargetName(f"w{number}") for number in numbers]


class Story:
    """A rollout, and its targets as they are told to be."""

    def __init__(self, one: Rollout, targets: int = 4, **words) -> None:
        self.rollout, self.now, self.sights = one, 0.0, {}
        turns = [
            RolloutTurn(target=name, wanted=Digest("new"), before=7, revision="r1")
            for name in names(*range(1, targets + 1))
        ]
        self.record = core.begin(
            one, turns, source=SourceName("site"), revision="r2", digest=Digest("sha256:r2"), now=0.0, **words
        )

    def at(self, now=None, unwell="", settle=0.0, locks=(), away=(), **seen) -> list[str]:
        """Look once more; the targets that have had their turn."""
        self.now = self.now if now is None else now
        self.sights |= {TargetName(name): sight for name, sight in seen.items()}
        # What it comes to: whoever has had a turn just now is looked at, too.
        before = None
        while before != self.record:
            before = self.record
            self.record = core.advance(
                self.rollout,
                self.record,
                self.sights,
                now=self.now,
                settle=settle,
                unwell=unwell,
                locks=locks,
                away=away,
            )
        return self.have

    @property
    def have(self) -> list[str]:
        return sorted(turn.target for turn in self.record.turns.values() if turn.begun is not None)

    @property
    def phase(self) -> RolloutPhase:
        return self.record.phase

    def wake(self, settle=0.0) -> float | None:
        return core.wake(self.rollout, self.record, settle=settle)


def test_the_next_wave_has_its_turn_once_the_one_before_is_ready():
    story = Story(rollout(1, 2))
    assert (story.record.waves, story.at()) == (3, ["w1"])
    assert story.at(w1=COMING) == ["w1"]
    assert story.record.message == "wave 1 of 3: waits for w1"
    assert story.at(w1=READY) == ["w1", "w2", "w3"]
    assert story.at(w2=READY) == ["w1", "w2", "w3"]
    assert story.at(w3=READY) == ["w1", "w2", "w3", "w4"]
    story.at(w4=READY)
    assert (story.phase, story.record.message) == (RolloutPhase.COMPLETE, "4 targets have r2")
    # What was before need not be kept any more.
    assert {turn.before for turn in story.record.turns.values()} == {None}
    assert story.wake() is None
    assert story.at(w4=BAD) == ["w1", "w2", "w3", "w4"]


def test_what_changes_no_target_is_complete_at_once():
    story = Story(rollout(1), targets=0)
    assert (story.phase, story.record.message) == (RolloutPhase.COMPLETE, "it changes no target")


def test_a_wave_has_to_hold_without_interruption():
    story = Story(rollout(1, soak=10.0))
    story.at(w1=READY)
    assert (story.phase, story.wake()) == (RolloutPhase.SOAKING, 10.0)
    story.at(now=9.0, w1=COMING)
    assert story.phase is RolloutPhase.PROGRESSING
    story.at(now=9.5, w1=READY)
    assert story.at(now=19.4) == ["w1"]
    assert story.at(now=19.5) == ["w1", "w2"]


def test_it_holds_for_as_long_as_it_takes_to_ask_what_is_probed():
    story = Story(rollout(1))
    story.at(w1=READY, settle=30.0)
    assert (story.phase, story.wake(settle=30.0)) == (RolloutPhase.SOAKING, 30.0)
    assert story.record.message == "wave 1 of 4: has to hold for 30 s, until its probes have been asked anew"
    assert story.at(now=30.0, settle=30.0) == ["w1", "w2"]


def test_between_two_waves_there_is_a_pause():
    story = Story(rollout(RolloutWave(size=Portion(3), pause=90.0), soak=1.0))
    story.at(w1=READY, w2=READY, w3=READY)
    story.at(now=1.0)
    assert (story.phase, story.wake()) == (RolloutPhase.PAUSING, 1.0)
    assert story.record.message == "wave 1 of 2 has held; the next one begins after a pause of 1 min 30 s"
    assert story.at(now=90.9) == ["w1", "w2", "w3"]
    assert story.at(now=91.0) == ["w1", "w2", "w3", "w4"]


def test_or_it_waits_for_a_person():
    story = Story(rollout(RolloutWave(size=Portion(2), until_promoted=True)))
    story.at(w1=READY, w2=READY)
    assert story.phase is RolloutPhase.AWAITING_PROMOTION
    assert story.at(now=1e9) == ["w1", "w2"]
    story.record = control.promote(story.record)
    assert story.at() == ["w1", "w2", "w3", "w4"]
    # Of the last one nothing is to be promoted.
    story.at(w3=READY, w4=READY)
    assert story.phase is RolloutPhase.COMPLETE


def test_promotion_ends_a_soak_and_holds_for_one_wave_only():
    story = Story(rollout(1, soak=10.0))
    story.at(w1=READY)
    story.record = control.promote(story.record)
    assert story.at() == ["w1", "w2"]
    story.at(w2=READY)
    assert story.phase is RolloutPhase.SOAKING


def test_what_is_promoted_in_full_waits_for_nothing_but_that_targets_are_ready():
    story = Story(rollout(RolloutWave(size=Portion(1), until_promoted=True), soak=10.0))
    story.at()
    story.record = control.promote(story.record, full=True)
    assert story.at() == ["w1"]
    assert story.at(w1=READY) == ["w1", "w2"]
    assert story.at(w2=READY) == ["w1", "w2", "w3"]


def test_no_more_are_unavailable_than_may_be():
    story = Story(rollout(4, max_unavailable=Portion(2)))
    assert story.at() == ["w1", "w2"]
    assert story.at(w1=READY) == ["w1", "w2", "w3"]
    # One that was ready, and is not any more, counts.
    assert story.at(w1=COMING, w2=READY) == ["w1", "w2", "w3"]
    assert story.at(w3=READY, w1=READY) == ["w1", "w2", "w3", "w4"]


def test_nor_where_one_of_a_wave_before_is_not_ready_any_more():
    story = Story(rollout(1, 3, max_unavailable=Portion(1)))
    story.at(w1=READY, w2=READY)
    assert story.at(w1=COMING) == ["w1", "w2", "w3"]
    assert story.at(w3=READY) == ["w1", "w2", "w3"]
    assert story.record.message == "wave 2 of 2: w4 wait, since as many are disrupted as may be"


def test_a_lock_holds_for_those_that_it_is_about_whatever_disrupts_them():
    lock = TargetLock(
        name="db", selector=Selector(), targets=frozenset(names(1, 2, 9)), at_once=Portion(percent=10)
    )
    story = Story(rollout(4))
    # Another one of them is rebooted just now, and who is not among them does not wait for that.
    assert story.at(locks=[lock], away=names(9)) == ["w3", "w4"]
    assert story.at(locks=[lock], away=[], w3=READY, w4=READY) == ["w1", "w3", "w4"]
    assert story.at(locks=[lock], w1=COMING) == ["w1", "w3", "w4"]
    assert story.at(locks=[lock], w1=READY) == ["w1", "w2", "w3", "w4"]
    assert unready(story.record) == {"w2"}
    # Who is disrupted already is no worse for its turn.
    assert Story(rollout(4)).at(locks=[lock], away=names(1)) == ["w1", "w3", "w4"]


def test_one_failure_stops_it():
    story = Story(rollout(1, 3))
    story.at(w1=BAD)
    assert story.phase is RolloutPhase.STOPPED
    assert story.record.message == (
        "w1 failed: HttpProbe/site: Unhealthy; 1 of 4 keep r2, and 3 do not get it"
    )
    assert story.at(now=1e9, w1=READY) == ["w1"]


def test_or_has_what_has_it_go_back():
    story = Story(rollout(1, 3, on_failure=OnFailure.ROLLBACK))
    story.at(w1=BAD)
    assert (story.phase, story.have) == (RolloutPhase.ROLLED_BACK, [])
    assert {turn.before for turn in story.record.turns.values()} == {7}
    assert story.record.message.endswith("; no target has r2")


def test_so_many_may_fail_and_are_not_waited_for():
    story = Story(rollout(2, max_failures=Portion(percent=25)))
    story.at(w1=BAD)
    assert story.at(w2=READY) == ["w1", "w2", "w3", "w4"]
    story.at(w3=READY, w4=READY)
    assert (story.phase, story.record.message) == (
        RolloutPhase.COMPLETE,
        "4 targets have r2, of which w1 failed",
    )


def test_what_may_fail_counts_once_the_revision_has_come_to_work_anywhere():
    # As many as may fail: all of the canaries, and still nobody else gets it.
    story = Story(rollout(1, max_failures=Portion(1), on_failure=OnFailure.ROLLBACK))
    story.at(w1=BAD)
    assert (story.phase, story.have) == (RolloutPhase.ROLLED_BACK, [])
    assert (
        "w1 failed: HttpProbe/site: Unhealthy, and no target has shown that it works; "
        in story.record.message
    )
    story = Story(rollout(1, max_failures=Portion(1)))
    story.at(w1=READY, w2=BAD)
    assert story.at(w3=READY, w4=READY) == ["w1", "w2", "w3", "w4"]
    assert story.phase is RolloutPhase.COMPLETE


def test_a_canary_that_is_left_alone_shows_nothing():
    story = Story(rollout(1, 3))
    assert story.at(w1=ALONE) == ["w1"]
    assert (story.phase, story.wake()) == (RolloutPhase.AWAITING_PROMOTION, None)
    assert (
        "what it changes on w1 is suspended, and so shows nothing; resume that, or: froyo"
        in story.record.message
    )
    assert story.at(now=1e9) == ["w1"]
    # Once it has been resumed it is as any other.
    assert story.at(w1=COMING) == ["w1"]
    assert story.at(w1=READY) == ["w1", "w2", "w3", "w4"]
    # Where the revision works elsewhere, nobody waits for it.
    story.at(w2=READY, w3=ALONE, w4=READY)
    assert story.phase is RolloutPhase.COMPLETE


def test_unless_a_person_says_so():
    story = Story(rollout(1, 3))
    story.at(w1=ALONE)
    story.record = control.promote(story.record)
    assert story.at() == ["w1", "w2", "w3", "w4"]


def test_what_has_failed_and_is_ready_has_not_failed():
    story = Story(rollout(2, 1, max_failures=Portion(1)))
    story.at(w1=BAD)
    story.at(w1=READY)
    story.at(w2=BAD)
    assert story.phase is RolloutPhase.PROGRESSING
    story.at(w3=BAD)
    assert story.phase is RolloutPhase.STOPPED


def test_where_those_that_failed_are_as_many_as_may_be_unavailable_nothing_goes_on():
    story = Story(rollout(4, max_failures=Portion(3), max_unavailable=Portion(1)))
    story.at(w1=BAD)
    assert story.phase is RolloutPhase.STOPPED
    assert story.record.message.startswith("no more than 1 may be unavailable, and w1 failed; ")


def test_a_target_that_is_not_ready_in_time_has_failed():
    story = Story(rollout(1, deadline=60.0))
    story.at()
    assert story.at(w1=COMING) == ["w1"]
    assert story.wake() == 60.0
    story.at(now=59.0)
    assert story.phase is RolloutPhase.PROGRESSING
    story.at(now=60.0)
    assert story.record.message.startswith("w1 failed: not ready within 1 min: File/motd: Pending; ")


def test_its_time_is_not_renewed_by_being_ready_now_and_then():
    story = Story(rollout(1, deadline=60.0, soak=30.0))
    story.at()
    for now in range(0, 60, 10):
        story.at(now=float(now), w1=READY if now % 20 else COMING)
    story.at(now=60.0, w1=COMING)
    assert story.phase is RolloutPhase.STOPPED


def test_one_whose_wave_has_held_has_its_time_from_when_it_was_ready_last():
    story = Story(rollout(RolloutWave(size=Portion(1), until_promoted=True), deadline=60.0))
    story.at(w1=READY)
    story.at(now=100.0, w1=COMING)
    story.at(now=159.0)
    assert story.phase is RolloutPhase.PROGRESSING
    story.at(now=160.0)
    assert story.phase is RolloutPhase.STOPPED


@pytest.mark.parametrize("sight", [HELD, AWAY], ids=["held", "unreachable"])
def test_what_others_decide_about_is_waited_for(sight):
    story = Story(rollout(1, deadline=60.0, unreachable=OnUnreachable.WAIT))
    story.at(w1=sight)
    story.at(now=1000.0)
    assert story.phase is RolloutPhase.PROGRESSING
    # And then it has all of its time.
    story.at(now=1001.0, w1=COMING)
    story.at(now=1060.0)
    assert story.phase is RolloutPhase.PROGRESSING
    story.at(now=1061.0)
    assert story.phase is RolloutPhase.STOPPED


def test_one_that_cannot_be_reached_fails_where_nobody_waits_for_it():
    story = Story(rollout(1, deadline=60.0))
    story.at(w1=AWAY)
    story.at(now=60.0)
    assert story.record.message.startswith("w1 failed: not ready within 1 min: no route; ")


def test_a_probe_that_is_named_has_to_be_ready_too():
    story = Story(rollout(1, deadline=65.0))
    story.at(w1=READY, unwell="lb/HttpProbe/site")
    assert (story.phase, story.wake()) == (RolloutPhase.PROGRESSING, 65.0)
    assert story.record.message == "wave 1 of 4: waits for lb/HttpProbe/site"
    story.at(now=64.0, unwell="lb/HttpProbe/site")
    assert story.phase is RolloutPhase.PROGRESSING
    story.at(now=65.0, unwell="lb/HttpProbe/site")
    assert story.record.message.startswith("lb/HttpProbe/site is not ready within 1 min 5 s; ")


def test_one_that_is_paused_gives_nobody_a_turn():
    story = Story(rollout(2, 2), paused="alice")
    assert story.at() == []
    assert story.record.message == "wave 1 of 2: w1, w2 wait, since it is paused by alice"
    story.record = control.resume(story.record, 0.0)
    assert story.at(w1=READY) == ["w1", "w2"]
    story.record = control.pause(story.record, "bob")
    assert story.at(w2=READY) == ["w1", "w2"]
    assert (story.phase, story.record.message) == (
        RolloutPhase.PAUSING,
        "wave 1 of 2 has held; paused by bob",
    )
    story.record = control.promote(story.record)
    assert story.at() == ["w1", "w2", "w3", "w4"]


def test_that_it_is_paused_is_said_before_it_holds_anything_back():
    # Who had paused one that soaked saw that it soaked, and nothing else.
    story = Story(rollout(1, 1, soak=30.0))
    story.at(w1=COMING)
    story.record = control.pause(story.record, "alice")
    story.at(w1=COMING)
    assert story.record.message == "wave 1 of 4: waits for w1; paused by alice"
    story.at(w1=READY)
    assert story.record.message == "wave 1 of 4: has to hold for 30 s; paused by alice"
    story.at(unwell="lb/HttpProbe/site")
    assert story.record.message == "wave 1 of 4: waits for lb/HttpProbe/site; paused by alice"


def test_a_failure_is_seen_while_it_is_paused():
    story = Story(rollout(1))
    story.at()
    story.record = control.pause(story.record, "alice")
    story.at(w1=BAD)
    assert story.phase is RolloutPhase.STOPPED


def test_what_was_stopped_can_go_on_where_it_was():
    story = Story(rollout(1, deadline=60.0))
    story.at(w1=READY)
    story.at(w2=BAD)
    assert (story.phase, story.have) == (RolloutPhase.STOPPED, ["w1", "w2"])
    story.record = control.resume(story.record, 100.0)
    assert story.at(now=100.0, w2=COMING) == ["w1", "w2"]
    story.at(now=159.0)
    assert story.phase is RolloutPhase.PROGRESSING
    assert story.at(w2=READY) == ["w1", "w2", "w3"]


def test_what_was_rolled_back_begins_anew():
    story = Story(rollout(1, on_failure=OnFailure.ROLLBACK))
    story.at(w1=READY)
    story.at(w2=BAD)
    assert story.have == []
    story.record = control.resume(story.record, 5.0)
    assert story.at(now=5.0, w2=COMING, w1=COMING) == ["w1"]


@pytest.mark.parametrize(
    ("one", "have"),
    [(rollout(2), ["w1", "w2"]), (rollout(2, on_failure=OnFailure.ROLLBACK), []), (None, ["w1", "w2"])],
    ids=["stop", "rollback", "not declared any more"],
)
def test_a_person_can_end_it(one, have):
    story = Story(one or rollout(2))
    story.at()
    story.record = control.abort(one, story.record, "alice")
    assert (story.phase, story.have) == (RolloutPhase.ABORTED, have)
    assert story.record.message.startswith("by alice; ")
    assert story.at(w1=READY, w2=READY) == have


def test_a_target_of_which_nothing_is_known_is_waited_for():
    story = Story(rollout(4, deadline=10.0))
    story.at()
    assert story.at(now=9.0) == ["w1", "w2", "w3", "w4"]
    story.at(now=10.0)
    assert "nothing is known of it yet" in story.record.message


def test_where_nobody_has_looked_for_a_while_all_have_their_time_anew():
    story = Story(rollout(RolloutWave(size=Portion(1), pause=50.0), 3, deadline=60.0, soak=10.0))
    story.at(w1=COMING)
    story.record = control.renewed(story.record, 1000.0)
    story.at(now=1059.0)
    assert story.phase is RolloutPhase.PROGRESSING
    # What was not seen to hold has to; of a pause the time goes on.
    story.at(now=1059.0, w1=READY)
    assert story.phase is RolloutPhase.SOAKING
    story.record = control.renewed(story.record, 1100.0)
    story.at(now=1100.0)
    assert story.wake() == 1110.0
    story.at(now=1110.0)
    assert story.phase is RolloutPhase.PAUSING
    story.record = control.renewed(story.record, 1150.0)
    assert story.at(now=1160.0) == ["w1", "w2", "w3", "w4"]
    story.at(now=1160.0, w2=READY, w3=READY, w4=READY)
    story.at(now=1170.0)
    assert story.phase is RolloutPhase.COMPLETE
    assert control.renewed(story.record, 2000.0) is story.record


SIGHTS = st.sampled_from([READY, READY, READY, COMING, HELD, ALONE, AWAY, BAD])


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.integers(1, 4),
    st.integers(0, 3),
    st.sampled_from(OnFailure),
    st.lists(st.tuples(st.integers(1, 8), SIGHTS, st.floats(0, 20)), max_size=60),
)
def test_nobody_has_a_turn_out_of_turn_whatever_happens(sizes, most, failures, on_failure, steps):
    one = rollout(
        *sizes,
        max_unavailable=Portion(most),
        max_failures=Portion(failures),
        on_failure=on_failure,
        deadline=60.0,
        soak=3.0,
    )
    story = Story(one, targets=8)
    for number, sight, pause in steps:
        before = set(story.have)
        story.at(now=story.now + pause, **{f"w{number}": sight})
        turns = story.record.turns
        new = set(story.have) - before
        away = [t for t in turns.values() if t.begun is not None and not t.seen.well]
        assert not new or len(away) <= most
        assert all(turns[TargetName(name)].wave <= story.record.wave for name in story.have)
        if new:
            earlier = [t for t in turns.values() if t.wave < story.record.wave]
            assert all(t.done for t in earlier)
            # Nobody after the first wave has what was seen to work nowhere.
            assert not earlier or any(
                t.seen is TargetSeen.READY for t in turns.values() if t.begun is not None
            )
        if story.phase is RolloutPhase.ROLLED_BACK:
            assert not story.have
