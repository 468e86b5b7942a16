"""The last good snapshot can be had from the store, whole, when its source cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import LeaseLost, StoreError
from reconciler.model.names import SourceName
from reconciler.model.source import SnapshotFile, SnapshotGone
from reconciler.store.blobs import INLINE
from tests.unit.store.conftest import of_files
from tests.unit.store.values import SOURCE, digest, snapshot

BOTH = True

FILES = {
    "a.yaml": b"a",
    "sub/b.yaml": b"b",
    "copy of a": b"a",
    "not utf-8 \udcff": b"",
    "big": bytes(INLINE + 1),
}


async def test_a_snapshot_comes_back_with_its_contents(store, open_store):
    taken = snapshot(FILES)
    await store.save_snapshot(taken)
    store.abandon()
    kept = await (await open_store(read_only=True)).snapshot_in_force(SOURCE)
    assert kept == taken
    assert (kept.root, kept.left_out) == (taken.root, taken.left_out)
    assert {name: file.read() for name, file in kept.files.items()} == FILES


async def test_without_a_snapshot_there_is_none(store):
    assert await store.snapshot_in_force(SOURCE) is None
    await store.save_snapshot(snapshot(FILES))
    assert await store.snapshot_in_force(SourceName("other")) is None


async def test_an_empty_snapshot_is_a_snapshot(store):
    await store.save_snapshot(snapshot({}))
    assert (await store.snapshot_in_force(SOURCE)).files == {}


async def test_the_newest_is_in_force_also_when_it_is_as_an_older_one_was(store):
    one, two = snapshot({"a": b"1"}), snapshot({"a": b"2"}, revision="r2")
    for taken in (one, two, one):
        await store.save_snapshot(taken)
        assert await store.snapshot_in_force(SOURCE) == taken
    assert (await store.stats()).rows["snapshots"] == 3


async def test_the_same_snapshot_again_is_not_written(store):
    for _ in range(3):
        await store.save_snapshot(snapshot(FILES))
    assert (await store.stats()).rows["snapshots"] == 1
    await store.save_snapshot(snapshot(FILES, revision="the same content under another name"))
    assert (await store.snapshot_in_force(SOURCE)).revision == "the same content under another name"


async def test_only_contents_that_are_new_are_read(store):
    await store.save_snapshot(snapshot({"a": b"1", "b": b"2"}))
    read = []

    def reading(name, data):
        return SnapshotFile(name, digest(data), len(data), lambda: read.append(name) or data)

    taken = replace(
        snapshot({}, revision="r2"),
        files={"a": reading("a", b"1"), "b": reading("b", b"3"), "c": reading("c", b"3")},
        digest=digest("r2"),
    )
    await store.save_snapshot(taken)
    assert len(read) == 1
    assert read[0] in {"b", "c"}


@of_files
@pytest.mark.parametrize("size", [1, INLINE + 1], ids=["small", "large"])
async def test_a_file_that_moved_on_makes_no_snapshot(store, path, size):
    before = snapshot({"a": b"1"})
    await store.save_snapshot(before)
    moved = SnapshotFile("b", digest("as it was"), 9, lambda: bytes(size))
    taken = replace(snapshot({}, revision="r2"), files={"b": moved})
    with pytest.raises(SnapshotGone, match="b has changed since the snapshot r2 was taken"):
        await store.save_snapshot(taken)
    assert await store.snapshot_in_force(SOURCE) == before
    assert not list((path.parent / "blobs").glob("tmp-*"))


async def test_a_file_that_is_gone_makes_no_snapshot(store):
    def gone():
        raise SnapshotGone("a: removed")

    taken = replace(snapshot({}), files={"a": SnapshotFile("a", digest("a"), 1, gone)})
    with pytest.raises(SnapshotGone, match="removed"):
        await store.save_snapshot(taken)
    assert await store.snapshot_in_force(SOURCE) is None


@of_files
async def test_a_snapshot_that_is_refused_leaves_no_file(store, path):
    store.token = 7  # of a lease that is long gone
    with pytest.raises(StoreError):
        await store.save_snapshot(snapshot(FILES))
    assert not [entry for entry in (path.parent / "blobs").rglob("*") if entry.is_file()]


@of_files
async def test_a_snapshot_that_is_refused_after_it_was_read_leaves_no_file(store, path, world):
    """The lease is lost between finding out what is missing and keeping it."""

    def lose(lane):
        if lane == "store-blob":
            store.token = 7

    world.after = lose
    with pytest.raises(LeaseLost):
        await store.save_snapshot(snapshot(FILES))
    assert not [entry for entry in (path.parent / "blobs").rglob("*") if entry.is_file()]


@of_files
async def test_a_large_content_that_has_gone_from_the_disk_is_gone(store, path):
    await store.save_snapshot(snapshot(FILES))
    kept = await store.snapshot_in_force(SOURCE)
    for entry in (path.parent / "blobs").glob("*/*"):
        entry.unlink()
    with pytest.raises(SnapshotGone, match="cannot be opened"):
        kept.files["big"].read()
    assert kept.files["a.yaml"].read() == b"a"
