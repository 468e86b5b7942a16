"""What is written is what is read, for every kind of value."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ErrorClass, StoreError
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.event import Event, EventType
from reconciler.model.evidence import Evidence
from reconciler.model.names import SourceName, TargetName
from reconciler.model.scope import EVERYTHING, Scope
from reconciler.model.state import HistoryEntry, ResourceState, SourceState, Suspension, TargetState
from reconciler.store import codec, journals
from reconciler.store.batch import Batch
from reconciler.store.records import QueuedKey
from tests.unit.store.conftest import driver
from tests.unit.store.values import WEB, digest, entry, file_address, state

BOTH = True


async def test_states_are_kept_replaced_and_forgotten(store):
    first, second = state("a"), state("b", target=TargetName("web-10"))
    await store.write(Batch().put_states([first, second]))
    assert await store.load_states() == {s.address: s for s in (first, second)}
    newer = replace(first, generation=2, conditions=(), history=(), observed=None)
    await store.write(Batch().put_states([newer]))
    assert await store.load_states(WEB) == {newer.address: newer}
    await store.write(Batch().forget_states([first.address]))
    assert await store.load_states(WEB) == {}


async def test_target_and_source_states_are_kept(store):
    ready = Condition(ConditionType.READY, True, Reason.UNREACHABLE, "no route", 1.0, 0)
    target = TargetState(name=WEB, conditions=(ready,), connected_since=2.0)
    source = SourceState(
        name=SourceName("here"),
        conditions=(ready,),
        revision="abc",
        digest="sha256:1",
        problems=("a\udcff.yaml:1:2: no",),
        degraded="no inotify",
    )
    await store.write(Batch().put_target_state(target).put_source_state(source))
    assert await store.load_target_states() == {WEB: target}
    assert await store.load_source_states() == {SourceName("here"): source}


async def test_a_target_is_forgotten_with_all_that_belongs_to_it(store):
    batch = Batch().put_target_state(TargetState(name=WEB))
    await store.write(batch.enqueue(QueuedKey(target=WEB, priority=1, scope=EVERYTHING, added_at=0.0)))
    await store.write(Batch().forget_target(WEB))
    assert await store.load_target_states() == {}
    assert await store.load_queue() == []


async def test_suspensions_are_put_replaced_and_removed(store):
    for until in (None, 9.0):
        suspension = Suspension(object="web-1", by="alice", reason="Umbau \udcff", since=1.0, until=until)
        await store.write(Batch().suspend(suspension))
        assert await store.load_suspensions() == [replace(suspension, reason="Umbau \\udcff")]
    await store.write(Batch().resume("web-1"))
    assert await store.load_suspensions() == []


async def test_pending_keys_come_back_the_most_urgent_first(store):
    low = QueuedKey(
        target=WEB, priority=0, scope=Scope.of([file_address("b"), file_address("a")]), added_at=1.0
    )
    high = QueuedKey(target=TargetName("db"), priority=30, scope=EVERYTHING, added_at=2.0)
    await store.write(Batch().enqueue(low).enqueue(high))
    assert await store.load_queue() == [high, low]
    await store.write(Batch().dequeue(high.target).enqueue(replace(low, priority=5)))
    assert await store.load_queue() == [replace(low, priority=5)]


async def test_an_inventory_entry_holds_all_that_destroying_it_takes(store):
    await store.write(Batch().put_inventory([entry("a"), entry("b")]))
    kept = await store.load_inventory(WEB)
    assert list(kept.values()) == [entry("a"), entry("b")]
    assert kept[file_address("a")].instance.origin == entry("a").instance.origin


async def test_what_was_there_at_first_contact_stays_on_record(store):
    original = await store.blobs.put(b"the original")
    await store.write(Batch().put_inventory([entry("a", preimage=original)]))
    other = await store.blobs.put(b"another")
    for later in (None, other):
        await store.write(Batch().put_inventory([entry("a", preimage=later)]))
        assert (await store.load_inventory())[file_address("a")].preimage == original


async def test_what_a_newer_froyo_wrote_is_refused_by_name(store):
    await store.write(Batch().put_inventory([entry()]))
    driver(store).execute("UPDATE inventory SET ownership = 'OfTheFuture'")
    with pytest.raises(
        StoreError, match=r"does not understand .*OfTheFuture.*; use the newer froyo"
    ) as caught:
        await store.load_inventory()
    assert caught.value.error_class is ErrorClass.PERMANENT


anything = st.text(st.characters(codec=None), max_size=20)  # lone surrogates included
moments = st.floats(allow_nan=False, allow_infinity=False)
conditions = st.builds(
    Condition,
    type=st.sampled_from(ConditionType),
    status=st.booleans(),
    reason=st.sampled_from(Reason),
    message=anything,
    since=moments,
    observed_generation=st.integers(0, 99),
)
rounds = st.builds(
    HistoryEntry,
    at=moments,
    generation=st.integers(0, 9),
    cause=anything,
    outcome=anything,
    message=anything,
    duration=moments,
)


@given(
    st.builds(
        ResourceState,
        address=st.just(file_address("a")),
        digest=st.just(digest("a")),
        observed=st.none() | st.just(digest("b")),
        observed_at=moments,
        owned=st.booleans(),
        conditions=st.lists(conditions, max_size=3).map(tuple),
        history=st.lists(rounds, max_size=2).map(tuple),
    )
)
def test_a_state_survives_its_row(known):
    row = codec.state_row(known)
    assert codec.state(list(row.values())) == known
    for value in row.values():
        if isinstance(value, str):
            value.encode("utf-8")


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | anything,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(anything, children, max_size=3),
    max_leaves=8,
)


@given(
    st.builds(
        Event,
        at=moments,
        type=st.sampled_from(EventType),
        reason=st.just("Repaired"),
        object=st.just("web-1/File/a"),
        message=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
        evidence=st.none()
        | st.builds(
            Evidence,
            command=anything,
            pid=st.none() | st.integers(1, 9),
            parents=st.lists(anything, max_size=2).map(tuple),
            ended=st.booleans(),
            at=st.none() | moments,
            source=st.sampled_from(["fanotify", "rescan"]),
        ),
        duration=st.none() | moments,
        data=st.dictionaries(anything, documents, max_size=2),
    )
)
def test_an_event_survives_its_row(happened):
    row = {"id": 0, **journals.event_row(happened)}
    assert journals.event(list(row.values())) == happened
    row["message"].encode("utf-8")


@given(anything)
def test_words_for_a_person_are_always_utf_8_and_else_unchanged(text):
    said = codec.words(text)
    said.encode("utf-8")
    assert "\0" not in said
    if text.isprintable():
        assert said == text


def test_equal_documents_have_equal_text():
    assert codec.document(MappingProxyType({"a": 1})) == '{"a":1}'
    assert codec.document({"b": {2, 1}, "a": ()}) == codec.document({"a": [], "b": frozenset({1, 2})})


def test_what_has_no_place_in_a_document_is_refused():
    with pytest.raises(TypeError, match="object has no place in a document"):
        codec.document({"a": object()})
