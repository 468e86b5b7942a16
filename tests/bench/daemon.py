"""The daemon: what it costs when nothing happens, how soon it starts, and how soon a spoiled file is right again."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import sites
from tests.bench.commands import FROYO, timed
from tests.bench.rows import Row, percentile

IDLE = 30.0
"""Seconds over which idle cost is taken."""
LATE = 10.0
"""Seconds after which a file that is still wrong counts as missed."""
TICK = os.sysconf("SC_CLK_TCK")


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


class Daemon:
    """A running `froyo up`."""

    def __init__(self, site: Path, state: Path) -> None:
        self._state = state
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [FROYO, "up", str(site)],
            env={**os.environ, "FROYO_STATE": str(state)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str) -> Any:
        """A document of the API."""
        connection = _Connection(str(self._state / "froyo.sock"))
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def wait(self, instances: int, *, limit: float = 300.0) -> None:
        """Until so many instances are in sync."""
        counts: dict[str, int] = {}
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                counts = self.ask("/v1/status")["counts"]
                if counts.get("Applied", 0) + counts.get("InSync", 0) >= instances:
                    return
            assert self.process.poll() is None, "the daemon has ended"
            time.sleep(0.1)
        raise RuntimeError(f"not in sync within {limit:.0f} s: {counts}")

    def family(self) -> list[int]:
        """Its process and the runners that it started."""
        found = [self.process.pid]
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(entry.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(entry.parent.name))
        return found

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def _processor(pids: list[int]) -> float:
    """Seconds of processor time that these have used."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def _memory(pids: list[int]) -> float:
    """MB that these alone take, what they share being counted once (PSS)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


@contextlib.contextmanager
def running(site: Path, state: Path, instances: int) -> Iterator[Daemon]:
    """A daemon with everything in sync."""
    daemon = Daemon(site, state)
    try:
        daemon.wait(instances)
        yield daemon
    finally:
        daemon.stop()


def _idle(daemon: Daemon, what: str, *, core: float, memory: float) -> Iterator[Row]:
    time.sleep(5)  # what follows the start
    pids = daemon.family()
    own = pids[:1]
    before, before_own = _processor(pids), _processor(own)
    time.sleep(IDLE)
    used, used_own = (_processor(pids) - before) / IDLE * 100, (_processor(own) - before_own) / IDLE * 100
    yield Row(
        what=f"{what}: processor",
        measured=used_own,
        unit="% of a core",
        budget=core,
        note=f"with its {len(pids) - 1} runner(s) {used:.2f} %",
    )
    yield Row(
        what=f"{what}: memory",
        measured=_memory(own),
        unit="MB",
        budget=memory,
        note=f"with its runner(s) {_memory(pids):.0f} MB",
    )


def drift(names: list[Path], wanted: dict[Path, bytes], rounds: int) -> tuple[list[float], int]:
    """Spoil files by hand, one after another: seconds until each is right again, and how many never were."""
    took, missed = [], 0
    chance = random.Random(1)
    for number in range(rounds):
        path = chance.choice(names)
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        os.write(descriptor, b"spoiled %d\n" % number)
        os.close(descriptor)
        began = time.perf_counter()
        while True:
            with contextlib.suppress(FileNotFoundError):
                if path.read_bytes() == wanted[path]:
                    took.append(time.perf_counter() - began)
                    break
            if time.perf_counter() - began > LATE:
                missed += 1
                break
            time.sleep(0.0002)
    return took, missed


def _bare_loop(root: Path, contents: Path) -> subprocess.Popen[bytes]:
    """The limit: a loop around inotify that writes a file anew when it was closed after writing."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("bare_loop.py")), str(root), str(contents)]
    )


def rows(work: Path, *, spoils: int) -> Iterator[Row]:
    """Measured below `work`.

    Args:
        work: an empty directory.
        spoils: how many times a file is spoiled.
    """
    root, site, state = work / "root", work / "site", work / "state"
    sites.write(site, [sites.local_target("here"), *sites.files("here", str(root), 1000)])
    timed([FROYO, "apply", str(site)], environ={"FROYO_STATE": str(state)})
    names = [root / f"f{number}" for number in range(1000)]
    wanted = {path: sites.content(number).encode() for number, path in enumerate(names)}

    contents = work / "contents"
    contents.mkdir()
    for path, body in wanted.items():
        (contents / path.name).write_bytes(body)
    bare = _bare_loop(root, contents)
    time.sleep(1)
    bare_took, _ = drift(names, wanted, min(500, spoils))
    bare.terminate()
    bare.wait()

    with running(site, state, 1001) as daemon:
        yield from _idle(daemon, "daemon with 1,000 local files, idle", core=0.2, memory=120.0)
        took, missed = drift(names, wanted, spoils)
    yield from _drift_rows("a file here changed by hand", took, missed, bare_took, p50=5.0, p99=50.0)
    yield from _fleet(work / "fleet")


def _drift_rows(
    what: str, took: list[float], missed: int, limit: list[float], *, p50: float, p99: float
) -> Iterator[Row]:
    for name, part, budget in (("p50", 0.5, p50), ("p99", 0.99, p99)):
        yield Row(
            what=f"{what}, until it is right again: {name}",
            measured=percentile(took, part) * 1000,
            unit="ms",
            limit=percentile(limit, part) * 1000 if limit else None,
            budget=budget,
            note=f"of {len(took) + missed:,}, missed {missed}",
        )
    yield Row(what=f"{what}: missed", measured=float(missed), unit="files", budget=0.0)


def _fleet(work: Path) -> Iterator[Row]:
    """Ten thousand instances on a hundred targets, all of which are this machine."""
    site, state = work / "site", work / "state"
    documents = []
    for number in range(100):
        name = f"t{number}"
        documents += [sites.local_target(name), *sites.files(name, str(work / "roots" / name), 99)]
    (work / "roots").mkdir(parents=True)
    sites.write(site, documents)
    with running(site, state, 10_000) as daemon:
        yield from _idle(daemon, "10,000 instances on 100 targets, steady", core=2.0, memory=250.0)
    daemon = Daemon(site, state)
    try:
        while True:
            with contextlib.suppress(OSError, ValueError):
                if any(target["connectedSince"] for target in daemon.ask("/v1/status")["targets"]):
                    break
            time.sleep(0.02)
        started = time.perf_counter() - daemon.began
        daemon.wait(10_000)
    finally:
        daemon.stop()
    yield Row(
        what="start of the daemon with 10,000 instances known",
        measured=started,
        unit="s",
        budget=3.0,
        note="until the first target is connected and its round begins",
    )
