"""What targets are outlives the controller, section by section."""

from __future__ import annotations

from reconciler.model.facts import SECTIONS, Facts
from reconciler.model.names import TargetName
from reconciler.store.batch import Batch

BOTH = True

WEB, DB = TargetName("web-1"), TargetName("db-1")


async def test_sections_are_kept_one_by_one_with_when_they_were_taken(store):
    first = Facts().renewed({"os": {"id": "debian", "major": 12}, "users": {"ü": {}}}, ["users"], 1.0)
    await store.write(Batch().put_facts(WEB, first, first.sections))
    second = first.renewed({"users": {}}, (), 2.0)
    await store.write(Batch().put_facts(WEB, second, ["users"]).put_facts(DB, first, ["os"]))
    assert await store.load_facts() == {WEB: second, DB: Facts({"os": first.sections["os"]}, {"os": 1.0})}
    assert second.taken == {"os": 1.0, "users": 2.0}
    assert not second.cut


async def test_those_of_a_target_that_nobody_declares_any_more_are_forgotten(store):
    facts = Facts().renewed({"os": {}}, (), 1.0)
    await store.write(Batch().put_facts(WEB, facts, ["os"]).put_facts(DB, facts, ["os"]))
    await store.write(Batch().forget_target(WEB))
    assert set(await store.load_facts()) == {DB}


async def test_a_section_that_this_froyo_does_not_know_is_left_out(store):
    facts = Facts({"weather": {}, "os": {}}, {"weather": 1.0, "os": 1.0})
    await store.write(Batch().put_facts(WEB, facts, ["weather", "os"]))
    assert set((await store.load_facts())[WEB].sections) == {"os"}


def test_a_section_is_stale_when_it_is_older_than_it_may_be_or_from_the_future_or_was_never_taken():
    facts = Facts(taken={"os": 100.0, "users": 50.0, "cpu": 200.0})
    assert set(SECTIONS) - facts.stale(110.0, 20.0) == {"os"}
    assert set(SECTIONS) - facts.stale(200.0, 150.0) == {"os", "users", "cpu"}
    assert facts.stale(110.0, 0.0) == set(SECTIONS)


def test_facts_differ_by_section():
    one = Facts({"os": {"id": "debian"}, "cpu": {}})
    assert one.differing(Facts({"os": {"id": "debian"}, "users": {}})) == {"cpu", "users"}
    assert not one.differing(one)
    assert one
    assert not Facts()
