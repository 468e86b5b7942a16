"""What holds for every resource in every world: convergence, purity, idempotence; what is never touched."""

import copy
from types import ModuleType

from hypothesis import HealthCheck, event, given, settings

from froyo_provider.testing import Harness
from tests.contract.linux_file.memory import MemoryHost, Node
from tests.contract.linux_file.table import Json
from tests.contract.linux_file.worlds import situations, worlds

Situation = tuple[dict[str, Node], Json]

every_world = settings(
    max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def prepared(world: dict[str, Node], resource: Json) -> tuple[MemoryHost, Json]:
    host = MemoryHost(world)
    if "body" in resource["spec"]:
        resource = resource | {"spec": resource["spec"] | {"body": host.body(resource["spec"]["body"])}}
    return host, resource


def planned(test: Harness, resource: Json) -> Json:
    """The operation, or what stands in its place."""
    [found] = test.read([resource])
    if "fault" in found:
        return found
    [operation] = test.plan([resource], [found])
    return operation


@every_world
@given(situations(ignoring=True))
def test_what_was_applied_needs_nothing_more(plugin: ModuleType, situation: Situation):
    host, resource = prepared(*situation)
    test = Harness(plugin, host)
    operation = planned(test, resource)
    if "fault" in operation or operation["action"] == "none":
        event("refused" if "fault" in operation else "in sync")
        return
    [result] = test.apply([operation])
    event("failed" if "fault" in result else operation["action"])
    if "fault" in result:
        assert result["fault"]["class"] in {"permanent", "transient"}, (
            "nothing moved, so nothing can conflict"
        )
        return
    assert result["changed"] is True
    again = planned(test, resource)
    assert "fault" not in again
    assert again["action"] == "none", again


@every_world
@given(situations())
def test_reading_and_planning_change_nothing_and_depend_on_nothing_else(
    plugin: ModuleType, situation: Situation
):
    host, resource = prepared(*situation)
    test = Harness(plugin, host)
    untouched, request = dict(host.nodes), copy.deepcopy(resource)
    found = test.read([resource])
    assert test.read([resource]) == found
    first = test.plan([resource], found)
    assert test.plan([resource], found) == first
    assert host.nodes == untouched
    assert resource == request


@every_world
@given(situations(ignoring=True))
def test_nothing_else_is_touched(plugin: ModuleType, situation: Situation):
    host, resource = prepared(*situation)
    test = Harness(plugin, host)
    before = dict(host.nodes)
    operation = planned(test, resource)
    if "fault" not in operation:
        test.apply([operation])
    spec = resource["spec"]
    path = spec["path"]
    for moved in {one for one in before | host.nodes if before.get(one) != host.nodes.get(one)}:
        if moved == path:
            continue
        if "backup" in spec and moved == path + spec["backup"]:
            assert host.nodes[moved] == before[path]
            continue
        assert resource["kind"] == "Directory"
        assert moved.startswith(f"{path}/")
        assert not any(moved == one or moved.startswith(f"{one}/") for one in resource["managed"])
        assert not any(one.startswith(moved + "/") and one in before for one in resource["managed"]) or (
            moved in host.nodes
        )
        purged = spec.get("purge") or (spec.get("state") == "absent" and spec.get("force"))
        assert moved in host.nodes or purged


@every_world
@given(situations())
def test_an_operation_is_applied_once_or_found_outdated(plugin: ModuleType, situation: Situation):
    host, resource = prepared(*situation)
    test = Harness(plugin, host)
    operation = planned(test, resource)
    if "fault" in operation or operation["action"] == "none":
        return
    [result] = test.apply([operation])
    if "fault" in result:
        return
    after = dict(host.nodes)
    [again] = test.apply([operation])
    assert host.nodes == after
    assert again.get("changed") is False or again["fault"]["class"] == "conflict"


@every_world
@given(situations(), worlds())
def test_what_has_moved_since_the_plan_is_not_overwritten(
    plugin: ModuleType, situation: Situation, other: dict[str, Node]
):
    host, resource = prepared(*situation)
    test = Harness(plugin, host)
    path = resource["spec"]["path"]
    operation = planned(test, resource)
    if "fault" in operation or operation["action"] == "none":
        return
    seen = host.state(path)
    contents = "content" in {diff["field"] for diff in operation["diffs"]} or operation["action"] != "update"
    host.nodes = MemoryHost(other).nodes
    if host.state(path) == seen or not contents:
        return
    before = dict(host.nodes)
    [result] = test.apply([operation])
    assert "fault" in result
    assert host.nodes == before


@every_world
@given(situations())
def test_destroying_removes_what_was_declared_and_nothing_else(plugin: ModuleType, situation: Situation):
    host, resource = prepared(*situation)
    test = Harness(plugin, host)
    path = resource["spec"]["path"]
    before = dict(host.nodes)
    [result] = test.destroy([resource])
    gone = before.keys() - host.nodes.keys()
    assert gone <= {path}
    assert host.nodes.items() <= before.items()
    if "fault" in result:
        assert not gone
        return
    assert result["changed"] == bool(gone)
    if gone:
        assert before[path].type == resource["kind"].lower()
        assert test.destroy([resource]) == [{"address": resource["address"], "changed": False}]
