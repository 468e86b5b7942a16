"""Trees that move, are too large, or cannot be put right in full; and many resources at once."""

from types import ModuleType

import pytest

from froyo_provider.testing import Harness, World, error, resource
from tests.contract.linux_file.memory import MemoryHost, Node
from tests.contract.linux_file.table import Json

APP = Node("directory", 0o755)


def directory(*managed: str, **spec: object) -> Json:
    return resource("Directory", "app", path="/srv/app", **spec) | {"managed": list(managed)}


def planned(test: Harness, wanted: Json) -> Json:
    [operation] = test.plan([wanted], test.read([wanted]))
    return operation


def test_a_tree_that_moved_since_the_plan_is_a_conflict_and_stays_as_it_is(plugin: ModuleType):
    host = MemoryHost({"/srv/app": Node("directory", 0o700), "/srv/app/old": Node()})
    test = Harness(plugin, host)
    operation = planned(test, directory(purge=True, mode="0755"))
    host.nodes["/srv/app/newer"] = Node(content=b"precious")
    before = dict(host.nodes)
    [result] = test.apply([operation])
    assert result["fault"]["class"] == "conflict"
    assert host.nodes == before


def test_a_tree_in_which_only_what_is_as_declared_moved_is_no_conflict(plugin: ModuleType):
    host = MemoryHost({"/srv/app": APP, "/srv/app/old": Node(), "/srv/app/a.log": Node()})
    test = Harness(plugin, host)
    operation = planned(test, directory(purge=True, **{"except": ["*.log"]}))
    host.nodes["/srv/app/b.log"] = Node()
    [result] = test.apply([operation])
    assert result["changed"] is True
    assert set(host.nodes) == {"/", "/srv", "/srv/app", "/srv/app/a.log", "/srv/app/b.log"}


def test_a_tree_that_is_too_large_to_be_seen_whole_is_refused(plugin: ModuleType):
    host = MemoryHost({"/srv/app": APP})
    listing = {"entries": [], "truncated": True, "state": "sha256:"}
    test = Harness(plugin, World({"file.stat": host.reply, "dir.list": listing}))
    test.world.answers["file.stat"] = lambda args: host._file_stat(**args)
    [found] = test.read([directory(purge=True)])
    assert found["fault"]["class"] == "permanent"
    assert "more than 50000 entries" in found["fault"]["message"]


def test_another_file_system_below_is_left_alone_and_named(plugin: ModuleType):
    """A subvolume was passed over in silence, and its directory called as declared."""
    mounted = {
        f"/srv/app/{name}": Node("directory", mountpoint=True)
        for name in ("a", "b", "said", "theirs", "x/in")
    }
    host = MemoryHost({"/srv/app": APP, "/srv/app/x": APP, "/srv/app/a/file": Node(), **mounted})
    test = Harness(plugin, host)
    wanted = directory("/srv/app/theirs", purge=True, **{"except": ["said", "x"]})
    [found] = test.read([wanted])
    assert found["remark"].startswith(
        "left alone, since another file system or subvolume begins there: a, b ("
    )
    assert test.plan([wanted], [found])[0]["action"] == "none"
    [found] = test.read([directory(purge=True, **{"except": ["*"]})])
    assert "remark" not in found
    host.nodes |= {f"/srv/app/{n}": Node("directory", mountpoint=True) for n in range(1000, 1010)}
    [found] = test.read([directory(recursive={"owner": "root"})])
    assert "1000, 1001, 1002, 1003, 1004 and 10 more" in found["remark"]


def test_a_listing_that_fails_is_the_fault_of_its_directory_alone(plugin: ModuleType):
    host = MemoryHost({"/srv/app": APP, "/srv/b": APP})
    world = World(
        {
            "file.stat": lambda args: host._file_stat(**args),
            "dir.list": lambda args: host._dir_list(**args),
            "dir.list /srv/app": error("eacces", "/srv/app: permission denied"),
        }
    )
    other = resource("Directory", "b", path="/srv/b", purge=True)
    refused, found = Harness(plugin, world).read([directory(purge=True), other])
    assert "permission denied" in refused["fault"]["message"]
    assert found["exists"]


