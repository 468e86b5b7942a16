"""The demo on a few files: start the daemon, spoil them in three ways, and watch each being put right.

Everything happens for real, through the `froyo` command, below `build/demo`; nothing else is touched, and neither root
nor a network is needed. As root the daemon can also tell who spoiled a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from examples.demo.stage import Daemon, Failed, heading, paint, remark, say, show

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "build" / "demo"
ROOT, SITE, STATE, LOG = DEMO / "machine", DEMO / "declared", DEMO / "state", DEMO / "daemon.log"
INSTANCES = 6


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


def prepare() -> None:
    """A fresh machine directory, and what is declared for it."""
    shutil.rmtree(DEMO, ignore_errors=True)
    for directory in (ROOT, SITE, STATE):
        directory.mkdir(parents=True)
    STATE.chmod(0o700)
    text = (HERE / "site.yaml.in").read_text(encoding="utf-8")
    (SITE / "site.yaml").write_text(text.replace("@ROOT@", str(ROOT)), encoding="utf-8")
    shutil.copy(HERE / "index.html", SITE)


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
    daemon, somebody = Daemon(SITE, STATE, LOG), Somebody()
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
