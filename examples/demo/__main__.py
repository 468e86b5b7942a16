"""`make demo`: start the daemon on a few files, spoil them in three ways, and watch each being put right.

Everything happens for real, through the `froyo` command, below `build/demo`; nothing else is touched, and neither root
nor a network is needed. As root the daemon can also tell who spoiled a file.
"""

from __future__ import annotations

import json
import os
import shutil
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

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "build" / "demo"
ROOT, SITE, STATE, LOG = DEMO / "machine", DEMO / "declared", DEMO / "state", DEMO / "daemon.log"
INSTANCES = 6
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


class Somebody:
    """A person with a shell on this machine, who knows nothing of froyo."""

    def __init__(self) -> None:
        self._shell = subprocess.Popen(
            ["/bin/sh"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def types(self, command: str) -> None:
        """Have the shell run a command, and wait until it has."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho\n")
        self._shell.stdin.flush()
        if not self._shell.stdout.readline():
            raise Failed("somebody's shell has ended")

    def leave(self) -> None:
        """Log out."""
        self._shell.communicate()


class Daemon:
    """`froyo up`, and what it tells."""

    def __init__(self) -> None:
        self._environ = {**os.environ, "FROYO_STATE": str(STATE)}
        self._log = LOG.open("wb")
        self._process = subprocess.Popen(
            froyo("up", str(SITE)), stdout=self._log, stderr=self._log, env=self._environ
        )
        self._events: Queue[dict[str, Any]] = Queue()
        self._follower: subprocess.Popen[str] | None = None
        self._told = False

    def follow(self) -> None:
        """Follow the events from the first on, as `froyo events -f` gives them."""
        deadline = time.monotonic() + PATIENCE
        while not (STATE / "froyo.sock").exists():
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
        if not self._told and "compiling" in LOG.read_text(encoding="utf-8", errors="replace"):
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


def prepare() -> None:
    """A fresh machine directory, and what is declared for it."""
    shutil.rmtree(DEMO, ignore_errors=True)
    for directory in (ROOT, SITE, STATE):
        directory.mkdir(parents=True)
    STATE.chmod(0o700)
    text = (HERE / "site.yaml.in").read_text(encoding="utf-8")
    (SITE / "site.yaml").write_text(text.replace("@ROOT@", str(ROOT)), encoding="utf-8")
    shutil.copy(HERE / "index.html", SITE)


def show(event: dict[str, Any]) -> None:
    """One event, as a person wants to read it."""
    took = event.get("duration")
    time_taken = f"{took * 1000:7.1f} ms" if took is not None else " " * 10
    name = event["object"].partition("/")[2]
    say(f"  {paint('32', '✔')} {time_taken}  {paint('1', name)}  {event['message']}")


def spoil(daemon: Daemon, somebody: Somebody, command: str, objects: set[str]) -> list[float]:
    """Have somebody spoil something, and wait until each of `objects` is right again."""
    say(f"  {paint('31', '$')} {command}")
    somebody.types(command)
    left, times = set(objects), []
    for event in daemon.events(lambda event: event["reason"] == "Repaired" and event["object"] in left):
        show(event)
        left.discard(event["object"])
        times.append(event["duration"])
        if not left:
            break
    return times


def story(daemon: Daemon, somebody: Somebody, began: float) -> None:
    """What there is to see, from the first apply to the last repair."""
    daemon.follow()
    made = 0
    for event in daemon.events(lambda event: event["reason"] == "Created"):
        show(event)
        made += 1
        if made == INSTANCES:
            break
    say(f"  {made} instances as declared, {time.monotonic() - began:.1f} s after `froyo up` was typed")

    heading("somebody writes into a file")
    times = spoil(daemon, somebody, "echo 'gotcha' > etc/motd", {"here/File/motd"})
    remark((ROOT / "etc" / "motd").read_text(encoding="utf-8").strip())

    heading("somebody opens up a secret")
    times += spoil(daemon, somebody, "chmod 0666 etc/api.key", {"here/File/api-key"})
    remark(f"mode {(ROOT / 'etc' / 'api.key').stat().st_mode & 0o7777:04o}")

    heading("somebody deletes a whole directory, and the link to it")
    gone = {"here/Directory/site", "here/File/index", "here/Symlink/current"}
    # A plain `rm -r site` may find its directory filled again before it comes to remove it, and fail.
    times += spoil(daemon, somebody, "mv site old && rm -r old current", gone)
    remark(f"current → {os.readlink(ROOT / 'current')}, {len(os.listdir(ROOT / 'site'))} file in it")

    heading("froyo status")
    daemon.run("status")

    heading("in short")
    say(
        f"  {len(times)} repairs, the slowest after {max(times) * 1000:.0f} ms. Nobody asked for any of them."
    )
    if os.geteuid() != 0:
        say("  Who did it is known where the daemon watches as root (fanotify); you are not root here.")


def main() -> int:
    """The demo, from an empty directory to an empty process list."""
    prepare()
    say(paint("1", "OpenFroyo keeps machines as they are declared."))
    say(f"declared in  {os.path.relpath(SITE)}/site.yaml   (one machine: this one, over a pipe)")
    say(f"kept in      {os.path.relpath(ROOT)}/")
    heading("froyo up: read what is, plan the difference, apply it")
    began = time.monotonic()
    daemon, somebody = Daemon(), Somebody()
    failure = ""
    try:
        story(daemon, somebody, began)
    except (Failed, OSError, subprocess.CalledProcessError) as error:
        failure = str(error)
    finally:
        # However it ends, nothing of it goes on.
        somebody.leave()
        status = daemon.stop()
    if failure:
        say()
        say(paint("31", f"The demo failed: {failure}"))
        say(f"The daemon's log ({LOG}) ends with:")
        say(LOG.read_text(encoding="utf-8", errors="replace")[-2000:])
        return 1
    where = os.path.relpath(DEMO)
    say(f"  The daemon has ended (status {status}); look around in {where}/, or go on with the README.")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
