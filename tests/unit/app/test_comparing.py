"""What one revision declares otherwise than another, by what is declared alone."""

import json
from types import SimpleNamespace

import pytest

from reconciler.app.comparing import compared
from reconciler.config import load
from reconciler.errors import UsageError
from reconciler.model.plan import Action
from tests.unit.config.world import CATALOG, TARGET, resource, snapshot


async def offload(_lane, function):
    return function()


def parts():
    return SimpleNamespace(
        load=lambda shown: load(shown, CATALOG, environ={}),
        runtime=SimpleNamespace(offload=offload, now=lambda: 1.0),
    )


async def differing(before, after, **files):
    """By name: what would be done, and the fields that differ."""
    first, second = (
        snapshot(
            {"t.yaml": TARGET, **{f"{n}.json": json.dumps(one) for n, one in enumerate(declared)}, **files}
        )
        for declared in (before, after)
    )
    (plan,), _, called = await compared(parts(), first, second)
    assert called == f"{first.revision}..{second.revision}"
    return {
        unit.address.rpartition("/")[2]: (unit.action, {one.field: one for one in unit.diffs}, unit.remark)
        for unit in plan.units
    }


async def test_what_comes_goes_and_changes_is_told_field_by_field():
    old = [
        resource("same"),
        resource("changed", content="one\n", mode="0644"),
        resource("kept"),
        resource("gone", deletion="delete"),
        resource("asked", deletion="confirm"),
    ]
    new = [
        resource("same"),
        resource("changed", content="two\n", mode="0644", notify=["File/same"], policy="observe"),
        resource("new", content="new\n"),
    ]
    found = await differing(old, new)
    assert {name: action for name, (action, _, _) in found.items()} == {
        "same": Action.NONE,
        "changed": Action.UPDATE,
        "kept": Action.NONE,
        "gone": Action.DELETE,
        "asked": Action.DELETE,
        "new": Action.CREATE,
    }
    assert "its deletion is orphan" in found["kept"][2]
    assert "somebody is asked first" in found["asked"][2]
    changed = found["changed"][1]
    assert set(changed) == {"content", "notify", "policy"}
    assert "-one\n+two" in changed["content"].unified
    assert (changed["notify"].before, changed["notify"].after) == (None, ["File/same"])
    assert "+new" in found["new"][1]["content"].unified


async def test_what_is_private_in_either_of_them_is_not_told():
    old, new = [resource(content="hunter2", mode="0600")], [resource(content="hunter3", mode="0644")]
    for pair in ((old, new), (new, old)):
        ((_, diffs, _),) = (await differing(*pair)).values()
        assert all(one.sensitive for one in diffs.values())
        assert "hunter" not in repr(diffs)


async def test_a_large_content_is_told_by_its_digest():
    pair = [[resource(content=letter * 200_000)] for letter in "ab"]
    ((_, diffs, _),) = (await differing(*pair)).values()
    assert "not shown" in diffs["content"].unified


async def test_a_revision_that_does_not_evaluate_is_told_with_the_place():
    good = snapshot({"t.yaml": TARGET})
    bad = snapshot({"t.yaml": "a: [", "u.yaml": "b: ["})
    with pytest.raises(UsageError, match=r"does not evaluate: t.yaml:1.*; and 1 more"):
        await compared(parts(), good, bad)
