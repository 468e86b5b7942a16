"""Sessions with the real runner on this machine."""

import asyncio
import base64
import gzip
import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import pytest

from reconciler.errors import RunnerError, TransportError
from reconciler.model.blob import Blob
from reconciler.model.calls import Failure, Ok
from reconciler.model.facts import SECTIONS
from reconciler.model.names import Digest
from reconciler.targets.artifacts import Artifacts, architecture
from tests.sim.runner import replies_digest
from tests.unit.targets.conftest import Build
from tests.unit.targets.fake_runner import LOCAL

ARCH = architecture(os.uname().machine)
BODY = random.Random(7).randbytes(3_000_000) + b"text " * 100_000


def sha256(body):
    return Digest(f"sha256:{hashlib.sha256(body).hexdigest()}")


def content(path):
    with open(path, "rb") as file:
        return file.read()


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


@pytest.fixture
async def session(world, artifacts):
    return await world.open(LOCAL, artifacts)


async def test_it_says_who_it_is(session):
    assert session.ready.os == "linux"
    assert session.ready.arch == ARCH
    assert session.ready.uid == os.getuid()
    assert {"file.stat", "file.write", "observe", "watch"} <= session.ready.commands
    facts = await session.facts()
    assert (facts.sections["kernel"]["release"], facts.cut) == (os.uname().release, frozenset())
    assert set(facts.sections) == set(SECTIONS)


async def test_bodies_and_files_go_both_ways(session, tmp_path):
    path = str(tmp_path / "grün \udcff")
    for body in (b"", b"hello\n", BODY):
        blob = Blob(sha256(body), len(body), lambda body=body: body)
        await session.send_blob(blob)
        (reply,) = await session.command("file.write", [{"path": path, "blob": blob.digest, "mode": "0640"}])
        assert reply.value["changed"]
        assert reply.value["digest"] == blob.digest
        assert content(path) == body
        assert await session.read_file(path) == (body, blob.digest)
    assert os.listdir(tmp_path) == [os.path.basename(path)]


async def test_a_body_that_was_never_sent_is_missing_and_then_sent(session, tmp_path):
    blob = Blob(sha256(b"hello"), 5, lambda: b"hello")
    item = {"path": str(tmp_path / "a"), "blob": blob.digest}
    (reply,) = await session.command("file.write", [item])
    assert reply.code == "blob_missing"
    await session.send_blob(blob)
    (reply,) = await session.command("file.write", [item])
    assert reply.value["changed"]


def wire(replies):
    return [[one.wire() for one in group] for group in replies]


async def test_both_sides_compute_the_same_digest_of_replies(session, tmp_path):
    names = ["plain", "grün", "\U0001f366", "\udcff\udcfe", 'q"\\', "tab\t", "del\x7f", "\u2028"]
    for name in names:
        (tmp_path / name).write_bytes(os.fsencode(name))
    os.symlink("\udcff/\u2028", tmp_path / "link")
    paths = [str(tmp_path / name) for name in (*names, "link", "absent")]
    batch = [
        {"command": "file.stat", "items": [{"path": path, "text_max": 100} for path in paths]},
        {"command": "dir.list", "items": [{"path": str(tmp_path)}]},
        {"command": "facts", "items": [{}]},
    ]
    seen = await session.observe("k", batch, None)
    assert replies_digest(wire(seen.replies)) == seen.digest
    again = await session.observe("k", None, seen.digest)
    assert (again.unchanged, again.digest, again.replies) == (True, seen.digest, None)
    (tmp_path / "plain").write_text("changed")
    third = await session.observe("k", batch, seen.digest)
    assert not third.unchanged
    assert replies_digest(wire(third.replies)) == third.digest != seen.digest


async def test_an_unknown_key_and_a_batch_that_writes_are_refused(session):
    with pytest.raises(RunnerError) as caught:
        await session.observe("never", None, None)
    assert caught.value.code == "unknown_key"
    with pytest.raises(RunnerError) as caught:
        await session.observe("k", [{"command": "exec", "items": [{"argv": ["true"]}]}], None)
    assert caught.value.code == "bad_request"


async def test_a_cancelled_command_is_ended_on_the_target(session, tmp_path):
    pid_file = tmp_path / "pid"
    item = {"argv": ["sh", "-c", f"echo $$ > {pid_file}; exec sleep 3600"]}
    running = asyncio.ensure_future(session.command("exec", [item], timeout=3600))
    while not (pid_file.exists() and pid_file.read_text().endswith("\n")):
        await session.command("facts", [{}])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    pid = int(pid_file.read_text())
    while alive(pid):
        await session.command("facts", [{}])


async def test_a_deadline_is_the_targets_too(session):
    replies = await session.command("exec", [{"argv": ["sleep", "3600"]}], timeout=0.1)
    assert replies[0].code in {"deadline", "timeout"}
    assert not session.closed


