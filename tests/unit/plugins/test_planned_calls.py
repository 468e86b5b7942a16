"""What a plan has written down as calls is done by making them: by the same rules as if its provider had made them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.calls import Call, Failure, Ok, Reply
from reconciler.plugins.calls import Phase
from tests.contract.providers.packages import granted, packages_of, write_package
from tests.sim.native import NativeHost

WRITE, REMOVE = "file.write", "file.remove"


class World:
    """Does what it is told, and fails where a path says so."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        self.asked.append([call.args["path"] for call in calls])
        return [self._reply(call.args["path"]) for call in calls]

    def _reply(self, path: str) -> Reply:
        if path.endswith("busy"):
            return Failure(ErrorClass.THROTTLED, "busy", "later", 1500)
        return Ok({"changed": not path.endswith("same")})


@pytest.fixture
def audit() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def make(tmp_path: Path, audit: list[tuple[str, dict[str, Any]]]) -> Callable[..., Any]:
    async def made(
        world: World, *planned: list[tuple[str, str]], phase: Phase = Phase.APPLY, **settings: Any
    ) -> list[dict[str, Any]]:
        write_package(tmp_path, **settings)
        packages = packages_of(tmp_path)
        host = NativeHost(
            packages, grants=granted(packages), audit=lambda event, facts: audit.append((event, dict(facts)))
        )
        operations = [
            {
                "address": f"host/Thing/{place}",
                "action": "update",
                "payload": {"path": f"/{place}", "mode": None},
                "calls": [{"call": name, "args": {"path": path}} for name, path in one],
            }
            for place, one in enumerate(planned)
        ]
        reply = await host.run("test.thing", phase, {"operations": operations}, world)
        assert [one.pop("address") for one in reply["results"]] == [one["address"] for one in operations]
        return list(reply["results"])

    return made


@pytest.mark.parametrize("phase", [Phase.APPLY, Phase.DESTROY])
async def test_each_ones_calls_are_made_in_their_order_and_those_of_all_together(
    make: Any, phase: Phase
) -> None:
    world = World()
    results = await make(
        world, [(REMOVE, "/a/1"), (WRITE, "/a/2same")], [(WRITE, "/b/same")], [(WRITE, "/c/1")], phase=phase
    )
    assert results == [{"changed": True}, {"changed": False}, {"changed": True}]
    assert world.asked == [["/a/1", "/b/same", "/c/1"], ["/a/2same"]]


async def test_what_fails_ends_its_own_plan_and_says_which_call_it_was(make: Any) -> None:
    world = World()
    failed, done = await make(world, [(REMOVE, "/a/busy"), (WRITE, "/a/2")], [(WRITE, "/b"), (WRITE, "/c")])
    assert done == {"changed": True}
    assert world.asked == [["/a/busy", "/b"], ["/c"]]
    assert failed == {
        "fault": {
            "class": "throttled",
            "call": REMOVE,
            "code": "busy",
            "message": "later",
            "retry_after_ms": 1500,
        }
    }


async def test_what_fails_after_a_change_says_that_a_part_is_done(make: Any) -> None:
    changed, same = await make(
        World(), [(WRITE, "/a/1"), (REMOVE, "/a/busy")], [(WRITE, "/b/1same"), (REMOVE, "/b/busy")]
    )
    assert changed["fault"]["partial"] is True
    assert "partial" not in same["fault"]


async def test_what_takes_more_than_calls_is_its_providers_and_each_has_its_place(make: Any) -> None:
    world = World()
    results = await make(world, [], [(WRITE, "/b/same")], [])
    assert results == [{"changed": True}, {"changed": False}, {"changed": True}]
    assert world.asked == [["/b/same"], ["/0", "/2"]]


async def test_what_the_package_may_not_do_is_refused_and_audited_once(make: Any, audit: Any) -> None:
    world = World()
    results = await make(
        world,
        [(WRITE, "/etc/shadow")],
        [(WRITE, "/root/x")],
        [(WRITE, "/srv/x")],
        capabilities=[{"call": WRITE, "subjects": ["path:/srv/**"]}],
    )
    assert world.asked == [["/srv/x"]]
    assert [one.get("fault", {}).get("code") for one in results] == ["refused", "refused", None]
    assert [(event, facts["call"], facts["phase"]) for event, facts in audit] == [
        ("provider.refused", WRITE, "apply")
    ]


async def test_more_calls_than_it_may_make_are_its_misbehaviour(make: Any, audit: Any) -> None:
    world = World()
    with pytest.raises(ProviderError, match=r"provider test.thing, apply: makes more than 2 calls"):
        await make(world, *[[(WRITE, f"/{number}")] for number in range(3)], limits={"calls": 2})
    assert not world.asked
    assert [event for event, _ in audit] == ["provider.failed"]
