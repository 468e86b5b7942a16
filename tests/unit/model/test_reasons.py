"""Every reason is explained in `docs/spec/conditions.md`, and nothing is explained there that is never given."""

import ast
import re
from pathlib import Path

import pytest

from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.event import REASONS
from reconciler.model.plan import Cause

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "spec" / "conditions.md").read_text()


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_column(title):
    """The words in the first column of the table of a section, in order."""
    rows = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[1])]


def given():
    """The reasons that the code gives events, as far as they are written out: of calls `….event(object, reason, …)`."""
    found = set()
    for path in (ROOT / "reconciler").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "event"
                and len(node.args) > 1
            ):
                found |= {n.value for n in ast.walk(node.args[1]) if isinstance(n, ast.Constant)}
    return found


def test_every_reason_of_a_condition_is_explained_once():
    assert sorted(first_column("Reasons")) == sorted(Reason)


def test_every_type_of_condition_is_explained_once():
    assert sorted(first_column("Conditions of an instance")) == sorted(ConditionType)


def test_every_reason_of_an_event_is_explained_once():
    assert sorted(first_column("Events")) == sorted(REASONS)


def test_every_reason_that_the_code_gives_an_event_is_one_of_them():
    found = given()
    assert {"Abandoned", "Orphaned", "Recovered", "SourceBroken"} <= found
    assert found <= set(REASONS)


@pytest.mark.parametrize("reason", Reason)
def test_no_reason_is_explained_that_the_code_never_gives(reason):
    assert users(f"Reason.{reason.name}", apart_from="conditions.py")


def users(name, *, apart_from):
    """The files of the code that give a reason or cause."""
    return [
        path
        for path in (ROOT / "reconciler").rglob("*.py")
        if name in path.read_text() and path.name != apart_from
    ]


def test_every_cause_is_explained_and_no_other():
    assert set(re.findall(r"`(\w+)`\s\(", section("Causes"))) == set(Cause)


@pytest.mark.parametrize("cause", Cause)
def test_no_cause_is_explained_that_the_code_never_gives(cause):
    assert users(f"Cause.{cause.name}", apart_from="plan.py")
