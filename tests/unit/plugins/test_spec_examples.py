"""The examples of docs/spec/provider-interface.md do what they say."""

import re
import sys
import types
from pathlib import Path

import pytest

from froyo_provider.environment import MODULES
from reconciler.app.grants import read_grants
from reconciler.app.places import places
from reconciler.model.calls import Call
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Capability, Gate
from reconciler.plugins.manifest import _LIMITS, Limits

ROOT = Path(__file__).parents[3]
SPEC = (ROOT / "docs" / "spec" / "provider-interface.md").read_text()


def test_the_plugin_and_its_test_work(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_source, test_source, *_ = re.findall(r"```python\n(.*?)```", SPEC, re.DOTALL)
    plugin = types.ModuleType("plugin")
    monkeypatch.setitem(sys.modules, "plugin", plugin)
    exec(plugin_source, plugin.__dict__)
    test: dict[str, object] = {}
    exec(test_source, test)
    function = test["test_makes_what_is_missing"]
    assert callable(function)
    function()


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
