"""What loading and watching cost.

The limit beside a load is the same bytes through libyaml's parser alone, and beside a look the same files
through `os.stat`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from yaml._yaml import CParser

from reconciler.config import ParseCache, load
from reconciler.model.catalog import Catalog
from reconciler.model.names import Digest, SourceName
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.plugins.packages import catalog, load_packages
from reconciler.runtime import Runtime, ThreadLanes
from tests.bench.rows import Row, median
from watchers.directory import DirectorySource
from watchers.fingerprint import fingerprint

DOCUMENTS = 10_000
HOSTS = 100
PACKAGE = Path(__file__).parents[2] / "providers" / "linux.file"
TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1, labels: {role: web}}
spec: {local: {}}
"""
IDLE = 5.0
CHANGES = 50


def _document(number: int) -> str:
    return f"""\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata:
  name: file-{number}
  labels: {{tier: t{number % 7}, app: "a{number % 50}"}}
spec:
  targets:
    matchLabels: {{role: web}}
  path: /etc/froyo/dir-{number % 100}/file-{number}.conf
  content: |
    # file {number}
    key = value-{number}
    other = yes
  mode: "0644"
  owner: root
  group: root
"""


def snapshot_of(files: dict[str, str]) -> Snapshot:
    """Files as a source has them."""
    found = {}
    for path, text in files.items():
        content = text.encode()
        digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
        found[path] = SnapshotFile(path, digest, len(content), lambda content=content: content)
    return Snapshot(SourceName("bench"), "1", Digest("sha256:1"), found)


