"""The edges of the program: how it begins, how it is cut short, and who it takes its caller for."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from reconciler import cli
from reconciler.app.places import places
from reconciler.cli import steering
from reconciler.cli.asking import Asking
from reconciler.cli.deadline import deadline
from reconciler.errors import UsageError


def ended(monkeypatch, run):
    monkeypatch.setattr(cli, "run", run)
    monkeypatch.setattr(sys, "argv", ["froyo", "get"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return stop.value.code


def test_the_exit_status_is_the_commands(monkeypatch):
    assert ended(monkeypatch, lambda words: len(words) + 1) == 2


def test_ctrl_c_before_any_command_is_130(monkeypatch):
    def interrupted(_words):
        raise KeyboardInterrupt

    assert ended(monkeypatch, interrupted) == 130


def test_the_first_process_of_a_container_ends_when_it_is_told_to(monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    try:
        assert ended(monkeypatch, lambda _: signal.raise_signal(signal.SIGTERM)) == 143
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_reader_that_has_gone_is_141_and_the_rest_goes_nowhere(monkeypatch):
    def broken(_words):
        raise BrokenPipeError

    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert ended(monkeypatch, broken) == 141
        out.write("more")


@pytest.mark.parametrize("words", [["version"], ["--help"], ["help", "get"], ["completion", "bash"]])
def test_output_that_cannot_be_written_is_named(words, tmp_path):
    """It was `no space left on device`, of nothing; or a traceback."""
    froyo = [sys.executable, "-m", "reconciler.cli", *words]
    environ = {**os.environ, "FROYO_STATE": str(tmp_path)}
    with open("/dev/full", "w") as full:
        done = subprocess.run(froyo, stdout=full, stderr=subprocess.PIPE, text=True, env=environ, check=False)
    said = "froyo: standard output: no space left on device; free some space there: df -h, df -i\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_output_that_somebody_has_set_not_to_wait_waits():
    """Where somebody had left it so, no more was said than a pipe holds."""
    program = (
        "from reconciler.cli.streams import prepare; import sys; prepare(); sys.stdout.write('x' * 1_000_000)"
    )
    read, write = os.pipe()
    os.set_blocking(write, False)
    with open(read, "rb") as reader, subprocess.Popen([sys.executable, "-c", program], stdout=write) as child:
        os.close(write)
        assert len(reader.read()) == 1_000_000
    assert child.returncode == 0


@pytest.mark.parametrize(
    ("words", "says"), [([], "Begin with"), (["-h"], "Begin with"), (["version"], "froyo 0.")]
)
def test_what_is_asked_most_is_answered_at_once(words, says, capsysbinary):
    assert cli.run(words) == 0
    assert says in capsysbinary.readouterr().out.decode()


async def test_a_deadline_says_what_was_not_finished():
    async with deadline(None, "it"), deadline("1h", "it"):
        pass
    with pytest.raises(UsageError, match="the apply was not finished within 1ms"):
        async with deadline("1ms", "the apply"):
            await asyncio.Event().wait()


async def test_a_timeout_from_inside_is_not_taken_for_the_deadline():
    with pytest.raises(TimeoutError):
        async with deadline("1h", "it"):
            raise TimeoutError


def test_who_asks_is_named_with_who_is_behind_them(monkeypatch):
    name = steering.person({})
    assert name
    assert steering.person({"SUDO_USER": name}) == name
    assert steering.person({"SUDO_USER": "alice"}) == "alice via sudo"
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert steering.person({}) == "uid 54321"


class Everything:
    """Knows two resources of one target."""

    def get(self, _path, query):
        views = [
            {"address": f"web-1/File/{name}", "target": "web-1", "kind": "File", "name": name}
            for name in ("a", "b")
        ]
        from reconciler.api.selecting import Selection

        return {"items": Selection(query.get("what", "")).narrow(views)}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("all", ["*"]),
        ("*", ["*"]),
        ("web-1", ["web-1"]),
        ("File/a", ["*/File/a"]),
        ("files", ["*/File"]),
        ("web-1/files", ["web-1/File"]),
        ("web-1/File/a", ["web-1/File/a"]),
        ("b", ["web-1/File/b"]),
    ],
)
def test_objects_are_what_people_mean(what, expected):
    assert steering.objects(Everything(), what) == expected


def test_what_means_nothing_is_said_to(tmp_path):
    with pytest.raises(UsageError, match="froyo get"):
        steering.objects(Everything(), "Nope")
    asking = Asking(places({"HOME": str(tmp_path)}))
    with pytest.raises(UsageError, match="do this instead"):
        asking.need_daemon("do this instead")