@pytest.mark.parametrize("kind", ["File", "Directory", "Symlink"])
def test_a_path_that_cannot_be_looked_at_is_its_own_fault_alone(plugin: ModuleType, kind: str):
    host = MemoryHost()
    world = World(
        {
            "file.stat": lambda args: host._file_stat(**args),
            "file.stat /srv/x": error("unsafe_symlink", "/srv is a link of somebody else's"),
        }
    )
    asked = [resource(kind, "x", path="/srv/x", to="t"), resource(kind, "y", path="/srv/y", to="t")]
    refused, found = Harness(plugin, world).read(asked)
    assert refused["fault"]["class"] == "permanent"
    assert found["exists"] is False


def test_what_vanished_meanwhile_owes_nothing_and_the_first_failure_is_told_after_all_was_tried(
    plugin: ModuleType,
):
    nodes = {
        "/srv/app": APP,
        "/srv/app/a": Node(),
        "/srv/app/b": Node(),
        "/srv/app/c": Node(),
        "/srv/app/l": Node("symlink", to="x"),
    }
    host = MemoryHost(nodes)
    wanted = directory(recursive={"owner": "daemon"})
    operation = planned(Harness(plugin, host), wanted)
    world = World(
        {
            "dir.list": lambda args: host._dir_list(**args),
            "file.write": lambda args: host._file_write(**args),
            "file.write /srv/app/a": error("enoent", "gone", error_class="transient"),
            "file.write /srv/app/b": error("read_only", "/srv/app/b: read-only", error_class="transient"),
            "file.stat": {"exists": False, "state": "sha256:"},
        }
    )
    [result] = Harness(plugin, world).apply([operation])
    assert result["fault"] == {
        "class": "transient",
        "message": "file.write: /srv/app/b: read-only",
        "call": "file.write",
        "code": "read_only",
    }
    assert host.nodes["/srv/app/c"].uid == 1
    assert not [call for call in world.calls if call["call"] == "link.ensure"]


def test_of_many_entries_some_are_shown_all_are_put_right_and_none_in_one_huge_step(plugin: ModuleType):
    nodes = {f"/srv/app/{number:04}": Node() for number in range(2500)}
    host = MemoryHost({"/srv/app": APP} | nodes)
    test = Harness(plugin, host)
    operation = planned(test, directory(recursive={"owner": "daemon"}))
    assert len(operation["diffs"]) == 101
    assert operation["diffs"][-1] == {
        "field": "entries",
        "before": "2400 more differ",
        "after": "as declared",
    }
    assert "0001" not in str(operation["payload"])
    assert test.apply([operation]) == [{"address": "host/Directory/app", "changed": True}]
    assert test.rounds == 1 + 3
    assert all(host.nodes[path].uid == 1 for path in nodes)


def test_events_are_asked_for_in_a_bounded_number_of_directories(plugin: ModuleType):
    host = MemoryHost({"/srv/app": APP} | {f"/srv/app/{number:04}": APP for number in range(1200)})
    [found] = Harness(plugin, host).read([directory(recursive={"owner": "root"})])
    assert len(found["watch"]) == 1001
    assert found["watch"][:2] == ["path:/srv/app/", "path:/srv/app/0000/"]


def test_a_thousand_resources_of_all_kinds_are_read_in_one_round_trip_and_applied_in_few(plugin: ModuleType):
    host = MemoryHost({"/srv/app": APP, "/srv/app/x": Node()})
    body = host.body(b"x")
    wanted = [resource("File", f"f{number}", path=f"/srv/f{number}", body=body) for number in range(998)]
    wanted += [resource("Symlink", "l", path="/srv/l", to="x"), directory(purge=True)]
    test = Harness(plugin, host)
    found = test.read(wanted)
    assert test.rounds == 1
    assert [call["call"] for call in host.calls].count("file.stat") == 1000
    results = test.apply(test.plan(wanted, found))
    assert test.rounds == 2
    assert all(result["changed"] for result in results)
    assert {operation["action"] for operation in test.plan(wanted, test.read(wanted))} == {"none"}


def test_destroying_leaves_what_has_become_something_else(plugin: ModuleType):
    host = MemoryHost({"/srv/l": Node(content=b"precious"), "/srv/app": APP, "/srv/app/x": Node()})
    wanted = [
        resource("Symlink", "l", path="/srv/l", to="x"),
        directory(),
        resource("File", "f", path="/srv/f"),
    ]
    became, not_empty, gone = Harness(plugin, host).destroy(wanted)
    assert "/srv/l has become a regular file; it is left where it is" in became["fault"]["message"]
    assert "not empty" in not_empty["fault"]["message"]
    assert gone == {"address": "host/File/f", "changed": False}
