"""The daemon: what it costs when nothing happens, and how soon it starts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import sites
from tests.bench.commands import FROYO, timed
from tests.bench.hosts import Lab
from tests.bench.rows import Row

TARGETS = 100
INSTANCES = 10_000
WHERE = "/srv/froyo-bench-fleet"
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
        self.process = subprocess.Popen(
            [FROYO, "up", str(site)],
            env={**os.environ, "FROYO_STATE": str(state)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def database(self) -> Path:
        """Its store."""
        return self._state / "froyo.db"

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


def processor_of(pids: list[int]) -> float:
    """Seconds of processor time that these have used."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def memory_of(pids: list[int]) -> float:
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


def _idle(
    daemon: Daemon, what: str, *, core: float, memory: float, seconds: float, whole: bool, note: str = ""
) -> Iterator[Row]:
    """What it takes when nothing happens.

    Args:
        daemon: with everything in sync.
        what: it is.
        core: budget, % of a core.
        memory: budget, MB.
        seconds: over which it is taken; as long again, it is left to itself before, until each target has had a rescan.
        whole: whether its runners on this machine count, because they are what it costs here; else they are told.
        note: more about it.
    """
    time.sleep(seconds)
    pids = daemon.family()
    own = pids[:1]
    before, before_own = processor_of(pids), processor_of(own)
    time.sleep(seconds)
    used, used_own = (
        (processor_of(of) - at) / seconds * 100 for of, at in ((pids, before), (own, before_own))
    )
    others = f"{len(pids) - 1} runner{'s' if len(pids) > 2 else ''} here"
    counted, told = ("with", "without") if whole else ("without", "with")
    if len(pids) > 1:
        note = f"{note}{counted} its {others}"
    for name, unit, budget, figures in (
        ("processor", "% of a core", core, (used, used_own)),
        ("memory (PSS)", "MB", memory, (memory_of(pids), memory_of(own))),
    ):
        measured, other = figures if whole else figures[::-1]
        aside = f"; {told} {other:.3g}" if len(pids) > 1 else ""
        yield Row(what=f"{what}: {name}", measured=measured, unit=unit, budget=budget, note=note + aside)


def idle(work: Path, *, seconds: float) -> Iterator[Row]:
    """A thousand files of this machine, below `work`."""
    root, site, state = work / "root", work / "site", work / "state"
    sites.write(site, [sites.local_target("here"), *sites.files("here", str(root), 1000)])
    with running(site, state, 1001) as daemon:
        note = f"right after it had applied all of it: {memory_of(daemon.family()):.0f} MB; "
    with running(site, state, 1001) as daemon:
        yield from _idle(
            daemon,
            "daemon with 1,000 local files, idle",
            core=0.2,
            memory=120.0,
            seconds=seconds,
            whole=True,
            note=note,
        )


def fleet(work: Path, lab: Lab | None, *, seconds: float) -> Iterator[Row]:
    """Ten thousand instances on a hundred targets: sessions over SSH to the lab's hosts, or without a lab, pipes."""
    site, state = work / "site", work / "state"
    roots = WHERE if lab else str(work / "roots")
    documents = []
    for number in range(TARGETS):
        name = f"t{number}"
        host = lab.hosts[number % len(lab.hosts)] if lab else None
        documents.append(lab.target(host, name) if lab and host else sites.local_target(name))
        documents += sites.files(name, f"{roots}/{name}", INSTANCES // TARGETS - 1)
    kind = f"over SSH, to {len(lab.hosts)} hosts" if lab else "all of them this machine, over pipes"
    if lab:
        for host in lab.hosts:
            timed([*lab.ssh, host.name, "mkdir", "-p", WHERE])
    else:
        Path(roots).mkdir(parents=True)
    sites.write(site, documents)
    with lab.cleaned(lab.hosts, WHERE) if lab else contextlib.nullcontext():
        with running(site, state, INSTANCES) as daemon:
            note = f"{kind}; right after it had applied all of it: {memory_of([daemon.process.pid]):.0f} MB; "
        began = time.time()
        daemon = Daemon(site, state)
        try:
            yield _started(daemon, began)
            daemon.wait(INSTANCES)
            yield from _idle(
                daemon,
                "10,000 instances on 100 targets, steady",
                core=2.0,
                memory=250.0,
                seconds=seconds,
                whole=False,
                note=note,
            )
        finally:
            daemon.stop()


def _started(daemon: Daemon, began: float) -> Row:
    # Asked of the database, because to be asked is work for the daemon.
    with contextlib.closing(sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True)) as known:
        while True:
            (first,) = known.execute(
                "SELECT min(connected_since) FROM target_state WHERE connected_since > ?", (began,)
            ).fetchone()
            if first is not None:
                break
            time.sleep(0.02)
    return Row(
        what="start of the daemon with 10,000 instances known",
        measured=first - began,
        unit="s",
        budget=3.0,
        note="until the first session stands, whose round begins then",
    )
