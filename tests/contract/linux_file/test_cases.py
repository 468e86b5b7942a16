"""Every case of the tables: what is found, what is planned, which calls are made, and what comes of them."""

from types import ModuleType

import pytest

from froyo_provider.testing import Harness
from tests.contract.linux_file.memory import MemoryHost
from tests.contract.linux_file.table import (
    Json,
    calls_in_words,
    cases,
    check_after,
    diffs_in_words,
    request_of,
    value_in_words,
    world_of,
)

CASES = cases()


def test_cases_have_names_of_their_own():
    names = [(case["kind"], case["name"]) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['kind']}: {case['name']}" for case in CASES])
def test_case(case: Json, plugin: ModuleType):
    host = MemoryHost(world_of(case))
    test = Harness(plugin, host)
    resource = request_of(case, host)

    [found] = test.read([resource])
    assert test.rounds == case.get("rounds", 1)
    if "fault" in case:
        [refused] = [found] if "fault" in found else test.plan([resource], [found])
        check_fault(refused, case["fault"])
        return
    assert "fault" not in found, found
    for field, value in case.get("actual", {}).items():
        assert (found if field == "exists" else found["state"]).get(field) == value, field
    assert found["watch"] == case.get("watch", found["watch"])

    [operation] = test.plan([resource], [found])
    assert operation.get("action") == case["action"], operation
    if "diffs" in case:
        assert diffs_in_words(operation, host) == case["diffs"]
    assert (operation["action"] == "none") == all(diff.get("ignored") for diff in operation["diffs"])
    preimage = operation.get("preimage")
    if "preimage" in case:
        path = case["spec"]["path"]
        assert preimage == {"path": path, **host.body(case["preimage"].encode())}
    host.calls.clear()
    results = test.apply([operation])
    if "failure" in case:
        check_fault(results[0], case["failure"])
        check_after(case, host)
        return
    assert [result.get("changed") for result in results] == ([] if case["action"] == "none" else [True]), (
        results
    )
    if "calls" in case:
        assert calls_in_words(host.calls, host) == case["calls"]
    assert set(operation["blobs"]) == {call["args"]["blob"] for call in host.calls if "blob" in call["args"]}
    check_after(case, host)

    [again] = test.plan([resource], test.read([resource]))
    assert again["action"] == "none"
    assert diffs_in_words(again, host) == case.get("left", [])


def check_fault(item: Json, expected: list[str]) -> None:
    assert "fault" in item, item
    assert item["fault"]["class"] == expected[0]
    assert expected[1] in item["fault"]["message"]


def test_values_in_words_fall_back_to_sizes():
    assert value_in_words({"digest": "sha256:0", "size": 3}, MemoryHost()) == "3 bytes"
