"""Each target has its turn in one wave, and the same one whoever asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.waves import at_least_one, in_order, in_waves, pause_after
from reconciler.model.names import Digest, TargetName
from reconciler.model.rollout import Portion, Rollout, RolloutName, RolloutOrder, RolloutWave
from reconciler.model.selector import Selector

DIGEST = Digest("sha256:1")
NAMES = [TargetName(f"web-{number}") for number in range(1, 9)]


def size(portion) -> RolloutWave:
    return RolloutWave(size=Portion(percent=portion) if isinstance(portion, float) else Portion(portion))


def percent(number) -> RolloutWave:
    return RolloutWave(size=Portion(percent=number))


def chosen(*names) -> RolloutWave:
    return RolloutWave(selector=Selector(), targets=frozenset(map(TargetName, names)))


def rollout(*waves, **words) -> Rollout:
    return Rollout(name=RolloutName("web"), selector=Selector(), waves=waves, **words)


def split(one, targets=NAMES) -> list[list[str]]:
    waves: dict[int, list[str]] = {}
    for name, (number, _) in in_waves(one, targets, DIGEST).items():
        waves.setdefault(number, []).append(name.removeprefix("web-"))
    return [waves[number] for number in sorted(waves)]


@pytest.mark.parametrize(
    ("waves", "found"),
    [
        ([size(1), size(3)], ["1", "234", "567", "8"]),
        ([size(1), percent(50)], ["1", "2345", "678"]),
        ([percent(1), percent(100)], ["1", "2345678"]),
        ([chosen("web-5"), size(4)], ["5", "1234", "678"]),
        ([chosen("web-5")], ["5", "1234678"]),
        ([size(2), chosen("web-1", "web-2"), size(9)], ["34", "12", "5678"]),
        ([chosen("web-1"), chosen("web-1"), size(9)], ["1", "2345678"]),
        ([size(9)], ["12345678"]),
    ],
    ids=["numbers", "half", "all of it", "a canary", "only a canary", "not by chance", "once", "one wave"],
)
def test_targets_are_put_into_waves(waves, found):
    assert ["".join(wave) for wave in split(rollout(*waves))] == found


def test_who_selects_a_canary_that_the_change_is_not_about_has_no_such_wave():
    assert split(rollout(chosen("web-9"), size(4))) == [["1", "2", "3", "4"], ["5", "6", "7", "8"]]
    assert split(rollout(chosen("web-9"), size(4)), []) == []


def test_the_order_is_that_of_names_or_the_reverse_or_another_one_for_each_revision():
    assert in_order(RolloutOrder.NAME, NAMES[::-1], DIGEST) == NAMES
    assert in_order(RolloutOrder.REVERSE, NAMES, DIGEST) == NAMES[::-1]
    mixed = [in_order(RolloutOrder.SHUFFLED, NAMES, Digest(f"sha256:{number}")) for number in range(3)]
    assert len({tuple(one) for one in mixed}) == 3
    assert all(sorted(one) == NAMES for one in mixed)


def test_what_comes_after_a_wave_is_said_where_it_is_declared():
    one = rollout(
        RolloutWave(size=Portion(1), pause=5.0), RolloutWave(selector=Selector(), until_promoted=True)
    )
    assert (pause_after(one, 0).pause, pause_after(one, 1).until_promoted) == (5.0, True)
    assert pause_after(one, 2).until_promoted  # what is left at the end


def test_a_part_is_one_at_least():
    assert [at_least_one(Portion(percent=10), total) for total in (1, 19, 20)] == [1, 1, 2]
    assert [str(one) for one in (Portion(3), Portion(percent=10))] == ["3", "10%"]


@given(
    st.lists(
        st.one_of(
            st.integers(1, 9).map(size),
            st.integers(0, 100).map(percent),
            st.sets(st.sampled_from(NAMES)).map(lambda names: chosen(*names)),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sets(st.sampled_from(NAMES)),
)
def test_each_target_has_one_turn_and_no_wave_is_of_nobody(waves, targets):
    found = in_waves(rollout(*waves), targets, DIGEST)
    assert found.keys() == targets
    numbers = {number for number, _ in found.values()}
    assert numbers == set(range(len(numbers)))
