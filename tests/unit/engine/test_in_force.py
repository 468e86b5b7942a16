"""What is in force: the union of all sources, and what none of them declares any more."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from reconciler.engine.intake.doubt import Doubt
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.recall import declared_elsewhere, redeclared
from reconciler.engine.intake.wanted import Record
from reconciler.errors import ConfigError
from reconciler.model.facts import Section
from reconciler.model.names import Digest, SourceName
from reconciler.model.origin import Origin
from reconciler.model.resource import Deletion
from reconciler.model.source import SnapshotGone
from reconciler.model.state import Approval, ResourceState
from reconciler.model.target import LocalTransport
from reconciler.store.records import InventoryEntry, Ownership
from tests.sim.manifests import desired, instance, target

A, B = SourceName("/srv/a"), SourceName("/srv/b")


def file(name, *, deletion="delete", path="", **common):
    spec = {"path": path or f"/opt/{name}", "content": name}
    return instance("m0", "File", name, spec, deletion=deletion, **common)


def shown(source, *instances, port=22):
    bodies = [one.metadata.name for one in instances]
    return replace(desired([target("m0", port=port)], list(instances), bodies, "r1"), source=source)


def recorded(*instances, source=A, ownership=Ownership.CREATED, known=True, **more):
    entries = [InventoryEntry(ownership=ownership, instance=one, recorded_at=0.0) for one in instances]
    states = {
        one.address: ResourceState(address=one.address, digest=one.digest, source=source, owned=True)
        for one in (instances if known else ())
    }
    return Record(states=states, inventory={e.instance.address: e for e in entries}, **more)


def test_each_source_gives_its_bodies_its_revision_and_its_targets():
    in_force = InForce()
    assert not in_force
    in_force.take(shown(A, file("a")), Record())
    in_force.take(replace(shown(B, file("b")), revision="r2"), Record())
    assert in_force
    assert in_force.revision == "r1+r2"
    assert in_force.instances.keys() == {"m0/File/a", "m0/File/b"}
    digest = Digest(file("b").spec["body"]["digest"])
    assert in_force.find_blob(digest).read() == b"b"
    with pytest.raises(SnapshotGone):
        in_force.find_blob(Digest("sha256:none"))


def test_a_target_that_is_reached_in_two_ways_is_a_conflict():
    in_force = InForce()
    in_force.take(shown(A), Record())
    with pytest.raises(
        ConfigError, match="target m0 is declared by another source already in another way: /srv/a"
    ):
        in_force.take(shown(B, port=2222), Record())
    assert in_force.sources.keys() == {A}


def test_what_others_declared_is_none_of_a_sources_business():
    taken = InForce().take(shown(B), recorded(file("a"), source=A))
    assert (taken.left, taken.removals) == ({}, {})


def test_what_is_on_record_and_never_was_ours_is_only_forgotten():
    known = recorded(file("a"))
    taken = InForce().take(shown(A), replace(known, inventory={}))
    assert taken.left == {"m0/File/a": ""}


def test_what_was_on_a_target_that_nobody_knows_any_more_stays():
    one = replace(file("a"), target="m9", address="m9/File/a")
    taken = InForce().take(shown(A), recorded(one))
    assert taken.left == {"m9/File/a": "how its target was reached is not on record"}


def test_a_directory_with_something_declared_in_it_stays():
    directory = instance("m0", "Directory", "d", {"path": "/opt/d"}, deletion="delete")
    inside = file("f", path="/opt/d/f")
    taken = InForce().take(shown(A, inside), recorded(directory))
    assert taken.left == {"m0/Directory/d": "m0/File/f is still declared, and lies in it"}


def test_the_directory_of_a_source_is_never_removed_where_it_is():
    local = file("a", path="/srv/a/x")
    wanted = shown(A)
    here = {"m0": replace(wanted.targets["m0"], transport=LocalTransport())}
    taken = InForce().take(replace(wanted, targets=here), recorded(local))
    assert taken.left["m0/File/a"].startswith("it is protected")


def test_an_orphan_goes_only_for_an_approval_of_just_that():
    one = file("a", deletion="orphan")

    def approved(shown):
        return Approval(address=one.address, shown=shown, by="ada", reason="x", at=0.0)

    record = recorded(one, known=False, approvals={one.address: approved(one.digest)})
    assert InForce().take(shown(A), record).removals.keys() == {one.address}
    record = replace(record, approvals={one.address: approved(Digest("sha256:other"))})
    assert InForce().take(shown(A), record).removals == {}


def test_an_orphan_that_is_declared_under_another_name_is_moved():
    one = file("a", deletion="orphan")
    again = file("b", path="/opt/a")
    taken = InForce().take(shown(A, again), recorded(one, known=False))
    assert taken.moved == 1
    assert taken.wanted["m0"].moved["m0/File/b"].instance == one


def test_what_another_source_waits_for_is_left_to_it():
    in_force = InForce()
    in_force.take(shown(A, file("a")), Record())
    claim = shown(B, file("claim", path="/opt/a"))
    in_force.wait(claim)
    taken = in_force.take(shown(A), recorded(file("a")))
    assert taken.left == {"m0/File/a": "another source declares it by now"}
    in_force.take(claim, Record())
    assert in_force.instances.keys() == {"m0/File/claim"}


def test_what_has_gone_is_in_force_no_longer_and_its_target_neither():
    one = replace(file("a"), common=replace(file("a").common, deletion=Deletion.DELETE))
    in_force = InForce()
    bare = replace(shown(A), targets={})
    taken = in_force.take(bare, recorded(one, targets={"m0": target("m0")}))
    assert taken.wanted.keys() == in_force.targets.keys() == {"m0"}
    in_force.gone([one.address])
    assert (dict(in_force.targets), dict(in_force.instances)) == ({}, {})


def test_what_is_declared_otherwise_without_a_new_generation_is_known_as_it_is_declared_now():
    then, changed = file("a"), file("b")
    labelled = replace(then, metadata=replace(then.metadata, labels={"tier": "db"}))
    moved = replace(file("c"), origin=Origin("other.yaml", 7))
    record = recorded(then, changed, file("c"), file("same"), file("gone"))
    now = shown(A, labelled, replace(changed, digest=Digest("sha256:new")), moved, file("same"))
    entries = list(redeclared(now, record.inventory))
    assert [entry.instance for entry in entries] == [labelled, moved]


def test_the_order_on_a_target_is_the_one_that_was_loaded_until_somebody_else_speaks_of_it():
    in_force, mine = InForce(), shown(A, file("a"), file("b", require=["File/a"]))
    wanted = in_force.take(mine, Record()).wanted["m0"]
    assert wanted.graph is mine.graphs["m0"]
    wanted = in_force.take(shown(B, file("c")), Record()).wanted["m0"]
    assert wanted.graph.order == ("m0/File/a", "m0/File/b", "m0/File/c")
    wanted = in_force.take(shown(B), Record()).wanted["m0"]
    assert wanted.graph is mine.graphs["m0"]
    assert in_force.take(shown(A), recorded(file("a"))).wanted["m0"].graph.order == ("m0/File/a",)


# --- Targets whose facts are not known ------------------------------------------------------------------------------


def waiting(source, *instances):
    return replace(shown(source, *instances), waiting=frozenset({"m0"}))


def test_where_facts_are_not_known_what_is_on_record_is_neither_removed_nor_forgotten():
    in_force = InForce()
    taken = in_force.take(waiting(A), recorded(file("a")))
    assert (taken.left, taken.removals) == ({}, {})
    assert taken.wanted["m0"].waiting == [A]
    assert in_force.waits(A, "m0")
    assert not in_force.waits(B, "m0")
    assert not in_force.waits(A, "m1")


def test_where_facts_are_not_known_what_was_declared_last_stays_in_force():
    in_force = InForce()
    in_force.take(shown(A, file("a"), file("b")), Record())
    taken = in_force.take(waiting(A), recorded(file("a")))
    assert in_force.instances.keys() == {"m0/File/a", "m0/File/b"}
    assert taken.wanted["m0"].graph.order == ("m0/File/a", "m0/File/b")
    assert in_force.find_blob(Digest(file("b").spec["body"]["digest"])).read() == b"b"
    taken = in_force.take(shown(A, file("b")), recorded(file("a"), file("b")))
    assert taken.removals.keys() == {"m0/File/a"}
    assert not taken.wanted["m0"].waiting


def test_where_facts_are_not_known_nobody_elses_purge_takes_what_is_on_record():
    in_force = InForce()
    in_force.take(waiting(A), Record())
    taken = in_force.take(shown(B), recorded(file("a"), source=A))
    assert taken.wanted["m0"].others == ["/opt/a"]


async def test_what_a_source_declared_that_is_not_served_is_seen_again_where_it_depends_on_what_targets_are():
    """It was nothing for ever, since facts had not been known at the start; another one's purge took it."""
    known = [False]

    class Kept:
        async def revisions(self):
            return [SimpleNamespace(source=A)]

        async def snapshot_in_force(self, source):
            return SimpleNamespace(source=source, digest="d")

        async def load_rollouts(self):
            return []

    async def evaluate(_snapshot):
        found = shown(A, file("a")) if known[-1] else waiting(A)
        return replace(found, digest=Digest("d"), facts_read=frozenset({Section("os")}))

    async def earlier():
        in_force.recall(await declared_elsewhere(Kept(), {B}, evaluate, in_force.earlier))
        return [*in_force.take(shown(B), Record()).wanted["m0"].others]

    in_force = InForce()
    assert await earlier() == []
    known.append(True)
    assert await earlier() == ["/opt/a"]
    # What was known is not forgotten where facts are lost.
    known.append(False)
    assert await earlier() == ["/opt/a"]


