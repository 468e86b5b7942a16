"""The short way of `apply` is taken for what it understands in full, and for nothing else."""

import pytest

from reconciler.app import quick
from reconciler.app.quick import InSync
from reconciler.cli.shortcut import try_shortcut


@pytest.fixture
def looked(monkeypatch):
    calls = []

    def look(directory, where, _environ):
        calls.append((directory, str(where.state)))
        return InSync(1000, 1, "abc")

    monkeypatch.setattr(quick, "look", look)
    return calls


def test_the_plainest_forms_are_answered(looked, capsys, tmp_path):
    assert try_shortcut([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "nothing to do: 1,000 instances on 1 target are as declared\n"
    assert try_shortcut(["--state", "/s", "-q", str(tmp_path), "--no-color"]) == 0
    assert capsys.readouterr().out == ""
    assert looked[1] == (str(tmp_path.resolve()), "/s")


@pytest.mark.parametrize(
    "arguments", [["-o", "json"], ["a", "b"], ["--target", "x"], ["--plan", "x"], ["-v"]]
)
def test_all_else_goes_the_long_way(looked, arguments):
    assert try_shortcut(arguments) is None
    assert not looked


def test_a_doubt_goes_the_long_way(monkeypatch):
    monkeypatch.setattr(quick, "look", lambda *_: None)
    assert try_shortcut([]) is None
