"""Every case of the tables once more: the provider in WebAssembly, the real runner, real files."""

import copy
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, assume, given, settings

from reconciler.model.calls import Call
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, Target
from reconciler.plugins.calls import Phase
from reconciler.plugins.host import PluginHost
from reconciler.plugins.packages import load_packages, needs
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from tests.contract.linux_file.disk import CannotHave, Disk, Performer
from tests.contract.linux_file.memory import MemoryHost, Node
from tests.contract.linux_file.table import (
    PACKAGE,
    WRITING,
    Json,
    calls_in_words,
    cases,
    check_after,
    diffs_in_words,
    request_of,
    world_of,
)
from tests.contract.linux_file.worlds import situations

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users, so it needs to be root"),
    pytest.mark.xdist_group("linux_file_real_runner"),
]

Situation = tuple[dict[str, Node], Json]
ROOT = PACKAGE.parents[1]


class Bench:
    """linux.file in its sandbox, and a runner on this machine."""

    def __init__(self, host: PluginHost, perform: Any) -> None:
        self.host = host
        self.perform = perform

    async def read(self, resources: list[Json]) -> list[Json]:
        request = {"target": {"name": "here"}, "resources": resources}
        return list((await self.host.run("linux.file", Phase.READ, request, self.perform))["actual"])

    async def plan(self, resources: list[Json]) -> list[Json]:
        """Operations; a fault in the place of one that cannot be."""
        actual = await self.read(resources)
        pairs = [(one, found) for one, found in zip(resources, actual, strict=True) if "fault" not in found]
        request = {"resources": [one for one, _ in pairs], "actual": [found for _, found in pairs]}
        planned = (await self.host.run("linux.file", Phase.PLAN, request, self.perform))["operations"]
        by_address = {operation["address"]: operation for operation in planned}
        return [by_address.get(found["address"], found) for found in actual]

    async def apply(self, operations: list[Json]) -> list[Json]:
        wanted = [{key: one[key] for key in ("address", "action", "payload", "calls")} for one in operations]
        request = {"operations": wanted}
        return list((await self.host.run("linux.file", Phase.APPLY, request, self.perform))["results"])

    async def destroy(self, resources: list[Json]) -> list[Json]:
        planned = await self.plan([{**one, "removed": True} for one in resources])
        wanted = [
            {key: one[key] for key in ("address", "action", "payload", "calls")}
            for one in planned
            if "payload" in one
        ]
        done = (await self.host.run("linux.file", Phase.DESTROY, {"operations": wanted}, self.perform))[
            "results"
        ]
        return [*done, *(one for one in planned if "fault" in one)]


