"""The starter set does what its own tests say, as the engine runs it, and is what the example has."""

import json
from pathlib import Path

import pytest

from reconciler.policy.deciding import decide
from reconciler.policy.times import parse_rfc3339
from tests.unit.policy.conftest import written

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def modules(starter):
    return {path.name: path.read_text() for path in sorted(starter.glob("*.rego"))}


def test_its_own_tests_pass(compiler, modules):
    answer = compiler.ask("rego.test", modules, files=modules, data={}, refused=[], run="", coverage=True)
    assert {one["outcome"] for one in answer["results"]} == {"passed"}
    assert len(answer["results"]) > 20
    assert answer["coverage"]["percent"] > 90


def test_the_example_has_all_of_it(modules):
    example = ROOT / "examples" / "policies" / "policies"
    assert {path.name: path.read_text() for path in sorted(example.glob("*.rego"))} == modules


def test_it_is_written_as_it_should_be(compiler, modules):
    assert compiler.ask("rego.format", modules, files=modules)["files"] == modules


def test_all_of_it_decides_as_webassembly(shelf, modules):
    data = {
        "windows": [{"labels": {"role": "db"}, "from": "22:00", "to": "04:00", "timezone": "Europe/Berlin"}],
        "at_once": [{"labels": {"role": "db"}, "most": 1}],
        "protected": ["path:/etc/ssh/**"],
    }
    files = written(files={**modules, "data.json": json.dumps({"settings": data})})

    def asked(now, at_work=(), **more):
        change = {
            "address": "db-1/File/x",
            "subject": "path:/etc/ssh/sshd_config",
            "action": "update",
            "cause": "spec",
            "fields": [{"field": "version", "before": "2", "after": "1", "downgrade": True}],
            "spec": {"mode": "0666"},
            "metadata": {"annotations": {}},
            "removal": False,
        }
        question = {
            "target": {"name": "db-1", "labels": {"role": "db"}},
            "changes": [change | more],
            "at_work": [*at_work],
        }
        seconds = parse_rfc3339(now) / 1e9
        return decide(shelf, files, "plan", question, about="db-1", decisive=("changes",), now=seconds)

    busy = [{"name": "db-2", "labels": {"role": "db"}}]
    said = asked("2025-06-01T12:00:00Z", busy)
    assert sorted(one.message for one in said.deny) == [
        '1 others of {"role": "db"} are being changed, and 1 may be at once',
        "outside of the change windows for db-1",
        "path:/etc/ssh/sshd_config would be downgraded from 2 to 1",
        "path:/etc/ssh/sshd_config would be writable for everybody: mode 0666",
    ]
    assert [one.message for one in said.ask] == ["path:/etc/ssh/sshd_config is protected"]
    fine = {"fields": [], "spec": {"mode": "0600"}}
    assert asked("2025-06-01T21:00:00Z", **fine).deny == ()
    gone = asked("2025-06-01T21:00:00Z", **fine, action="delete", removal=True)
    assert [one.message for one in gone.deny] == [
        "path:/etc/ssh/sshd_config is protected, and would be removed"
    ]
