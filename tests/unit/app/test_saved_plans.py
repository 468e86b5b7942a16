"""Saved plans come back as they were written, or not at all."""

import json
import stat

import pytest

from reconciler.app.saved import read_plan, write_plan
from reconciler.errors import UsageError
from reconciler.model.conditions import Reason
from reconciler.model.plan import Action
from tests.unit.cli.screens import MODE, plan, unit

PLANS = [
    plan("a", unit("a/File/x", "update", "drift", [MODE]), unit("a/File/y", "none", held="Differs")),
    plan("b"),
]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "next.plan"
    write_plan(str(path), PLANS, directory="/site", revision="abc", created_at="2026-01-31T12:00:00Z")
    return path


def test_a_plan_comes_back(path):
    saved = read_plan(str(path))
    assert (saved.directory, saved.revision, saved.targets) == ("/site", "abc", ("a", "b"))
    assert saved.units["a/File/x"].action is Action.UPDATE
    assert saved.units["a/File/x"].observed == "sha256:o"
    assert saved.units["a/File/y"].held is Reason.DIFFERS


def test_only_its_owner_can_read_it_and_nothing_is_left_beside_it(path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_plan_is_named_by_its_content(path):
    again = write_plan(
        str(path.with_name("b")), PLANS, directory="/site", revision="abc", created_at="2026-01-31T12:00:00Z"
    )
    assert json.loads(path.read_text())["digest"] == again


def test_a_plan_that_was_changed_is_refused(path):
    path.write_text(path.read_text().replace('"/site"', '"/etc"'))
    with pytest.raises(UsageError, match="changed after it was saved"):
        read_plan(str(path))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "PlanList"}'])
def test_what_is_no_plan_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(UsageError, match="no saved plan"):
        read_plan(str(path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda plan: plan["units"][0].update(action="explode"),
            r"another version.*plans\.0\.units\.0\.action",
        ),
        (lambda plan: plan["units"][0].update(force=True), "no field 'force' in plans.0.units.0"),
        (lambda plan: plan.pop("target"), "another version"),
    ],
)
def test_a_plan_of_another_version_is_refused(path, change, says):
    from reconciler.app.saved import _digest

    document = json.loads(path.read_text())
    del document["digest"]
    change(document["plans"][0])
    path.write_text(json.dumps({**document, "digest": _digest(document)}))
    with pytest.raises(UsageError, match=says):
        read_plan(str(path))


def test_files_that_cannot_be_had_are_said_to_be(path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(str(path / "x"))
    with pytest.raises(UsageError, match="cannot be saved"):
        write_plan(str(path / "x"), [], directory="", revision="", created_at=None)
    directory = path.parent / "d"
    (directory / "e").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be saved"):
        write_plan(str(directory), [], directory="", revision="", created_at=None)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["d", "next.plan"]