@pytest.mark.parametrize(
    ("certain", "held"),
    [
        ({"a.json", "m0.json"}, ""),
        ({"a.json"}, "gone unseen"),
        ({"m0.json"}, "gone unseen"),
        ((), "gone unseen"),
    ],
)
def test_what_is_doubted_of_a_file_holds_what_it_declared_and_what_was_for_its_target(certain, held):
    in_force, one = InForce(), replace(file("a"), origin=Origin("a.json", 1))
    record = recorded(one)
    on = replace(target("m0"), origin=Origin("m0.json", 1))
    record = replace(record, targets={on.name: on})
    in_force.take(
        replace(shown(A), targets={on.name: on}), record, doubt=Doubt("gone unseen", frozenset(certain))
    )
    removal = in_force.instances[one.address].removal
    assert removal is not None
    assert removal.hold == held


def test_what_is_called_the_same_is_told_apart_from_what_is_claimed_twice():
    in_force = InForce()
    in_force.take(shown(A, file("a")), Record())
    [named] = in_force.conflicts(shown(B, file("a", path="/opt/else")))
    assert named.hint.endswith("give one of them another name, or say namespace in its metadata")
    [claimed] = in_force.conflicts(shown(B, file("b", path="/opt/a")))
    assert claimed.hint.endswith("take one of the two declarations away")
    assert "already: /srv/a" in claimed.message
