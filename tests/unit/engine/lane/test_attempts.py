"""What has led to nothing, and when it is worth another try."""

import pytest

from reconciler.engine.lane.attempts import Attempts
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Action, Cause, Operation, PlanUnit

A = Address("m0/File/a")


def unit(*, desired: str = "d", observed: str = "o", address: Address = A) -> PlanUnit:
    return PlanUnit(
        address=address,
        action=Action.UPDATE,
        cause=Cause.DRIFT,
        diffs=(),
        operation=Operation(address, Action.UPDATE),
        desired=Digest(desired),
        observed=Digest(observed),
    )


def stalled(failures: int = 1) -> Attempts:
    attempts = Attempts()
    attempts.stall(unit(), begun=10.0, failures=failures, pause_until=20.0, until=100.0)
    return attempts


@pytest.mark.parametrize(
    ("again", "touched", "now", "at"),
    [
        pytest.param(unit(), None, 11.0, 100.0, id="nobody touched it"),
        pytest.param(unit(), 9.0, 11.0, 100.0, id="touched before"),
        pytest.param(unit(), 11.0, 12.0, 20.0, id="touched since, and it has just been tried"),
        pytest.param(unit(), 11.0, 21.0, 21.0, id="touched since, after the pause"),
        pytest.param(unit(), None, 100.0, 100.0, id="its time has come"),
        pytest.param(unit(desired="e"), None, 11.0, 11.0, id="declared otherwise"),
        pytest.param(unit(observed="p"), None, 11.0, 11.0, id="something else is there"),
        pytest.param(unit(address=Address("m0/File/b")), None, 11.0, 11.0, id="another one"),
    ],
)
def test_what_failed_for_good_is_tried_again_when_there_is_a_reason(again, touched, now, at):
    assert stalled().again_at(again, touched=touched, now=now) == at


def test_the_same_is_counted_and_something_else_is_not():
    attempts = stalled(failures=3)
    assert attempts.failures(unit()) == 3
    assert attempts.failures(unit(observed="p")) == 0
    assert Attempts().failures(unit()) == 0


@pytest.mark.parametrize("ends", [lambda a: a.concluded(A, ready=False), lambda a: a.retry(A)])
def test_it_holds_until_something_else_was_concluded_or_a_person_asks(ends):
    attempts = stalled()
    assert attempts.has_stalled(A)
    ends(attempts)
    assert not attempts.has_stalled(A)
    assert attempts.again_at(unit(), touched=None, now=11.0) == 11.0


def no_effect(attempts: Attempts, begun: float, *, moved: bool = False, touched: float | None = None) -> int:
    return attempts.had_no_effect(A, begun=begun, moved=moved, touched=touched)


def test_the_same_difference_again_and_again_is_counted():
    attempts = Attempts()
    assert [no_effect(attempts, begun) for begun in (1.0, 2.0, 3.0)] == [1, 2, 3]


def test_what_somebody_undid_says_nothing_against_the_operation():
    attempts = Attempts()
    assert no_effect(attempts, 1.0, moved=True) == 0
    assert no_effect(attempts, 2.0, touched=2.5) == 0
    assert no_effect(attempts, 3.0) == 1


def test_a_report_that_comes_late_counts_for_the_attempt_before():
    attempts = Attempts()
    assert no_effect(attempts, 1.0) == 1
    assert no_effect(attempts, 3.0, touched=2.0) == 0
    assert no_effect(attempts, 5.0, touched=2.0) == 1


def test_only_what_was_seen_as_declared_ends_the_count():
    attempts = Attempts()
    no_effect(attempts, 1.0)
    attempts.concluded(A, ready=False)
    assert no_effect(attempts, 2.0) == 2
    attempts.forget(A)
    assert no_effect(attempts, 3.0) == 1


def test_what_is_declared_no_longer_is_left_out():
    attempts = stalled()
    no_effect(attempts, 1.0)
    assert attempts.kept({A}).has_stalled(A)
    gone = attempts.kept(())
    assert not gone.has_stalled(A)
    assert no_effect(gone, 2.0) == 1


def test_what_is_tried_again_has_not_stalled_and_is_counted_on():
    attempts = stalled(failures=3)
    attempts.goes_on(A, generation=1, said=Reason.PERMANENT_ERROR)
    assert not attempts.has_stalled(A)
    assert attempts.again_at(unit(), touched=None, now=11.0) == 11.0
    assert attempts.failures(unit()) == 3


def test_what_was_said_before_it_went_on_is_of_the_same_declaration_and_asked_for_once():
    attempts = Attempts()
    attempts.goes_on(A, generation=1, said=Reason.PERMANENT_ERROR)
    attempts.goes_on(A, generation=1, said=Reason.APPLYING)
    assert attempts.kept([]).said_before(A, generation=1) is None
    assert attempts.kept([A]).said_before(A, generation=2) is None
    assert attempts.said_before(A, generation=1) is Reason.PERMANENT_ERROR
    assert attempts.said_before(A, generation=1) is None
