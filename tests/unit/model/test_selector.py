"""Label selectors, as Kubernetes documents them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.selector import Operator, Requirement, Selector

WEB = {"role": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        (Operator.IN, "role", ("web", "db"), True),
        (Operator.IN, "role", ("db",), False),
        (Operator.IN, "zone", ("a",), False),
        (Operator.NOT_IN, "role", ("db",), True),
        (Operator.NOT_IN, "role", ("web",), False),
        (Operator.NOT_IN, "zone", ("a",), True),
        (Operator.EXISTS, "role", (), True),
        (Operator.EXISTS, "zone", (), False),
        (Operator.DOES_NOT_EXIST, "role", (), False),
        (Operator.DOES_NOT_EXIST, "zone", (), True),
    ],
)
def test_a_requirement_compares_one_label(operator, key, values, expected):
    assert Requirement(key, operator, values).matches(WEB) is expected


def test_an_empty_selector_selects_everything():
    assert Selector().matches({})
    assert Selector().matches(WEB)


def test_every_label_and_every_requirement_must_hold():
    wanted = Selector(labels=(("role", "web"),), requirements=(Requirement("tier", Operator.EXISTS),))
    assert wanted.matches(WEB)
    assert not wanted.matches({"role": "web"})
    assert not wanted.matches({"role": "db", "tier": "front"})
    assert not wanted.matches({})


@given(
    labels=st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy")),
    key=st.sampled_from("ab"),
    values=st.sets(st.sampled_from("xy"), min_size=1).map(tuple),
)
def test_opposite_operators_never_agree(labels, key, values):
    for one, other in ((Operator.IN, Operator.NOT_IN), (Operator.EXISTS, Operator.DOES_NOT_EXIST)):
        found = Requirement(key, one, values).matches(labels)
        assert found is not Requirement(key, other, values).matches(labels)
