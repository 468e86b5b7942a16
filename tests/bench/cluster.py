"""2,000 objects of a real API server, kept by an operator: until they are Ready, at rest, and when one is changed.

Takes a cluster that runs (`tests/lab/cluster up`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.commands import FROYO
from tests.bench.daemon import memory_of, processor_of
from tests.bench.rows import Row, percentile
from tests.lab.control_plane import COMMAND
from watchers.kubernetes.listing import connected

OBJECTS = 2_000
CHANGES = 40
LIMIT = 900.0
NAMESPACE = "froyo-bench"
FILES = f"apis/linux.froyo.dev/v1alpha1/namespaces/{NAMESPACE}/files"
CRDS = Path(__file__).parents[2] / "crds"
_WRITES = re.compile(
    r'^apiserver_request_total\{.*group="(?:[\w.]*froyo\.dev|events\.k8s\.io)".*'
    r'verb="(?:POST|PUT|PATCH|APPLY|DELETE)".*\} (\S+)$',
    re.MULTILINE,
)


def is_up() -> bool:
    """Whether a cluster runs."""
    done = subprocess.run([str(COMMAND), "status"], check=False, capture_output=True, text=True)
    return re.search(r"^apiserver +\d", done.stdout, re.MULTILINE) is not None


def _kubectl(*words: str, given: str = "") -> str:
    return subprocess.run(
        [str(COMMAND), "kubectl", *words], check=True, capture_output=True, text=True, input=given
    ).stdout


def _writes() -> float:
    """How often anybody has written an object of ours, or an Event, since the server began."""
    return sum(map(float, _WRITES.findall(_kubectl("get", "--raw", "/metrics"))))


def _file(number: int, root: Path) -> dict[str, Any]:
    return {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "File",
        "metadata": {"name": f"f{number}"},
        "spec": {"target": "local", "path": f"{root}/f{number}", "content": f"{number}\n", "mode": "0644"},
    }


async def _applied(root: Path) -> None:
    """Create all of them, as fast as the server takes them."""
    async with connected() as session:

        async def one(numbers: range) -> None:
            for number in numbers:
                async with session.post(FILES, json=_file(number, root)) as answer:
                    answer.raise_for_status()

        await asyncio.gather(*(one(range(start, OBJECTS, 4)) for start in range(4)))


async def _until_ready() -> None:
    """Until all of them are."""
    deadline = time.monotonic() + LIMIT
    async with connected() as session:
        while time.monotonic() < deadline:
            async with session.get(FILES) as answer:
                items = (await answer.json())["items"]
            if sum(map(_is_ready, items)) == OBJECTS:
                return
            await asyncio.sleep(1)
    raise RuntimeError(f"not Ready within {LIMIT:.0f} s")


def _is_ready(item: dict[str, Any]) -> bool:
    status = item.get("status", {})
    return status.get("observedGeneration") == item["metadata"]["generation"] and any(
        one["type"] == "Ready" and one["status"] == "True" for one in status["conditions"]
    )


async def _changed(root: Path) -> list[float]:
    """Seconds from each of some changes until its object is Ready at that generation."""
    took = []
    async with connected(endless=True) as session:
        for number in range(CHANGES):
            where, path = f"{FILES}/f{number * 7}", root / f"f{number * 7}"
            patch = {"spec": {"content": f"changed {number}\n"}}
            headers = {"Content-Type": "application/merge-patch+json"}
            began = time.monotonic()
            async with session.patch(where, json=patch, headers=headers) as answer:
                found = await answer.json()
            asked = {
                "watch": "1",
                "fieldSelector": f"metadata.name={found['metadata']['name']}",
                "resourceVersion": found["metadata"]["resourceVersion"],
            }
            async with session.get(FILES, params=asked) as events:
                async for line in events.content:
                    if _is_ready(json.loads(line)["object"]):
                        break
            took.append(time.monotonic() - began)
            assert path.read_text() == f"changed {number}\n"
            await asyncio.sleep(0.5)
    return took


@contextlib.contextmanager
def _operator(work: Path) -> Iterator[int]:
    """Serve the namespace; its process."""
    command = [FROYO, "operator", "run", "--namespace", NAMESPACE]
    with (work / "log").open("w") as log:
        process = subprocess.Popen(
            command, env={**os.environ, "FROYO_STATE": str(work / "state")}, stdout=log, stderr=log
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=60)


def rows(work: Path, *, seconds: float) -> Iterator[Row]:
    """See the module.

    Args:
        work: an empty directory.
        seconds: over which rest is measured.
    """
    os.environ["KUBECONFIG"] = subprocess.run(
        [str(COMMAND), "kubeconfig"], check=True, capture_output=True, text=True
    ).stdout.strip()
    root = work / "files"
    root.mkdir()
    _kubectl("apply", "--server-side", "-f", str(CRDS))
    _kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=openfroyo")
    _kubectl("create", "namespace", NAMESPACE)
    try:
        target = {
            "apiVersion": "froyo.dev/v1alpha1",
            "kind": "Target",
            "metadata": {"name": "local", "namespace": NAMESPACE},
            "spec": {"local": {}},
        }
        _kubectl("create", "-f", "-", given=json.dumps(target))
        with _operator(work) as process:
            yield from _measured(work, root, process, seconds)
    finally:
        _kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def _measured(work: Path, root: Path, process: int, seconds: float) -> Iterator[Row]:
    began = time.monotonic()
    asyncio.run(_applied(root))
    created = time.monotonic() - began
    asyncio.run(_until_ready())
    ready = time.monotonic() - began
    note = f"created within {created:.1f} s; a status is a write, as is an object"
    yield Row(
        what=f"{OBJECTS:,} objects applied until Ready", measured=ready, unit="s", limit=created, note=note
    )

    time.sleep(10)
    family = _family(process)
    writes, used = _writes(), processor_of(family)
    time.sleep(seconds)
    written, core = _writes() - writes, (processor_of(family) - used) / seconds * 100
    over = f"over {seconds:.0f} s"
    yield Row(what="writes to the API server at rest", measured=written, unit="", budget=0, note=over)
    yield Row(what="the operator at rest, of a core", measured=core, unit="%", budget=3, note=over)
    yield Row(what="its memory, with its runner", measured=memory_of(family), unit="MB", budget=350)
    took = asyncio.run(_changed(root))
    yield Row(
        what="a changed object until Ready, p50",
        measured=percentile(took, 0.5),
        unit="s",
        budget=1.0,
        note=f"of {CHANGES}; p95 {percentile(took, 0.95):.2f} s",
    )


def _family(process: int) -> list[int]:
    found = [process]
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(entry.read_text().rpartition(")")[2].split()[1]) in found:
                found.append(int(entry.parent.name))
    return found
