"""Of a target that is worked on no more nothing is left in memory, in whatever part of the loop."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import fields

from reconciler.core.sharing import SHARDS, shard_of
from reconciler.engine.loop.holdings import Holdings
from reconciler.errors import StoreError
from reconciler.model.names import TargetName
from reconciler.model.state import Suspension
from reconciler.runtime import Runtime
from reconciler.store.store import Store
from tests.sim.manifests import desired, target
from tests.unit.engine.stage import Stage, address, execution, file, probe, staged

M0, M1 = TargetName("m0"), TargetName("m1")
SAYS = (Store, Runtime, asyncio.Task)
"""What others have, and is not the loop's."""
OTHERS = {"in_force", "gathering"}
"""What is known of targets that others work on: what is declared there, and what they are."""


def held(stage: Stage, name: TargetName) -> list[str]:
    """Where in the parts of the loop something of a target is, by the names of attributes."""
    found, seen = [], set[int]()

    def is_about(one: object) -> bool:
        return isinstance(one, str) and (one == name or one.startswith(f"{name}/"))

    def look(one: object, path: str) -> None:
        if id(one) in seen or isinstance(one, (str, bytes, *SAYS)):
            return
        seen.add(id(one))
        if isinstance(one, Mapping):
            found.extend([path] if any(map(is_about, one)) else [])
            for value in one.values():
                look(value, path)
        elif isinstance(one, Collection):
            found.extend([path] if any(map(is_about, one)) else [])
            for value in one:
                look(value, path)
        elif type(one).__module__.startswith("reconciler.engine"):
            for attribute, value in attributes(one):
                look(value, f"{path}.{attribute}")

    holdings = stage.controller._letting_go._has
    # Each once, and by itself. Who listens to sessions has what people said, which outlives a target.
    seen.update(id(getattr(holdings, one.name)) for one in fields(Holdings))
    seen.add(id(stage.controller))
    for one in fields(Holdings):
        part = getattr(holdings, one.name)
        for attribute, value in attributes(part):
            look(value, f"{one.name}.{attribute}")
    return sorted(set(found))


def attributes(one: object) -> list[tuple[str, object]]:
    slots = [name for cls in type(one).__mro__ for name in getattr(cls, "__slots__", ())]
    return [(name, getattr(one, name)) for name in slots if hasattr(one, name)] + [
        *getattr(one, "__dict__", {}).items()
    ]


async def busy(stage: Stage) -> None:
    """Have both targets in every part of the loop."""
    stage.page("site", takes=30.0)
    both = [
        each
        for on in ("m0", "m1")
        for each in (file("motd", "hello\n", on=on), execution("late", "late", on=on), probe("site", on=on))
    ]
    await stage.declare(*both)
    await stage.until(lambda: all(stage.content("motd", on=on) == b"hello\n" for on in ("m0", "m1")))
    await stage.until(lambda: stage.controller.looked_at.keys() == {M0, M1})
    await stage.controller.suspend(
        Suspension(object=address("motd", on="m1"), by="ada", reason="x", since=stage.now())
    )
    await stage.controller.request()
    stage.spoil("motd", on="m1")


@staged(machines=("m0", "m1"))
async def test_what_is_declared_no_longer_is_nowhere_any_more(stage):
    await busy(stage)
    assert {"lanes._lanes", "sessions._lines"} <= {*held(stage, M1)}
    await stage.controller.submit(
        desired([target("m0")], [file("motd", "hello\n").instance], ["hello\n"], "r2")
    )
    await stage.until(lambda: M1 not in stage.controller.in_force.targets)
    await asyncio.sleep(1.0)
    assert held(stage, M1) == []
    assert stage.content("motd", on="m1") == b"spoiled\n"
    assert "lanes._lanes" in held(stage, M0)


def share(stage: Stage) -> int:
    """Have the controller be one of several that has all for now; the shard of m1, which has not that of m0."""
    ours = stage.controller.share
    ours.alone, ours.leads = False, False
    ours.gain(range(SHARDS))
    assert shard_of(M0) != shard_of(M1)
    return shard_of(M1)


@staged(machines=("m0", "m1"))
async def test_of_what_another_one_works_on_only_what_is_declared_is_known(stage):
    shard = share(stage)
    await busy(stage)
    await stage.controller.give_up([shard], grace=5.0)
    assert OTHERS.issuperset(one.partition(".")[0] for one in held(stage, M1)), held(stage, M1)
    begun = len(stage.frames)
    stage.spoil("motd", on="m1")
    await asyncio.sleep(5.0)
    assert [one for one in stage.frames[begun:] if one[0] == "m1"] == []
    await stage.controller.take_up([shard])
    await stage.controller.submissions.take_again()
    assert "lanes._incoming" in held(stage, M1) or "lanes._lanes" in held(stage, M1)


@staged(machines=("m0", "m1"))
async def test_what_could_not_be_given_up_for_the_store_is_when_it_is_tried_again(stage):
    shard = share(stage)
    await busy(stage)
    await stage.until(lambda: stage.reason("motd", on="m1") == "Suspended")
    stage.controller.lanes.get(M1).backlog.spend(address("motd", on="m1"))
    stage.store_fails = StoreError("disk is full")
    try:
        await stage.controller.give_up([shard], grace=5.0)
    except StoreError:
        assert "lanes._lanes" in held(stage, M1)
    else:
        raise AssertionError("what is not on record was let go of")
    stage.store_fails = None
    await stage.controller.give_up([shard], grace=5.0)
    assert OTHERS.issuperset(one.partition(".")[0] for one in held(stage, M1)), held(stage, M1)
