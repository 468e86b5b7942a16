"""Differences of declared fields."""

from __future__ import annotations

import pytest

from reconciler.core.fields import field_diffs
from reconciler.model.plan import FieldDiff


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        ({}, {"size": 3}),
        ({"mode": "0644"}, {"mode": "0644", "uid": 0}),
        ({"mode": None}, {"mode": "0600"}),
        ({"groups": []}, {}),
        ({"groups": []}, {"groups": None}),
        ({"env": {}}, {"env": {"A": None}}),
        ({"env": {"A": {"B": None}}}, {}),
        ({"n": 1}, {"n": 1.0}),
        ({"list": [1, {"a": None}]}, {"list": (1, {})}),
        ({"env": {"A": "1"}}, {"env": {"A": "1", "B": "2"}}),
    ],
)
def test_what_means_the_same_is_no_difference(declared, actual):
    assert field_diffs(declared, actual) == ()


@pytest.mark.parametrize(
    ("declared", "actual", "expected"),
    [
        ({"mode": "0644"}, {"mode": "0600"}, [("mode", "0600", "0644")]),
        ({"mode": "0644"}, {}, [("mode", None, "0644")]),
        ({"text": ""}, {}, [("text", None, "")]),
        ({"on": False}, {}, [("on", None, False)]),
        ({"on": True}, {"on": 1}, [("on", 1, True)]),
        ({"n": 0}, {"n": False}, [("n", False, 0)]),
        ({"groups": []}, {"groups": ["a"]}, [("groups", ["a"], [])]),
        ({"list": [1, 2]}, {"list": [2, 1]}, [("list", [2, 1], [1, 2])]),
        ({"list": [1]}, {"list": [1, 2]}, [("list", [1, 2], [1])]),
        ({"list": [{"a": 1}]}, {"list": [{"a": 1, "b": 2}]}, [("list", [{"a": 1, "b": 2}], [{"a": 1}])]),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"A": "1"}}, [("env.B", None, "2")]),
        ({"env": {"A": "1"}}, {}, [("env", None, {"A": "1"})]),
        ({"env": {"A": "1"}}, {"env": "x"}, [("env", "x", {"A": "1"})]),
        ({"env": {}}, {"env": {"A": "1"}}, [("env", {"A": "1"}, {})]),
    ],
)
def test_what_differs_is_told_by_field(declared, actual, expected):
    found = field_diffs(declared, actual)
    assert [(each.field, each.before, each.after) for each in found] == expected


def test_differences_of_ignored_fields_and_what_is_below_them_are_shown_and_marked():
    declared = {"mode": "0644", "env": {"A": {"x": 1}}, "owner": "root"}
    actual = {"mode": "0600", "env": {"A": {"x": 2}}, "owner": "alice"}
    assert field_diffs(declared, actual, ignore=["mode", "env"]) == (
        FieldDiff("mode", "0600", "0644", ignored=True),
        FieldDiff("env.A.x", 2, 1, ignored=True),
        FieldDiff("owner", "alice", "root"),
    )
