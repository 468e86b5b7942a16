"""Before a single run targets are asked what they are, where what is declared depends on it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from reconciler.app.gathering import ask_again, gather_needed
from reconciler.engine.facts import TargetFacts
from reconciler.errors import UsageError
from reconciler.targets.session import Session
from tests.unit.engine.stage import staged


def parts_of(stage, *, ttl=3600.0):
    return SimpleNamespace(
        facts=TargetFacts(stage.store, now=stage.now, ttl=ttl),
        store=stage.store,
        runtime=stage.runtime,
        open_session=Session.open,
        policing=SimpleNamespace(decides=lambda _desired: False),
    )


def reading(stage, *sections):
    return replace(stage.desired(), facts_read=frozenset(sections))


@staged(machines=("m0", "m1"))
async def test_only_targets_that_matter_and_are_not_known_are_asked(stage):
    parts = parts_of(stage)
    assert not await gather_needed(parts, reading(stage))
    assert not parts.facts.known
    assert await gather_needed(parts, reading(stage, "os"), ["m1"])
    assert parts.facts.known.keys() == {"m1"}
    assert await gather_needed(parts, reading(stage, "os"))
    assert parts.facts.known.keys() == {"m0", "m1"}
    assert not await gather_needed(parts, reading(stage, "os"))
    assert await stage.store.load_facts() == {}  # who asks may only be looking


@staged(machines=("m0", "m1"))
async def test_one_that_cannot_be_asked_keeps_no_other_from_it(stage):
    parts = parts_of(stage)
    stage.machines["m0"].files.facts = None
    assert await gather_needed(parts, reading(stage, "os"))
    assert parts.facts.known.keys() == {"m1"}


@staged
async def test_one_that_is_on_record_can_be_asked_anew(stage):
    parts = parts_of(stage)
    await stage.declare()
    await stage.until(lambda: bool(stage.controller.facts.of("m0")))
    stage.machines["m0"].files.facts["os"] = {"id": "other"}
    await ask_again(parts, "m0")
    assert (await stage.store.load_facts())["m0"].sections["os"] == {"id": "other"}
    with pytest.raises(UsageError, match="no target is named 'm9'"):
        await ask_again(parts, "m9")