async def test_a_change_is_noticed_and_a_new_watch_set_replaces_the_old(world, artifacts, tmp_path):
    events = asyncio.Queue()
    session = await world.open(LOCAL, artifacts, on_event=events.put_nowait)
    if session.ready.watch == "none":
        pytest.skip("nothing can be watched here")
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_text("a")
        status = await session.watch([f"path:{path}"])
        assert status.watching == 1
        # Whatever was noticed before has arrived before.
        while not events.empty():
            events.get_nowait()
        first.write_text("b")
        second.write_text("b")
        event = await events.get()
        assert {change.subject for change in event.changes} == {f"path:{path}"}
        assert event.changes[0].evidence.source == session.watching.mode


async def test_nothing_is_left_after_it_is_closed(session):
    pid = session.ready.pid
    await session.close()
    assert not alive(pid)
    assert await session.wait_closed() == "the runner ended itself: it was asked to"


async def test_a_runner_that_hears_nothing_ends_itself(world, artifacts):
    channel = await world.runtime(artifacts, ttl=1).connect(LOCAL)
    said = []

    async def listen():
        while True:
            said.append(await channel.read(65536))

    with pytest.raises(TransportError, match="the runner ended with status 3"):
        await listen()
    await channel.close()
    assert json.loads(b"".join(said).splitlines()[-1])["reason"] == "ttl"


async def test_a_session_renews_the_life_of_its_runner(world, artifacts):
    session = await world.open(LOCAL, artifacts, ttl=1, heartbeat=0.2)
    loop = asyncio.get_running_loop()
    until = loop.time() + 2.5
    while loop.time() < until:
        assert isinstance((await session.command("exec", [{"argv": ["sleep", "0.2"]}]))[0], Ok)


async def test_a_runner_that_somebody_else_has_signed_refuses_itself(world, artifacts, tmp_path):
    directory = tmp_path / "evil"
    directory.mkdir()
    evil = Build(directory)
    evil.make(ARCH, (artifacts.directory / f"runner-linux-{ARCH}").read_bytes() + b"\0")
    with pytest.raises(TransportError, match="it is not the binary that was signed, and refused to run"):
        await world.open(LOCAL, Artifacts(directory))


async def test_a_runner_is_refused_here_when_it_was_tampered_with(world, artifacts, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(artifacts.directory, directory, ignore=shutil.ignore_patterns("*.wasm", "providers"))
    path = directory / f"runner-linux-{ARCH}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TransportError, match="not the file that MANIFEST"):
        await world.open(LOCAL, Artifacts(directory))
    manifest = json.loads((directory / "MANIFEST.json").read_text())
    manifest["files"][path.name]["sha256"] = hashlib.sha256(content).hexdigest()
    (directory / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(TransportError, match="its signature does not verify"):
        await world.open(LOCAL, Artifacts(directory))


def test_the_packed_runner_is_the_runner(artifacts):
    packed = artifacts.packed(ARCH)
    assert hashlib.sha256(gzip.decompress(packed.content)).hexdigest() == packed.sha256
    assert base64.b64decode(packed.signature)
    assert packed.sha256 == artifacts.binary(ARCH).sha256


async def test_a_check_looks_at_everything_and_changes_nothing(session, tmp_path):
    marker = tmp_path / "marker"
    marker.write_text("kept")
    scripts = [
        f"test -e {marker}",
        f"echo spoiled >{marker}",
        f"rm {marker}",
        f"mkdir {tmp_path}/new",
        "exit 3",
    ]
    items = [{"argv": ["sh", "-c", script]} for script in scripts]
    replies = await session.command("exec.check", items)
    if isinstance(replies[0], Failure) and replies[0].code == "not_supported":
        pytest.skip("checks cannot be confined here")
    exits = [reply.value["exit"] for reply in replies]
    assert (exits[0], exits[-1]) == (0, 3)
    assert 0 not in exits[1:]
    assert marker.read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["marker"]
    (reply,) = await session.command("exec.check.unconfined", [{"argv": ["rm", str(marker)]}])
    assert reply.value == {"exit": 0, "signal": None}


async def test_an_operation_outlives_its_session_runs_once_and_leaves_nothing(world, artifacts, tmp_path):
    ran, gate = tmp_path / "ran", tmp_path / "gate"
    script = f"echo once >>{ran}; while ! test -e {gate}; do sleep 0.05; done; echo ended >>{ran}; echo said"
    item = {"id": hashlib.sha256(str(tmp_path).encode()).hexdigest()[:32], "argv": ["sh", "-c", script]}
    first = await world.open(LOCAL, artifacts)
    asked = asyncio.ensure_future(first.command("exec.run", [item]))
    while not ran.exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    await first.close()
    await asyncio.wait([asked])
    second = await world.open(LOCAL, artifacts)
    again = asyncio.ensure_future(second.command("exec.run", [item]))
    gate.touch()
    (reply,) = await again
    assert base64.b64decode(reply.value["stdout"]) == b"said\n"
    assert await second.command("exec.run", [item]) == [reply]
    assert ran.read_text() == "once\nended\n"
    await second.command("exec.forget", [{"id": item["id"]}])
    assert item["id"] not in await asyncio.to_thread(
        lambda: [path.name for path in Path("/run/froyo").glob("op/*")]
    )
