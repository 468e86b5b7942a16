"""A namespace as a source, on a real API server."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot, SourceReport
from reconciler.runtime import Runtime, connect_nothing
from tests.lab.control_plane import COMMAND
from watchers.kubernetes.everywhere import Everywhere
from watchers.kubernetes.objects import Definition
from watchers.kubernetes.source import KubernetesSource

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
TARGETS = Definition("froyo.dev", "v1alpha1", "targets", "Target")
MOTD = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd, namespace: default, labels: {app: x}}
spec: {target: local, path: /etc/motd, content: "%s"}
"""
PATH = "default/File.linux.froyo.dev/motd.json"


@pytest.fixture
def kubectl(known, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", known.run("kubeconfig").strip())

    async def run(*words, given=""):
        return await asyncio.to_thread(known.kubectl, *words, given=given)

    return run


async def until(stream, wanted):
    """The first item that is so."""
    async for item in stream:
        if wanted(item):
            return item
    raise AssertionError("it ended")


def content(item):
    if not isinstance(item, Snapshot) or PATH not in item.files:
        return None
    return json.loads(item.files[PATH].read())["spec"]["content"]


def source(*definitions, interval=3600.0):
    name, runtime = SourceName("cluster"), Runtime(connect=connect_nothing)
    return KubernetesSource(name, "default", definitions, runtime=runtime, interval=lambda: interval)


async def test_what_is_applied_changed_and_deleted_is_seen_by_its_events_and_status_is_nothing(kubectl):
    stream = source(FILES, TARGETS).snapshots()
    first = await anext(stream)
    assert isinstance(first, Snapshot)
    assert not first.files

    await kubectl("apply", "-f", "-", given=MOTD % "one")
    seen = await until(stream, lambda item: content(item) == "one")
    assert json.loads(seen.files[PATH].read()) == {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "File",
        "metadata": {"name": "motd", "namespace": "default", "labels": {"app": "x"}},
        "spec": {
            "target": "local",
            "path": "/etc/motd",
            "content": "one",
            "state": "present",
            "force": False,
        },
    }
    # A status makes no other revision, so the next that comes is of what is declared.
    status = json.dumps({"status": {"target": "local"}})
    await kubectl("patch", "ffile", "motd", "--subresource=status", "--type=merge", "-p", status)
    await kubectl("apply", "-f", "-", given=MOTD % "two")
    assert content(await anext(stream)) == "two"
    await kubectl("delete", "ffile", "motd")
    assert not (await anext(stream)).files
    await stream.aclose()


async def test_a_kind_that_is_not_served_is_unknown_and_not_empty(kubectl):
    await kubectl("delete", "crd", "sources.froyo.dev")
    await kubectl("apply", "-f", "-", given=MOTD % "one")
    stream = source(FILES, Definition("froyo.dev", "v1alpha1", "sources", "Source")).snapshots()
    report = await until(stream, lambda item: isinstance(item, SourceReport) and item.unreadable)
    assert "does not serve sources.froyo.dev" in report.unreadable
    await kubectl("apply", "--server-side", "-f", str(ROOT / "crds/sources.froyo.dev.yaml"))
    assert content(await until(stream, lambda item: isinstance(item, Snapshot))) == "one"
    await stream.aclose()


async def test_a_server_that_is_gone_for_a_while_removes_nothing_and_is_heard_again(kubectl):
    await kubectl("apply", "-f", "-", given=MOTD % "one")
    stream = source(FILES, interval=0.5).snapshots()
    await until(stream, lambda item: content(item) == "one")
    await asyncio.to_thread(subprocess.run, [str(COMMAND), "kill", "apiserver"], check=True)
    report = await until(stream, lambda item: not isinstance(item, Snapshot) and item.unreadable)
    assert "127.0.0.1" in report.unreadable
    await asyncio.to_thread(subprocess.run, [str(COMMAND), "start", "apiserver"], check=True)
    back = await until(stream, lambda item: not isinstance(item, SourceReport) or not item.unreadable)
    assert isinstance(back, SourceReport)
    await kubectl("apply", "-f", "-", given=MOTD % "two")
    assert content(await until(stream, lambda item: isinstance(item, Snapshot))) == "two"
    await stream.aclose()


async def test_what_is_asked_for_anew_is_heard_and_by_one_stream(kubectl):
    heard, ended, together = asyncio.Queue(), [], Everywhere([FILES])
    ear = together.listen("default")(
        lambda _, type_, found: heard.put_nowait((type_, found["spec"]["content"])), lambda: ended.append(1)
    )
    ear.begin()
    await kubectl("apply", "-f", "-", given=MOTD % "one")
    while (await heard.get())[1] != "one":
        pass
    ear.anew()
    while await heard.get() != (None, "one"):  # as whoever lists
        pass
    await kubectl("apply", "-f", "-", given=MOTD % "two")
    while await heard.get() != ("MODIFIED", "two"):
        pass
    assert (ear.why_not, ended) == ("", [])
    ear.end()
    together._events.end()
    await together._events.closed()
