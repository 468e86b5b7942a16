"""The table of what follows from a reason."""

import re
from pathlib import Path

import pytest

from reconciler.core import reasons
from reconciler.model.conditions import Reason

REPOSITORY = Path(__file__).parents[3]
PACKAGE = REPOSITORY / "reconciler"
SPEC = (REPOSITORY / "docs/spec/conditions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_classified_and_described(reason):
    assert reason in reasons.TRAITS
    assert f"\n| `{reason}` |" in SPEC.partition("## Reasons")[2]


@pytest.mark.parametrize("reason", Reason)
def test_what_is_as_declared_is_done_and_no_trouble_and_left_alone_by_nobody(reason):
    traits = reasons.TRAITS[reason]
    if traits.as_declared:
        assert traits == reasons.Traits(as_declared=True, done=True)


def test_the_sets_are_those_of_the_table():
    assert {Reason.IN_SYNC, Reason.APPLIED} == reasons.AS_DECLARED
    assert {*reasons.AS_DECLARED, Reason.CONTESTED} == reasons.DONE
    assert reasons.HELD.keys() == {Reason.DIFFERS, Reason.HELD, Reason.PRUNE_HELD, Reason.POLICY_HELD}
    told = {Reason.DID_NOT_CONVERGE, Reason.CONTESTED, Reason.POLICY_DENIED}
    assert {*reasons.HELD, *told} == reasons.SETTLED
    assert {Reason.PAUSED, Reason.SUSPENDED} == reasons.LEFT_ALONE
    assert {Reason.ABANDONED, Reason.UNREACHABLE, Reason.PENDING} == reasons.UNCLAIMED
    assert reasons.SETTLED < reasons.TROUBLE
    assert not reasons.TROUBLE & (reasons.AS_DECLARED | reasons.LEFT_ALONE | reasons.UNCLAIMED)


def test_no_other_module_keeps_a_set_of_reasons_of_its_own():
    """A second table is one that a new reason is forgotten in."""
    sets = re.compile(r"(\{|\bin \()\s*Reason\.\w+,")
    kept = [path.name for path in PACKAGE.rglob("*.py") if sets.search(path.read_text(encoding="utf-8"))]
    assert kept == []


@pytest.mark.parametrize("reason", Reason)
def test_a_look_has_led_to_one_of_four_results(reason):
    traits, result = reasons.TRAITS[reason], reasons.result_of(reason)
    assert (result == "success") == traits.as_declared
    assert (result == "held") == (reason in reasons.DECIDED)
    assert result in {"success", "held", "error", "requeue"}


def test_what_fails_is_an_error_and_what_waits_comes_again():
    assert reasons.result_of(Reason.TRANSIENT_ERROR) == "error"
    assert reasons.result_of(Reason.PENDING) == "requeue"
