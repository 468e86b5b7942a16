"""A runner here that is asked one thing, without an event loop: what it may answer, and that it always ends."""

import json
import os
import signal
import sys

import pytest

from reconciler.errors import ProtocolError, TransportError
from reconciler.model.target import LocalTransport
from reconciler.targets import question
from reconciler.targets.artifacts import Artifacts, architecture
from reconciler.targets.question import Question
from tests.unit.targets.conftest import SCRIPT

BATCH = [{"command": "file.stat", "items": [{"path": "/etc/motd"}]}]
UNCHANGED = {"ok": {"digest": "sha256:1", "unchanged": True}}
CHANGED = {"ok": {"digest": "sha256:2", "replies": [[{"ok": {}}]]}}
FAULT = {"class": "transient", "code": "busy", "message": "later"}


@pytest.fixture
def ask(build):
    """Asks a runner that answers with `line`, made of Python, and gives what comes of it and its process."""

    def asked(line, before=""):
        script = SCRIPT.partition("    if frame")[0] + f"    frame['type'] == 'CMD' and {line}\n"
        build.make(
            architecture(os.uname().machine), script.replace("for line", f"{before}\nfor line").encode()
        )
        artifacts = Artifacts(build.directory)
        with Question(LocalTransport(), artifacts=artifacts, environ=os.environ) as one:
            asked.process = one._process
            one.ask("key", BATCH, "sha256:1")
            return one.answer()

    return asked


def result(*results):
    return f"say(type='DONE', id=1, results=json.loads({json.dumps(results)!r}))"


@pytest.mark.parametrize(
    ("answer", "unchanged"),
    [
        (result(UNCHANGED), True),
        ("(say(type='HEARTBEAT'), " + result(UNCHANGED) + ")", True),
        (result(CHANGED), False),
        (result({"error": FAULT}), False),
        (f"say(type='ERROR', id=1, error={FAULT!r})", False),
    ],
)
def test_it_says_whether_anything_has_changed(ask, answer, unchanged):
    assert ask(answer) is unchanged
    assert ask.process.returncode is not None


def test_it_asks_for_what_it_was_given_and_in_one_frame(ask):
    seen = "frame['options'] == {'key': 'key', 'batch': %r, 'digest': 'sha256:1'}" % BATCH  # noqa: UP031
    assert ask(f"({seen} and frame['command'] == 'observe' and {result(UNCHANGED)})")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("sys.exit(3)", TransportError),
        ("print('hello', flush=True)", ProtocolError),
        (result({"ok": {"digest": "sha256:2", "unchanged": True}}), ProtocolError),
        (result({"ok": {"digest": "sha256:2", "replies": []}}), ProtocolError),
        (result(), ProtocolError),
    ],
)
def test_what_is_no_answer_is_an_error_and_the_runner_has_ended(ask, answer, error):
    with pytest.raises(error):
        ask(answer)
    assert ask.process.returncode is not None


def test_a_runner_that_says_nothing_is_ended_when_patience_is(ask, monkeypatch):
    monkeypatch.setattr(question, "PATIENCE", 0.3)
    with pytest.raises(TransportError, match="has ended before it has answered"):
        ask("None")
    assert ask.process.returncode == -signal.SIGKILL


def test_a_runner_that_reads_nothing_is_ended_too(ask, monkeypatch):
    monkeypatch.setattr(question, "PATIENCE", 0.3)
    monkeypatch.setattr(sys.modules[__name__], "BATCH", [{"command": "x" * 1_000_000, "items": []}])
    with pytest.raises(TransportError, match="the runner has ended: broken pipe"):
        ask("None", before="import time; time.sleep(3600)")


def test_what_is_no_program_is_said_not_to_be(build):
    build.make(architecture(os.uname().machine), b"hello")
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(TransportError, match="cannot be started on this machine: exec format"):
        Question(LocalTransport(), artifacts=Artifacts(build.directory), environ=os.environ)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_runner_of_root_that_cannot_be_killed_ends_by_itself(ask, monkeypatch):
    def refuse(_self):
        raise PermissionError

    monkeypatch.setattr(question, "PATIENCE", 0.1)
    monkeypatch.setattr("subprocess.Popen.kill", refuse)
    with pytest.raises(TransportError):
        ask("None", before="import time; time.sleep(0.5); sys.exit()")
