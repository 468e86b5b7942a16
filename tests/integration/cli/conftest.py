"""A person's directory, machine and state, and the real `froyo` on them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from reconciler import cli

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE = 120.0

TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, labels: {role: test}}
spec: {local: {}}
"""
FILES = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Directory
metadata: {name: etc}
spec: {target: here, path: "@/etc", mode: "0755"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd, labels: {tier: web}}
spec: {target: here, path: "@/etc/motd", content: "hello\\n", mode: "0644"}
"""


class Person:
    """Somebody who uses froyo."""

    def __init__(self, base):
        self.base = base
        self.site, self.machine, self.state = base / "site", base / "machine", base / "s"
        self.site.mkdir()
        self.machine.mkdir()
        self.environ = {
            **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")},
            "FROYO_STATE": str(self.state),
            "FROYO_CACHE": str(REPOSITORY / "build" / "provider-cache"),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "TZ": "UTC",
        }
        self.write("target.yaml", TARGET)
        self.write("files.yaml", FILES)

    def write(self, name, text):
        (self.site / name).write_text(text.replace("@", str(self.machine)))

    def command(self, *arguments):
        return [sys.executable, "-m", "reconciler.cli", *map(str, arguments)]

    def froyo(self, *arguments, status=0, **environ):
        """Run a command in this process, as `main` does; `real` is for what only another process can show.

        With the status None any will do.
        """
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch:
            for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
                patch.delenv(name, raising=False)
            for name, value in {**self.environ, **environ}.items():
                patch.setenv(name, value)
            patch.chdir(self.base)
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            returned = cli.run(list(map(str, arguments)))
        done = subprocess.CompletedProcess(arguments, returned, *map(_text, (out, err)))
        assert status in (None, returned), (done.args, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def real(self, *arguments, status=0, **environ):
        """Run a command in a process of its own. It stays where we are: coverage is counted there."""
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            env={**self.environ, **environ},
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == status, (done.args, done.stdout, done.stderr)
        return done

    def json(self, *arguments, status=0):
        return json.loads(self.froyo(*arguments, "-o", "json", status=status).stdout)

    @contextlib.contextmanager
    def up(self, *arguments, ends=signal.SIGTERM):
        """A running daemon; it is told to end by a signal, SIGTERM as a rule, and does so in order."""
        log = (self.base / "daemon.log").open("wb")
        daemon = subprocess.Popen(
            self.command("up", self.site, *arguments), stdout=log, stderr=log, env=self.environ
        )
        try:
            until = time.monotonic() + PATIENCE
            while not (self.state / "froyo.sock").exists():
                assert daemon.poll() is None, self.log
                assert time.monotonic() < until, self.log
                time.sleep(0.01)
            yield daemon
            daemon.send_signal(ends)
            assert daemon.wait(timeout=PATIENCE) == (-ends if ends == signal.SIGKILL else 0), self.log
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
            log.close()

    @property
    def log(self):
        return (self.base / "daemon.log").read_text(errors="replace")

    def until(self, condition):
        """Wait until something is so."""
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, "it did not come about"
            time.sleep(0.01)


def _text(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


@pytest.fixture
def person():
    # A socket's path may have 107 characters, so pytest's own directories are too deep.
    base = Path(tempfile.mkdtemp(prefix="froyo-"))
    try:
        yield Person(base)
    finally:
        shutil.rmtree(base)
