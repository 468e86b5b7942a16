"""Whose a thing is, why it is changed, and whether it may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.inventory import Decision, cause_of, changes, decide, ours, seen_in_sync
from reconciler.model.conditions import Reason
from reconciler.model.names import Address, Digest
from reconciler.model.plan import Cause
from reconciler.model.resource import Adopt, Policy
from reconciler.model.state import ResourceState
from tests.unit.core.instances import make_instance

FILE = make_instance("File/a")
OTHER = Digest("sha256:other")
OBSERVED = Digest("sha256:seen")


def known(*, digest=FILE.digest, observed=None, owned=False) -> ResourceState:
    return ResourceState(address=FILE.address, digest=digest, observed=observed, owned=owned)


def test_first_contact_with_what_is_there_and_equal_adopts_it():
    assert decide(FILE, None, exists=True, equal=True) == Decision(Cause.ADOPT, None)


def test_first_contact_with_what_is_there_and_differs_replaces_it():
    assert decide(FILE, None, exists=True, equal=False) == Decision(Cause.ADOPT, None)


def test_first_contact_holds_where_the_manifest_says_so():
    held = make_instance("File/a", adopt=Adopt.HOLD)
    assert decide(held, None, exists=True, equal=False) == Decision(Cause.ADOPT, Reason.HELD)
    assert decide(held, None, exists=True, equal=True) == Decision(Cause.ADOPT, None)


def test_holding_concerns_first_contact_only():
    held = make_instance("File/a", adopt=Adopt.HOLD)
    assert decide(held, None, exists=False, equal=False).held is None
    assert decide(held, known(owned=True), exists=True, equal=False).held is None
    assert decide(held, known(observed=OBSERVED, owned=True), exists=True, equal=False).held is None


def test_what_was_begun_here_and_cut_off_is_neither_drift_nor_anybody_elses():
    held = make_instance("File/a", adopt=Adopt.HOLD)
    for state in (None, known(observed=OBSERVED, owned=True)):
        decision = decide(held, state, exists=True, equal=False, unfinished=True)
        assert decision == Decision(Cause.SPEC, None)


def test_what_is_not_there_is_created_because_it_is_declared():
    assert decide(FILE, None, exists=False, equal=False) == Decision(Cause.SPEC, None)


def test_what_is_declared_absent_and_is_absent_needs_nothing():
    assert decide(FILE, None, exists=False, equal=True) == Decision(Cause.SPEC, None)


@pytest.mark.parametrize(
    ("owned", "exists", "changed", "afterwards"),
    [
        (False, True, False, True),
        (False, True, True, True),
        (False, False, True, True),
        (False, False, False, False),
        (True, False, False, True),
    ],
    ids=["adopted", "created or replaced", "removed by us", "absent before us", "ours before"],
)
def test_what_is_as_declared_is_ours_if_it_is_there_or_we_made_it_so(owned, exists, changed, afterwards):
    assert ours(known(owned=owned), exists=exists, changed=changed) is afterwards


@pytest.mark.parametrize(
    ("state", "exists", "cause"),
    [
        (None, False, Cause.SPEC),
        (None, True, Cause.ADOPT),
        (known(), True, Cause.ADOPT),
        (known(owned=True), True, Cause.SPEC),
        (known(owned=True), False, Cause.SPEC),
        (known(observed=OBSERVED, owned=True), True, Cause.DRIFT),
        (known(observed=OBSERVED, owned=True), False, Cause.DRIFT),
        (known(digest=OTHER, observed=OBSERVED, owned=True), True, Cause.SPEC),
        (known(observed=OBSERVED), True, Cause.DRIFT),
    ],
    ids=[
        "nothing on record, nothing there",
        "nothing on record, something there",
        "looked at and never touched",
        "ours, and never in sync as declared now",
        "ours, gone, and never in sync as declared now",
        "seen in sync, and changed",
        "seen in sync, and gone",
        "seen in sync as declared before",
        "seen absent as declared, and appeared",
    ],
)
def test_the_cause_is_drift_only_where_it_was_seen_in_sync_as_declared_now(state, exists, cause):
    assert cause_of(state, FILE.digest, exists=exists) is cause
    assert seen_in_sync(state, FILE.digest) is (cause is Cause.DRIFT)


@pytest.mark.parametrize(
    ("policy", "reason"), [(Policy.OBSERVE, Reason.DIFFERS), (Policy.PAUSED, Reason.PAUSED)]
)
@given(exists=st.booleans(), owned=st.booleans(), seen=st.booleans())
def test_nothing_is_touched_where_the_policy_forbids_it(policy, reason, exists, owned, seen):
    instance = make_instance("File/a", policy=policy)
    state = known(owned=owned, observed=OBSERVED if seen else None)
    assert decide(instance, state, exists=exists, equal=False).held is reason


def test_a_new_snapshot_is_told_apart_from_the_old_one_by_digests():
    old = {Address("a"): Digest("1"), Address("b"): Digest("1"), Address("c"): Digest("1")}
    new = {Address("d"): Digest("1"), Address("b"): Digest("2"), Address("a"): Digest("1")}
    difference = changes(old, new)
    assert (difference.added, difference.changed, difference.removed) == (("d",), ("b",), ("c",))
    assert difference


SNAPSHOTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("12"))


@given(before=SNAPSHOTS, after=SNAPSHOTS)
def test_changes_lead_from_the_one_snapshot_to_the_other(before, after):
    difference = changes(before, after)
    touched = {address: after[address] for address in (*difference.added, *difference.changed)}
    kept = {address: digest for address, digest in before.items() if address not in difference.removed}
    assert {**kept, **touched} == after
    assert bool(difference) is (before != after)