def timed(function: Callable[[], object]) -> float:
    """How long it takes, in s."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def _best(function: Callable[[], object]) -> float:
    """Of five, the one that was disturbed the least; in ms."""
    return min(timed(function) for _ in range(5)) * 1e3


def _parse(text: bytes) -> None:
    parser = CParser(text)
    while parser.get_event() is not None:
        pass


def _loading(kinds: Catalog) -> list[Row]:
    documents = [_document(number) for number in range(DOCUMENTS)]
    one = {"t.yaml": TARGET, "all.yaml": "---\n".join(documents)}
    many = {"t.yaml": TARGET} | {f"{number}.yaml": text for number, text in enumerate(documents)}
    snapshot, scattered = snapshot_of(one), snapshot_of(many)
    changed = snapshot_of(many | {"7.yaml": _document(7).replace("0644", "0600")})
    broken = snapshot_of(many | {"7.yaml": _document(7).replace("path:", "pth:")})
    cache = ParseCache()
    limit = timed(lambda: _parse(one["all.yaml"].encode()))

    def fail() -> None:
        try:
            load(broken, kinds, cache=cache)
        except Exception as error:  # noqa: BLE001 - its time is what is asked for
            str(error)

    return [
        Row(what=what, measured=timed(work), unit="s", limit=limit, note=note)
        for what, work, note in (
            ("10,000 documents in one file", lambda: load(snapshot, kinds), "limit: libyaml's parser alone"),
            ("10,000 documents in 10,000 files", lambda: load(scattered, kinds, cache=cache), ""),
            ("the same again", lambda: load(scattered, kinds, cache=cache), ""),
            ("the same with one changed", lambda: load(changed, kinds, cache=cache), ""),
            ("the same with one broken, explained", fail, ""),
        )
    ]


def _looking(root: Path) -> list[Row]:
    names = [f"d{number // 100}/{number}.yaml" for number in range(1000)]
    for number, name in enumerate(names):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(_document(number))
    lanes = ThreadLanes()
    source = DirectorySource(SourceName("bench"), root, runtime=Runtime(connect=None, offload=lanes))  # type: ignore[arg-type] # nobody connects
    paths = [str(root / name) for name in names]
    first = timed(source.take)
    time.sleep(0.1)  # until no file counts as changed only just now
    source.take()
    limit = _best(lambda: [os.stat(path) for path in paths])
    rows = [
        Row(what=f"a source of 1,000 files: {what}", measured=measured, unit="ms", limit=limit, note=note)
        for what, measured, note in (
            ("first snapshot", first * 1e3, "limit: os.stat of each"),
            ("rescan, nothing new", _best(source.take), ""),
            ("fingerprint", _best(lambda: fingerprint(root)), ""),
        )
    ]
    rows += asyncio.run(_following(source, root / names[5]))
    lanes.close()
    return rows


async def _following(source: DirectorySource, path: Path) -> list[Row]:
    """What an idle watch costs, and how long a change takes to become a snapshot."""
    arrived: asyncio.Queue[float] = asyncio.Queue()

    async def follow() -> None:
        async for _ in source.snapshots():
            arrived.put_nowait(time.perf_counter())

    following = asyncio.create_task(follow())
    await arrived.get()
    await asyncio.sleep(2)
    busy, started = time.process_time(), time.perf_counter()
    await asyncio.sleep(IDLE)
    idle = (time.process_time() - busy) / (time.perf_counter() - started) * 100
    delays = []
    for number in range(CHANGES):
        changed = time.perf_counter()
        path.write_text(f"# {number}\n")  # noqa: ASYNC240 - what a person would do
        delays.append((await arrived.get() - changed) * 1e3)
        await asyncio.sleep(0.05)
    following.cancel()
    return [
        Row(what="a source of 1,000 files: watched, idle", measured=idle, unit="% of a core"),
        Row(what="a manifest changed, until the snapshot: p50", measured=median(delays), unit="ms"),
        Row(what="a manifest changed, until the snapshot: slowest", measured=max(delays), unit="ms"),
    ]


def _imports() -> list[Row]:
    rows = []
    for module in ("watchers.fingerprint", "reconciler.config", "reconciler.config.loading"):
        code = f"import time; s = time.perf_counter(); import {module}; print(time.perf_counter() - s)"
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        rows.append(Row(what=f"import {module}", measured=float(done.stdout) * 1e3, unit="ms"))
    return rows


def _valued() -> str:
    """A hundred targets with values of their own, and a hundred Files that read them."""
    api = "apiVersion: froyo.dev/v1alpha1"
    targets = [
        f"{api}\nkind: Target\nmetadata: {{name: web-{one}, labels: {{role: web}}}}\nspec: {{ssh: {{host: h-{one}}}}}\n"
        for one in range(HOSTS)
    ]
    values = [
        f"{api}\nkind: Vars\nmetadata: {{name: web-{one}}}\n"
        f"spec: {{target: web-{one}, values: {{port: {8000 + one}, site: site-{one}}}}}\n"
        for one in range(HOSTS)
    ]
    files = [
        _document(number).replace(
            f"# file {number}", "listen ${vars.port + 1} ${vars.site} # on ${target.name}"
        )
        for number in range(DOCUMENTS // HOSTS)
    ]
    return "---\n".join([*targets, *values, *files])


def documents() -> Iterator[Row]:
    """The budgets of loading."""
    kinds = catalog(load_packages([PACKAGE]))
    text = "---\n".join(_document(number) for number in range(DOCUMENTS))
    snapshot = snapshot_of({"t.yaml": TARGET, "all.yaml": text})
    yield Row(
        what="10,000 documents load and validate",
        measured=min(timed(lambda: load(snapshot, kinds)) for _ in range(3)),
        unit="s",
        limit=min(timed(lambda: _parse(text.encode())) for _ in range(3)),
        budget=2.0,
        note="limit: the same text through libyaml's parser alone",
    )
    valued = _valued()
    given = snapshot_of({"all.yaml": valued})
    yield Row(
        what="10,000 instances with values of their own load",
        measured=min(timed(lambda: load(given, kinds)) for _ in range(3)),
        unit="s",
        limit=min(timed(lambda: _parse(valued.encode())) for _ in range(3)),
        budget=3.0,
        note="100 targets, 100 Files; limit as above",
    )


def rows() -> Iterator[Row]:
    """Loading, looking and importing."""
    with tempfile.TemporaryDirectory(prefix="froyo-bench-") as work:
        yield from _loading(catalog(load_packages([PACKAGE])))
        yield from _looking(Path(work))
        yield from _imports()
