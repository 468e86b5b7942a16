"""Completion in a shell."""

import json
import subprocess

import pytest

from reconciler.api.client import Client, Silent
from reconciler.cli import completing
from reconciler.cli.app import run
from reconciler.cli.commands import wait
from reconciler.cli.completing import candidates, print_candidates
from reconciler.model.plan import Cause

AS_IT_IS = completing._known
KNOWN = {
    "/v1/targets": [{"name": "web-1"}, {"name": "db-1"}],
    "/v1/resources": [
        {"address": "web-1/File/motd", "target": "web-1", "kind": "File", "reason": "InSync"},
    ],
}


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setattr(completing, "_known", lambda _words, path: KNOWN[path])


def words(*line):
    return [word for word, _ in candidates(list(line))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["re"], ["reconcile", "resume", "restore"]),
        (["dev", "up", "--log-format", "j"], ["journal", "json"]),
        (["get", "w"], ["web-1", "web-1/File/motd"]),
        (["get", "F"], ["File"]),
        (["events", "--object", "web-1/"], ["web-1/File/motd"]),
        (["plan", "--target", ""], ["web-1", "db-1"]),
        (["get", "-o", "j"], ["json"]),
        (["plan", "--t"], ["--target", "--timeout"]),
        (["completion", "z"], ["zsh"]),
        (["events", "--cause", ""], list(Cause)),
        (["apply", "si"], []),
        (["nothing", "x"], []),
    ],
)
def test_what_may_come_next(line, expected):
    assert words(*line) == expected


def test_whatever_can_be_waited_for_is_offered():
    assert words("wait", "--for", "") == [*wait._CONDITIONS, "reason="]


def test_without_a_word_there_are_all_commands():
    assert len(words()) == len(words("")) > 10


def test_whatever_goes_wrong_there_is_just_nothing(monkeypatch, capsys):
    def broken(_words, _path):
        raise OSError

    monkeypatch.setattr(completing, "_known", broken)
    assert print_candidates(["get", ""]) == 0
    assert print_candidates(["stat"]) == 0
    assert capsys.readouterr().out == "status\tHow everything is, in short\n"


def test_a_daemon_that_does_not_answer_keeps_no_shell_waiting(tmp_path, monkeypatch, capsys):
    """It was waited for ten seconds at each Tab."""
    asked = []

    def silent(_client, path, _query=None, *, timeout=None):
        asked.append((path, timeout))
        raise Silent("the daemon does not answer")

    monkeypatch.setattr(completing, "_known", AS_IT_IS)
    monkeypatch.setattr(Client, "alive", lambda _client: True)
    monkeypatch.setattr(Client, "get", silent)
    assert print_candidates(["plan", "--state", str(tmp_path), "--target", ""]) == 0
    assert asked == [("/v1/targets", completing.PATIENCE)]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script_that_asks_us(shell, capsys):
    assert run(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "froyo __complete" in text
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_a_script_comes_as_a_document_too(capsys):
    assert run(["completion", "zsh"]) == 0
    script = capsys.readouterr().out
    assert run(["completion", "zsh", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["shell"], document["script"] + "\n") == ("Completion", "zsh", script)


def test_only_formats_that_a_command_has_and_reasons_that_there_are_complete():
    assert ("wide", "") in candidates(["get", "-o", ""])
    assert ("wide", "") not in candidates(["status", "-o", ""])
    assert candidates(["events", "--reason", "Rep"]) == [("Repaired", "")]
