"""What providers cost: their share of a repair, a thousand resources at once, an instance, another thread.

`linux.file` runs in WebAssembly, on spares, as in the daemon; the target answers at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.model.calls import Call, Ok, Reply
from reconciler.plugins.calls import Phase
from reconciler.plugins.host import IDLE_SECONDS, LANE, SPARES, PluginHost
from reconciler.plugins.packages import load_packages, needs
from reconciler.runtime import Runtime, ThreadLanes
from tests.bench.rows import Row
from tests.warming import warm

ROOT = Path(__file__).parents[2]
REPAIRS = 40
MANY = 1000
PACKAGE = "linux.file"
Figure = tuple[str, float, str]


class Machine:
    """A target in memory, all of whose files are alike."""

    def __init__(self) -> None:
        self.mode = "0644"

    async def __call__(self, calls: list[Call]) -> list[Reply]:
        if calls[0].name != "file.stat":
            self.mode = "0644"
        return [Ok(self._stat()) for _ in calls]

    def _stat(self) -> dict[str, Any]:
        return {
            "exists": True,
            "type": "file",
            "mode": self.mode,
            "uid": 0,
            "gid": 0,
            "owner": "root",
            "group": "root",
            "size": 12,
            "digest": "sha256:" + "a" * 64,
            "state": f"sha256:{int(self.mode, 8):064x}",
            "changed": True,
        }


def files(count: int, directory: str) -> list[dict[str, Any]]:
    """Files as they are declared."""
    return [
        {
            "address": f"host/File/f{number}",
            "kind": "File",
            "name": f"f{number}",
            "spec": {
                "path": f"/etc/{directory}/f{number}",
                "state": "present",
                "mode": "0644",
                "body": {"digest": "sha256:" + "a" * 64, "size": 12},
            },
            "ignore": [],
            "managed": [],
        }
        for number in range(count)
    ]


async def round_of(host: PluginHost, machine: Machine, resources: list[dict[str, Any]]) -> dict[str, float]:
    """One look, and what follows from it; the time of each phase."""
    took: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        took[name] = time.perf_counter() - began

    with timed("read"):
        request = {"target": {"name": "host"}, "resources": resources}
        actual = (await host.run(PACKAGE, Phase.READ, request, machine))["actual"]
    with timed("plan"):
        request = {"resources": resources, "actual": actual}
        planned = (await host.run(PACKAGE, Phase.PLAN, request, machine))["operations"]
    wanted = [
        {key: operation[key] for key in ("address", "action", "payload", "calls")}
        for operation in planned
        if operation["action"] != "none"
    ]
    if wanted:
        with timed("apply"):
            await host.run(PACKAGE, Phase.APPLY, {"operations": wanted}, machine)
    return took


async def idle(host: PluginHost) -> None:
    """Until the spares are there again, and a while longer, as between two events."""
    ready = host._ready[PACKAGE]
    while len(ready.spares) < ready.wanted_spares or host._chores:  # noqa: ASYNC110 - not among its events
        await asyncio.sleep(IDLE_SECONDS)
    await asyncio.sleep(0.1)


async def repairs(host: PluginHost) -> list[Figure]:
    """One file whose mode somebody changes, again and again, each time to something new."""
    machine, one = Machine(), files(1, "one")
    await round_of(host, machine, one)
    rounds: list[dict[str, float]] = []
    for number in range(REPAIRS):
        await idle(host)
        machine.mode = f"{0o700 + number % 64:04o}"
        rounds.append(await round_of(host, machine, one))
    return [
        *(
            (f"one file, {name}", statistics.median(one[name] for one in rounds) * 1e3, "ms")
            for name in ("read", "plan", "apply")
        ),
        ("one file, read + plan + apply", statistics.median(sum(one.values()) for one in rounds) * 1e3, "ms"),
        ("the same, 95 % of them within", _percentile([sum(one.values()) for one in rounds], 95) * 1e3, "ms"),
    ]


async def many(host: PluginHost) -> list[Figure]:
    """A thousand files in one request, once different and once in sync."""
    rounds: dict[str, list[dict[str, float]]] = {"different": [], "in sync": []}
    for number in range(5):
        for name, mode in (("different", "0600"), ("in sync", "0644")):
            await idle(host)
            machine = Machine()
            machine.mode = mode
            rounds[name].append(await round_of(host, machine, files(MANY, f"{name}{number}")))
    return [
        (f"{MANY} files {name}, {phase}", statistics.median(one[phase] for one in rounds[name]) * 1e3, "ms")
        for name, phases in (("different", ("read", "plan", "apply")), ("in sync", ("read", "plan")))
        for phase in phases
    ]


async def hops(runtime: Runtime) -> list[Figure]:
    """To the thread of the sandboxes and back."""
    rows: list[Figure] = []
    for pause, name in ((0.0, "busy"), (0.02, "after a pause")):
        took: list[float] = []
        for _ in range(50):
            await asyncio.sleep(pause)
            began = time.perf_counter()
            await runtime.offload(LANE, time.perf_counter)
            took.append(time.perf_counter() - began)
        rows.append((f"to the sandboxes' thread and back, {name}", statistics.median(took) * 1e6, "us"))
    return rows


def private_memory() -> float:
    """MiB that this process alone holds."""
    sizes = (line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(words[1]) for words in sizes if words[0].startswith("Private_")) / 1024


async def measured() -> list[Figure]:
    """All rows."""
    packages = [one for one in load_packages([ROOT / "providers"]) if one.name == PACKAGE]
    cache = ROOT / "build" / "components"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    lanes = ThreadLanes()
    runtime = Runtime(connect=_nowhere, offload=lanes)

    def host(spares: int) -> PluginHost:
        return PluginHost(
            packages,
            grants=needs(packages),
            runtime=runtime,
            cache_dir=cache,
            artifacts=ROOT / "reconciler" / "_artifacts",
            audit=print,
            spares=spares,
        )

    compiled = host(0)
    await warm(compiled)
    await compiled.close()
    cold = host(0)
    began = time.perf_counter()
    await round_of(cold, Machine(), files(1, "first"))
    rows: list[Figure] = [
        ("first look in a process, compiled before", (time.perf_counter() - began) * 1e3, "ms")
    ]
    await cold.close()

    ready = host(SPARES)
    await ready.prepare(packages[0])
    before = private_memory()
    await warm(ready)
    rows.append(("memory of an instance kept ready", (private_memory() - before) / SPARES, "MiB"))
    rows += await repairs(ready)
    rows += await many(ready)
    rows += await hops(runtime)
    await ready.close()
    lanes.close()
    return rows


async def _nowhere(target: object) -> Any:
    raise AssertionError(f"nothing is connected to here, not even {target}")


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def rows() -> Iterator[Row]:
    """Everything."""
    for what, figure, unit in asyncio.run(measured()):
        yield Row(what=f"provider host: {what}", measured=figure, unit=unit)
