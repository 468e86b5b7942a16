"""The short way of `apply` is taken for what it understands in full, and for nothing else."""

import pytest

from reconciler.app import quick
from reconciler.app.quick import InSync
from reconciler.cli.shortcut import try_shortcut
from reconciler.errors import UsageError


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


@pytest.fixture
def applied(monkeypatch):
    calls = []

    def apply(screen, source, *, state):
        calls.append((screen.quiet, screen.colour, source.place.path, state))
        return 1

    monkeypatch.setattr("reconciler.cli.applying.apply", apply)
    return calls


def test_where_there_may_be_something_to_do_it_is_done(monkeypatch, applied, tmp_path):
    monkeypatch.setattr(quick, "look", lambda *_: None)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert try_shortcut(["-q", str(tmp_path), "--state", "/s"]) == 1
    assert try_shortcut([str(tmp_path), "--no-color"]) == 1
    assert applied == [
        (True, True, str(tmp_path.resolve()), "/s"),
        (False, False, str(tmp_path.resolve()), None),
    ]


def test_what_goes_wrong_then_is_said_as_always(monkeypatch, capsys, tmp_path):
    def refuse(*_, **__):
        raise UsageError("it is wrong")

    monkeypatch.setattr(quick, "look", lambda *_: None)
    monkeypatch.setattr("reconciler.cli.applying.apply", refuse)
    assert try_shortcut([str(tmp_path)]) == 1
    assert capsys.readouterr().err == "froyo: it is wrong\n"
    assert try_shortcut([str(tmp_path / "none")]) is None  # which may be the URL of a repository


def test_what_the_system_refuses_goes_the_long_way(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(quick, "look", refuse)
    assert try_shortcut(["site"]) is None
