"""What the demos have in common: how they speak, and the daemon that they watch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from reconciler.cli.terminal import terminal

PATIENCE = 60.0
"""Seconds; the very first start compiles the providers, which takes about ten."""

SCREEN = terminal()
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(code: str, text: str) -> str:
    """`text` in a colour, where there are colours."""
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text: str = "") -> None:
    """One line."""
    print(SCREEN.plain(text), flush=True)


def remark(text: str) -> None:
    """How it looks now."""
    say("  " + paint("2", text))


def heading(text: str) -> None:
    """What comes next."""
    say()
    width = min(80, SCREEN.width or 80)
    say(paint("1;36", f"── {text} ".ljust(width, "─")))


def froyo(*arguments: str) -> list[str]:
    """The command line of `froyo`, as this Python has it."""
    return [sys.executable, "-m", "reconciler.cli", *arguments]


class Failed(Exception):
    """The demo could not go on."""


class Daemon:
    """`froyo up`, and what it tells.

    Args:
        site: what is declared.
        state: where it is kept.
        log: where the daemon writes.
    """

    def __init__(self, site: Path, state: Path, log: Path) -> None:
        self._environ = {**os.environ, "FROYO_STATE": str(state)}
        self._socket = state / "froyo.sock"
        self._path = log
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            froyo("up", str(site)), stdout=self._log, stderr=self._log, env=self._environ
        )
        self._events: Queue[dict[str, Any]] = Queue()
        self._follower: subprocess.Popen[str] | None = None
        self._told = False

    def follow(self) -> None:
        """Follow the events from the first on, as `froyo events -f` gives them."""
        deadline = time.monotonic() + PATIENCE
        while not self._socket.exists():
            self._must_live()
            if time.monotonic() > deadline:
                raise Failed("the daemon did not come up")
            time.sleep(0.02)
        self._follower = subprocess.Popen(
            froyo("events", "-f", "--all", "-o", "json"), stdout=subprocess.PIPE, text=True, env=self._environ
        )
        threading.Thread(target=self._read, args=(self._follower,), daemon=True).start()

    def _read(self, follower: subprocess.Popen[str]) -> None:
        assert follower.stdout is not None
        for line in follower.stdout:
            self._events.put(json.loads(line))

    def events(self, wanted: Callable[[dict[str, Any]], bool]) -> Iterator[dict[str, Any]]:
        """Those that are `wanted`, as they come."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self._must_live()
            self._tell_what_takes_long()
            try:
                event = self._events.get(timeout=0.05)
            except Empty:
                continue
            if wanted(event):
                yield event
        raise Failed("what should have happened did not")

    def _tell_what_takes_long(self) -> None:
        if not self._told and "compiling" in self._path.read_text(encoding="utf-8", errors="replace"):
            self._told = True
            say(
                paint(
                    "2", "  the very first start compiles the providers' sandbox: some ten seconds, this once"
                )
            )

    def _must_live(self) -> None:
        if self._process.poll() is not None:
            raise Failed(f"the daemon has ended with status {self._process.returncode}")

    def run(self, *arguments: str) -> None:
        """Another froyo command, which asks the daemon."""
        subprocess.run(froyo(*arguments), env=self._environ, check=True)

    def stop(self) -> int:
        """End it in order; its exit status."""
        if self._follower is not None:
            self._follower.terminate()
            self._follower.wait()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._log.close()


def show(event: dict[str, Any], name: str = "") -> None:
    """One event, as a person wants to read it, by this name or by that of its object on its target."""
    took = event.get("duration")
    time_taken = f"{took * 1000:7.1f} ms" if took is not None else " " * 10
    name = name or event["object"].partition("/")[2]
    say(f"  {paint('32', '✔')} {time_taken}  {paint('1', name)}  {event['message']}")
