"""The examples of docs/spec/provider-interface.md do what they say."""

import re
import sys
import types
from pathlib import Path

import pytest

from froyo_provider.environment import MODULES
from froyo_provider.testing import READING_CALLS
from reconciler.app.grants import read_grants
from reconciler.app.places import places
from reconciler.model.calls import Call
from reconciler.plugins.calls import CALLS, Phase
from reconciler.plugins.capabilities import Capability, Gate
from reconciler.plugins.manifest import _LIMITS, Limits

ROOT = Path(__file__).parents[3]
PROTOCOL = (ROOT / "micro_runner" / "protocol.md").read_text()
SPEC = (ROOT / "docs" / "spec" / "provider-interface.md").read_text()


def test_the_plugin_and_its_test_work(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_source, test_source = re.findall(r"```python\n(.*?)```", SPEC, re.DOTALL)
    plugin = types.ModuleType("plugin")
    monkeypatch.setitem(sys.modules, "plugin", plugin)
    exec(plugin_source, plugin.__dict__)
    test: dict[str, object] = {}
    exec(test_source, test)
    function = test["test_makes_what_is_missing"]
    assert callable(function)
    function()


def test_every_call_is_in_the_table() -> None:
    rows = [line for line in SPEC.splitlines() if re.match(r"\| `.*\| (reads|writes) \|", line)]
    table = {
        name: "reads" in row
        for row in rows
        for name in re.findall(r"`([a-z]+(?:\.[a-z]+)*)`", row.split("|")[1])
    }
    assert table == {name: rule.reading for name, rule in CALLS.items()}


def test_each_call_is_what_the_protocol_says_of_it() -> None:
    headings = re.findall(r"^### ([a-z., ]+) — (.*)\n(.*)$", PROTOCOL, re.MULTILINE)
    says = {name: kind for names, kind, _ in headings for name in names.split(", ")}
    assert {name: says[name] for name in CALLS} == {
        name: "reading" if rule.reading else "writing" for name, rule in CALLS.items()
    }
    assert {name for name, kind in says.items() if kind == "reading"} == READING_CALLS
    paths = {name for names, _, line in headings if line.startswith("`{path") for name in names.split(", ")}
    assert {name for name, rule in CALLS.items() if rule.names} == paths & CALLS.keys()


def test_the_grants_are_such_and_mean_what_is_said(tmp_path: Path) -> None:
    [example] = re.findall(r"\*\*Granting\*\*.*?```json\n(.*?)```", SPEC, re.DOTALL)
    (tmp_path / "grants.json").write_text(example)
    granted = read_grants(tmp_path / "grants.json").packages["my.marker"]
    asked = (Capability("file.stat", ("path:/**",)), Capability("dir.ensure", ("path:/**",)))
    gate = Gate(asked, granted, Phase.APPLY)
    assert not gate.refusal(Call("file.stat", {"path": "/srv/x"}))
    assert not gate.refusal(Call("dir.ensure", {"path": "/srv/markers/x"}))
    assert "the operator does not grant" in gate.refusal(Call("dir.ensure", {"path": "/srv/x"}))


def test_a_package_is_installed_where_the_document_says() -> None:
    [installed] = re.findall(r"\ncp -r \S+ ~/(\S+)/my\.marker\n", SPEC)
    assert places({"HOME": "/home/ann"}).packages[-1] == Path("/home/ann") / installed


def test_the_limits_are_those_of_the_table() -> None:
    for name, (field, _, highest) in _LIMITS.items():
        row = next(line for line in SPEC.splitlines() if line.startswith(f"| `{name}`"))
        numbers = [float(cell.replace(",", "")) for cell in row.split("|")[2:4]]
        assert numbers == [getattr(Limits(), field), highest]


def test_the_modules_of_the_environment_can_all_be_imported() -> None:
    for name in MODULES:
        __import__(name)