@pytest.fixture(scope="module")
def artifacts() -> Path:
    """The artefacts, up to date."""
    done = subprocess.run(
        [sys.executable, "hatch_build.py", "runner", "runtime"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "reconciler" / "_artifacts"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    lanes = ThreadLanes()
    connect = make_connect(state=tmp_path_factory.mktemp("state"), offload=lanes, environ=os.environ)
    runtime = Runtime(connect=connect, offload=lanes)
    cache = ROOT / "build" / "components"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    packages = load_packages([PACKAGE])
    host = PluginHost(
        packages,
        grants=needs(packages),
        runtime=runtime,
        cache_dir=cache,
        artifacts=artifacts,
        audit=lambda event, facts: pytest.fail(f"{event}: {facts}"),
    )
    target = Target(TargetName("here"), {}, LocalTransport(), Digest("sha256:0"))
    session = await Session.open(target, runtime=runtime, on_event=lambda _: None)
    yield Bench(host, Performer(session, inside=tmp_path_factory.getbasetemp()))
    await session.close()
    await host.close()
    lanes.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    # What is on the way has to belong to root and be closed to others, or links on it are not followed.
    disk = Disk(tmp_path / "srv")
    disk.root.mkdir(mode=0o755)
    yield disk
    disk.close()


CASES = [
    case
    for case in cases()
    if all(path.startswith("/srv") for path in (case["spec"]["path"], *case.get("world", ())))
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['kind']}: {case['name']}" for case in CASES])
async def test_case(case: Json, bench: Bench, disk: Disk):
    case = disk.moved(case)
    try:
        disk.make(world_of(case))
    except CannotHave as reason:
        pytest.skip(str(reason))
    before = disk.look()
    resource = request_of(case, bench.perform)

    [operation] = await bench.plan([resource])
    assert disk.look() == before
    if "fault" in case:
        check_fault(operation, case["fault"])
        return
    assert operation.get("action") == case["action"], operation
    if "diffs" in case:
        assert diffs_in_words(operation, bench.perform) == case["diffs"]
    if case["action"] == "none":
        return

    bench.perform.calls.clear()
    [result] = await bench.apply([operation])
    if "failure" in case:
        check_fault(result, case["failure"])
    else:
        assert result.get("changed") is True, result
    if "calls" in case:
        assert calls_in_words(bench.perform.calls, bench.perform) == case["calls"]
    after = MemoryHost()
    after.nodes = disk.look()
    check_after(case, after)
    assert not [path for path in after.nodes if "/.froyo-" in path]
    if "failure" in case:
        return

    [again] = await bench.plan([resource])
    assert again.get("action") == "none", again
    assert diffs_in_words(again, bench.perform) == case.get("left", [])
    [outdated] = await bench.apply([operation])
    assert outdated.get("changed") is False or outdated["fault"]["class"] == "conflict"
    assert disk.look() == after.nodes


def check_fault(item: Json, expected: list[str]) -> None:
    assert "fault" in item, item
    assert item["fault"]["class"] == expected[0]
    assert expected[1] in item["fault"]["message"]


def file(disk: Disk, bench: Bench, name: str, content: bytes | None = None, **spec: object) -> Json:
    case: Json = {"kind": "File", "spec": {"path": f"{disk.root}/{name}", **spec}}
    if content is not None:
        case["spec"]["body"] = bench.perform.body(content)
    return request_of(case, bench.perform) | {"address": f"here/File/{name}"}


async def converge(bench: Bench, *resources: Json) -> None:
    """Apply what is planned, and find nothing left to do."""
    for result in await bench.apply(await bench.plan(list(resources))):
        assert result.get("changed") is True, result
    for operation in await bench.plan(list(resources)):
        assert operation.get("action") == "none", operation


async def test_a_large_file_costs_the_provider_nothing(bench: Bench, disk: Disk):
    content = os.urandom(1024) * 65536
    await converge(bench, file(disk, bench, "large", content))
    assert (disk.root / "large").read_bytes() == content
    other = bytes(64 << 20)
    await converge(bench, file(disk, bench, "large", other))
    assert (disk.root / "large").read_bytes() == other


async def test_a_thousand_files_converge_together(bench: Bench, disk: Disk):
    wanted = [file(disk, bench, f"f{number}", b"%d\n" % (number % 7), mode="0600") for number in range(1000)]
    await converge(bench, *wanted)
    assert len(disk.look()) == 1001


async def test_what_changes_between_plan_and_apply_is_not_overwritten(bench: Bench, disk: Disk):
    path = disk.root / "motd"
    path.write_text("old")
    operations = await bench.plan([file(disk, bench, "motd", b"ours")])
    path.write_text("precious")
    [result] = await bench.apply(operations)
    assert result["fault"]["class"] == "conflict"
    assert path.read_text() == "precious"


async def test_a_same_size_change_with_its_time_put_back_is_noticed(bench: Bench, disk: Disk):
    path = disk.root / "motd"
    wanted = file(disk, bench, "motd", b"ours")
    await converge(bench, wanted)
    status = path.stat()
    path.write_bytes(b"OURS")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    [operation] = await bench.plan([wanted])
    assert operation["action"] == "update"


async def test_a_failed_validation_leaves_the_old_content_and_says_why(bench: Bench, disk: Disk):
    path = disk.root / "script"
    path.write_text("true\n")
    wanted = file(disk, bench, "script", b"if\n", validate=["sh", "-n", "%s"])
    [result] = await bench.apply(await bench.plan([wanted]))
    assert result["fault"]["class"] == "permanent"
    assert "yntax" in result["fault"]["message"]
    assert {entry.name: entry.read_text() for entry in disk.root.iterdir()} == {"script": "true\n"}


async def test_replacing_a_file_leaves_its_other_hard_links_as_they_were(bench: Bench, disk: Disk):
    path, other = disk.root / "motd", disk.root / "other"
    path.write_text("old")
    os.link(path, other)
    await converge(bench, file(disk, bench, "motd", b"new"))
    assert (path.read_text(), other.read_text()) == ("new", "old")


async def test_extended_attributes_stay_when_the_content_is_replaced(bench: Bench, disk: Disk):
    path = disk.root / "motd"
    path.write_text("old")
    try:
        os.setxattr(path, "user.note", b"keep")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error}")
    await converge(bench, file(disk, bench, "motd", b"new"))
    assert os.getxattr(path, "user.note") == b"keep"


async def test_a_log_that_grows_all_the_time_can_be_given_a_mode(bench: Bench, disk: Disk):
    path = disk.root / "log"
    path.write_text("started\n")
    path.chmod(0o644)
    wanted = file(disk, bench, "log", mode="0640")
    operations = await bench.plan([wanted])
    with path.open("a") as log:
        log.write("working\n")
    [result] = await bench.apply(operations)
    assert result == {"address": "here/File/log", "changed": True}
    assert path.read_text() == "started\nworking\n"


async def test_sparse_content_is_compared_as_what_it_reads(bench: Bench, disk: Disk):
    path = disk.root / "image"
    with path.open("wb") as image:
        image.truncate(1 << 20)
    [operation] = await bench.plan([file(disk, bench, "image", bytes(1 << 20))])
    assert operation["action"] == "none"


async def test_in_sync_nothing_is_touched_down_to_the_last_ctime(bench: Bench, disk: Disk):
    (disk.root / "app").mkdir(mode=0o755)
    wanted = [file(disk, bench, "app/motd", b"hello", mode="0644", owner="root")]
    tree: Json = {
        "kind": "Directory",
        "spec": {"path": f"{disk.root}/app", "purge": True, "recursive": {"owner": 0}},
    }
    wanted.append(request_of(tree, bench.perform) | {"managed": [f"{disk.root}/app/motd"]})
    await bench.apply([one for one in await bench.plan(wanted) if one["action"] != "none"])
    paths = sorted(disk.root.rglob("*"))  # which moves the times of access itself, so it is done before
    before = [path.lstat() for path in paths]
    bench.perform.calls.clear()
    assert {operation["action"] for operation in await bench.plan(wanted)} == {"none"}
    assert [path.lstat() for path in paths] == before
    assert sorted(disk.root.rglob("*")) == paths
    assert not {call["call"] for call in bench.perform.calls} & WRITING


@contextmanager
def nested(base: Path, depth: int) -> Iterator[None]:
    """Directories in one another, in the end deeper than any path can say.

    pytest cannot remove them: should the test fail, a later run of all tests would fail over them.
    """
    directory = os.open(base, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", 0o755, dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)
    try:
        yield
    finally:
        subprocess.run(["rm", "-rf", base], check=True)


async def test_a_tree_too_deep_for_any_path_is_purged_and_never_keeps_a_target_from_being_watched(
    bench: Bench, disk: Disk
):
    (disk.root / "app").mkdir(mode=0o755)
    tree: Json = {"kind": "Directory", "spec": {"path": f"{disk.root}/app", "recursive": {"owner": 0}}}
    wanted = request_of(tree, bench.perform)
    with nested(disk.root / "app", 2100):
        [found] = await bench.read([wanted | {"spec": wanted["spec"] | {"except": ["none"]}}])
        assert "fault" not in found, found
        # A runner refuses to watch anything when one of the subjects is none.
        assert {len(subject) <= 4096 + len("path:") for subject in found["watch"]} == {True}
        tree["spec"] = {"path": f"{disk.root}/app", "purge": True}
        await converge(bench, request_of(tree, bench.perform))
        assert list((disk.root / "app").iterdir()) == []


async def test_nothing_is_written_outside_of_the_directory_of_the_tests(bench: Bench, tmp_path: Path):
    call = Call("file.remove", {"path": f"{tmp_path.parents[2]}/elsewhere"})
    with pytest.raises(AssertionError, match="none of the test's business"):
        await bench.perform([call])


async def test_destroying_takes_away_what_was_declared(bench: Bench, disk: Disk):
    (disk.root / "motd").write_text("ours")
    (disk.root / "app").mkdir()
    (disk.root / "app" / "theirs").touch()
    directory = {"kind": "Directory", "spec": {"path": f"{disk.root}/app"}}
    wanted = [file(disk, bench, "motd", b"ours"), request_of(directory, bench.perform)]
    removed, left = await bench.destroy(wanted)
    assert removed["changed"] is True
    assert left["fault"]["class"] == "permanent"
    assert [path.name for path in disk.root.iterdir()] == ["app"]


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(situation=situations(ignoring=True))
async def test_the_target_in_memory_behaves_as_a_real_one(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, situation: Situation
):
    """Or what the conformance tests find with it would mean little."""
    world, resource = situation
    # The one in memory does not follow links on the way, and knows no mount points but directories.
    assume(not any(resource["spec"]["path"].startswith(f"{path}/") for path in world if world[path].to))
    world = {path: replace(node, mountpoint=False, immutable=False) for path, node in world.items()}
    disk = Disk(tmp_path_factory.mktemp("world") / "srv")
    disk.root.mkdir(mode=0o755)
    disk.make({path.replace("/srv", str(disk.root)): node for path, node in world.items()})
    host = MemoryHost(world)
    content = resource["spec"].get("body")
    if content is not None:
        bench.perform.body(content)
        resource = resource | {"spec": resource["spec"] | {"body": host.body(content)}}
    real = await outcome(bench, disk.moved(resource))
    modelled = await outcome(Bench(bench.host, host), resource)
    assert [one.get("fault", {}).get("class") for one in real] == [
        one.get("fault", {}).get("class") for one in modelled
    ]
    assert [one.get("action", one.get("changed")) for one in real] == [
        one.get("action", one.get("changed")) for one in modelled
    ]
    found = {path.replace(str(disk.root), "/srv"): node for path, node in disk.look().items()}
    expected = {path: node for path, node in host.nodes.items() if path.startswith("/srv")}
    assert found == expected


async def outcome(bench: Bench, resource: Json) -> list[Json]:
    """The plan, what came of it, and the next plan."""
    [operation] = await bench.plan([copy.deepcopy(resource)])
    if "fault" in operation or operation["action"] == "none":
        return [operation]
    [result] = await bench.apply([operation])
    [again] = await bench.plan([copy.deepcopy(resource)])
    return [operation, result, again]
