"""How soon a file that somebody changes is right again: here and over SSH, beside a bare loop around inotify."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import sites
from tests.bench.changes import Changes
from tests.bench.commands import FROYO, timed
from tests.bench.daemon import running
from tests.bench.hosts import Lab
from tests.bench.rows import Row, percentile

LATE = 10.0
"""Seconds after which a file that is still wrong counts as missed: long before a rescan would find it."""
PAUSES = (0.05, 0.3)
"""Seconds between two changes, at random: each has the daemon to itself."""
FILES = 1000
SHORT = 50
"""Changes by processes that end at once."""
FILES_SSH = 99
WHERE = "/srv/froyo-bench"
LINE = b"x" * 500 + b"\n"
"""About as long as what tells of a change."""


def drift(
    names: Sequence[Path],
    wanted: dict[Path, bytes],
    rounds: int,
    *,
    pauses: tuple[float, float] | None = None,
) -> tuple[list[float], int]:
    """Change files by hand, one at a time.

    Args:
        names: the files.
        wanted: what is to be in them.
        rounds: how many changes.
        pauses: bounds of the pause before each; None for none.

    Returns:
        Seconds from right before each change until the file is right again, and how many never were.
    """
    took, missed = [], 0
    chance = random.Random(1)
    with Changes({path.parent for path in names}) as changes:
        for number in range(rounds):
            if pauses is not None:
                time.sleep(chance.uniform(*pauses))
            path = chance.choice(names)
            began = time.perf_counter()
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
            os.write(descriptor, b"spoiled %d\n" % number)
            os.close(descriptor)
            while not _is_right(path, wanted[path]):
                if time.perf_counter() - began > LATE:
                    missed += 1
                    break
                changes.wait(0.05)
            else:
                took.append(time.perf_counter() - began)
    return took, missed


def _is_right(path: Path, content: bytes) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes() == content
    return False


def here(work: Path, *, spoils: int) -> Iterator[Row]:
    """On this machine.

    Args:
        work: an empty directory.
        spoils: how many times a file is changed.
    """
    root, site, state = work / "root", work / "site", work / "state"
    sites.write(site, [sites.local_target("here"), *sites.files("here", str(root), FILES)])
    timed([FROYO, "apply", str(site)], environ={"FROYO_STATE": str(state)})
    names = [root / f"f{number}" for number in range(FILES)]
    wanted = _wanted(names)
    with _bare_loop(work / "contents", root, wanted):
        limit, _ = drift(names, wanted, min(300, spoils), pauses=PAUSES)
        limit_busy, _ = drift(names, wanted, min(300, spoils))
    with running(site, state, FILES + 1):
        time.sleep(5)  # what follows the start
        single, missed = drift(names, wanted, spoils, pauses=PAUSES)
        busy, missed_busy = drift(names, wanted, spoils)
        told = _told(names, state)
    note = "limit: a bare loop around inotify"
    yield from _rows("a file here changed by hand", single, missed, limit, budgets=(5.0, 50.0), note=note)
    yield from _rows("the same, one change after the other without a pause", busy, missed_busy, limit_busy)
    yield Row(
        what="changes by a process that ends at once, of which the event has the command",
        measured=float(told),
        unit=f"of {SHORT}",
        note="needs root, and a real-time thread in the runner",
    )


def _told(names: Sequence[Path], state: Path) -> int:
    """How often it is known who changed a file although the process had next to no time to be seen."""
    told = 0
    for number in range(SHORT):
        path = names[number]
        subprocess.run(["chmod", "600", str(path)], check=True)
        until = time.perf_counter() + LATE
        while path.stat().st_mode & 0o777 == 0o600 and time.perf_counter() < until:
            time.sleep(0.01)
    time.sleep(1)  # until what was done last is on record
    asked = [FROYO, "events", "--reason", "Repaired", "-n", str(SHORT), "-o", "json"]
    found = subprocess.run(
        asked, check=True, stdout=subprocess.PIPE, env={**os.environ, "FROYO_STATE": str(state)}
    )
    for event in json.loads(found.stdout)["items"]:
        told += event.get("evidence", {}).get("command", "").startswith("chmod")
    return told


def over_ssh(work: Path, lab: Lab, *, spoils: int) -> Iterator[Row]:
    """On a host, spoiled from this side of its disk, which its kernel notices like any other change."""
    host = lab.hosts[0]
    site, state = work / "site", work / "state"
    sites.write(site, [lab.target(host), *sites.files(host.name, WHERE, FILES_SSH)])
    root = host.root / WHERE.lstrip("/")
    names = [root / f"f{number}" for number in range(FILES_SSH)]
    wanted = _wanted(names)
    with lab.cleaned([host], WHERE):
        with running(site, state, FILES_SSH + 1):
            time.sleep(5)
            single, missed = drift(names, wanted, spoils, pauses=PAUSES)
            busy, missed_busy = drift(names, wanted, spoils)
        trips = _round_trips(lab, host.name)
        with _bare_loop(work / "contents", root, wanted):
            bare, _ = drift(names, wanted, min(300, spoils), pauses=PAUSES)
    limit = [one + trip for one, trip in zip(sorted(bare), sorted(trips), strict=False)]
    note = "limit: the bare loop, and one round trip over an open ssh connection"
    yield from _rows(
        "a file changed by hand over SSH", single, missed, limit, budgets=(15.0, 100.0), note=note
    )
    yield from _rows(
        "the same over SSH, one change after the other without a pause", busy, missed_busy, limit
    )


def _wanted(names: list[Path]) -> dict[Path, bytes]:
    return {path: sites.content(number).encode() for number, path in enumerate(names)}


def _rows(
    what: str,
    took: list[float],
    missed: int,
    limit: list[float],
    *,
    budgets: tuple[float, float] | None = None,
    note: str = "",
) -> Iterator[Row]:
    spread = f"of {len(took) + missed:,}; slowest {max(took, default=0.0) * 1000:.0f} ms"
    for place, (name, part) in enumerate((("p50", 0.5), ("p99", 0.99))):
        yield Row(
            what=f"{what}: {name}",
            measured=percentile(took, part) * 1000 if took else LATE * 1000,
            unit="ms",
            limit=percentile(limit, part) * 1000,
            budget=budgets[place] if budgets else None,
            note=note if place == 0 else spread,
        )
    yield Row(
        what=f"{what}: missed",
        measured=float(missed),
        unit=f"of {len(took) + missed:,}",
        budget=0.0 if budgets else None,
        note=f"not right within {LATE:.0f} s",
    )


@contextlib.contextmanager
def _bare_loop(contents: Path, root: Path, wanted: dict[Path, bytes]) -> Iterator[None]:
    """The limit: a loop around inotify that writes a file anew when it was closed after writing."""
    contents.mkdir()
    for path, body in wanted.items():
        (contents / path.name).write_bytes(body)
    program = Path(__file__).with_name("bare_loop.py")
    process = subprocess.Popen([sys.executable, str(program), str(root), str(contents)])
    try:
        time.sleep(1)
        yield
    finally:
        process.terminate()
        process.wait()


def _round_trips(lab: Lab, host: str, *, times: int = 300) -> list[float]:
    """Seconds of a line's way over an open connection and back."""
    echo = subprocess.Popen([*lab.ssh, host, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert echo.stdin is not None
    assert echo.stdout is not None
    took = []
    for _ in range(times + 1):
        began = time.perf_counter()
        echo.stdin.write(LINE)
        left = len(LINE)
        while left:
            left -= len(echo.stdout.read(left) or b"")
        took.append(time.perf_counter() - began)
    echo.stdin.close()
    echo.wait()
    return took[1:]
