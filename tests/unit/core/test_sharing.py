"""Targets are shared out without anybody asking anybody, and move only where they must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.sharing import SHARDS, Silence, shard_of, shared_out

MEMBERS = st.sets(st.integers(1, 1 << 62), min_size=1, max_size=8)


@given(MEMBERS, st.randoms())
def test_all_who_see_the_same_members_come_to_the_same(members, random):
    other = [*members]
    random.shuffle(other)
    assert shared_out(members) == shared_out(other)
    assert shared_out(members).keys() == set(range(SHARDS))


@given(MEMBERS, st.integers(1, 1 << 62))
def test_who_comes_gets_some_and_nothing_else_moves(members, newcomer):
    before, after = shared_out(members), shared_out({*members, newcomer})
    assert all(after[shard] in (newcomer, owner) for shard, owner in before.items())


@given(MEMBERS)
def test_who_goes_leaves_what_he_had_and_nothing_else_moves(members):
    gone = min(members)
    before, after = shared_out(members), shared_out(members - {gone})
    assert all(owner == gone or after[shard] == owner for shard, owner in before.items() if after)


def test_with_nobody_there_is_nothing_to_share_out():
    assert shared_out([]) == {}


def test_targets_are_spread():
    assert len({shard_of(f"web-{number}") for number in range(1_000)}) == SHARDS
    assert 0 <= shard_of("\udcff") < SHARDS


def test_a_target_is_in_the_shard_that_it_was_always_in():
    """Two versions that differ about it would both work on it."""
    assert [shard_of(name) for name in ("web-1", "web-2", "db")] == [45, 27, 58]


def test_who_was_heard_of_in_between_is_not_dead():
    silence = Silence(6.0)
    assert silence.dead({1, 2}, now=0.0) == []
    assert silence.dead({1}, now=5.0) == []
    assert silence.dead({1, 2}, now=6.0) == [1]
    assert silence.dead({2}, now=12.0) == [2]
