"""The digest store: a digest that is there names exactly its content, whatever broke on the way."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from reconciler.errors import StoreError
from reconciler.store import blobs
from reconciler.store.batch import Batch
from reconciler.store.blobs import INLINE
from tests.unit.store.conftest import of_files
from tests.unit.store.values import digest, entry

BOTH = True

SMALL = b"small"
LARGE = bytes(range(256)) * (INLINE // 256) + b"one byte more"


def files(path) -> list[str]:
    root = path.parent / "blobs"
    return sorted(str(entry.relative_to(root)) for entry in root.rglob("*") if entry.is_file())


@pytest.mark.parametrize("content", [b"", SMALL, bytes(INLINE), LARGE, LARGE * 100], ids=len)
async def test_a_content_comes_back_by_its_digest(store, content):
    assert await store.blobs.missing([digest(content)]) == {digest(content)}
    assert await store.blobs.put(content) == digest(content)
    assert await store.blobs.missing([digest(content)]) == frozenset()
    assert await store.blobs.read(digest(content)) == content
    with await store.blobs.open(digest(content)) as file:
        assert file.read() == content


@of_files
async def test_only_a_large_content_is_a_file(store, path):
    await store.blobs.put(SMALL)
    assert not (path.parent / "blobs").exists()
    await store.blobs.put(LARGE)
    name = digest(LARGE).removeprefix("sha256:")
    assert files(path) == [f"{name[:2]}/{name}"]


@of_files
async def test_a_content_that_is_there_already_stays_as_it_is(store, path):
    for _ in range(2):
        assert await store.blobs.put_all([SMALL, LARGE, SMALL]) == [
            digest(SMALL),
            digest(LARGE),
            digest(SMALL),
        ]
    assert len(files(path)) == 1
    assert (await store.stats()).rows["blobs"] == 2


@of_files
async def test_what_is_not_there_is_said_to_be_missing(store, path):
    with pytest.raises(
        StoreError, match=f"there is no content {digest('x')}; it was never kept, or has gone"
    ):
        await store.blobs.read(digest("x"))
    with pytest.raises(StoreError, match="there is no content"):
        await store.blobs.open(digest("x"))
    await store.blobs.put(LARGE)
    (path.parent / "blobs" / files(path)[0]).unlink()
    with pytest.raises(StoreError, match=r"it cannot be opened \(No such file or directory\)"):
        await store.blobs.read(digest(LARGE))


@of_files
async def test_a_damaged_content_is_not_handed_out(store, path):
    await store.blobs.put(LARGE)
    (path.parent / "blobs" / files(path)[0]).write_bytes(LARGE[:-1] + b"E")
    with pytest.raises(StoreError, match="its content is damaged: it has another digest"):
        await store.blobs.read(digest(LARGE))


@of_files
async def test_a_disk_that_fills_up_half_way_leaves_no_file(store, path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blobs.os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full"):
        await store.blobs.put_all([LARGE, LARGE + b"another"])
    assert files(path) == []
    assert (await store.stats()).rows["blobs"] == 0


@of_files
async def test_when_one_of_several_fails_none_is_left(store, path, monkeypatch):
    synced = []

    def full_at_the_second(handle):
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(blobs.os, "fsync", full_at_the_second)
    with pytest.raises(StoreError, match="the disk is full"):
        await store.blobs.put_all([LARGE, LARGE + b"another"])
    assert files(path) == []


@of_files
async def test_a_content_whose_row_is_refused_leaves_no_file(store, path):
    store.token = 7  # of a lease that is long gone
    with pytest.raises(StoreError):
        await store.blobs.put(LARGE)
    store.token = None
    assert files(path) == []


async def test_a_content_survives_a_group_that_has_to_be_tried_again(store, path):
    """The first try has put the file in place already, and its row was rolled back."""
    kept, refused = await asyncio.gather(
        store.blobs.put(LARGE),
        store.write(Batch().put_inventory([entry(preimage=digest("nothing"))])),
        return_exceptions=True,
    )
    assert kept == digest(LARGE)
    assert isinstance(refused, StoreError)
    assert await store.blobs.read(digest(LARGE)) == LARGE


@of_files
async def test_a_staged_file_that_has_vanished_is_an_error(store, path):
    store_files = store._files
    staged = store_files.stage(LARGE)
    staged.file.unlink()
    with pytest.raises(FileNotFoundError):
        store_files.put_in_place(staged)


async def test_writing_goes_on_where_a_write_was_cut_short(store, monkeypatch):
    """A raw write may take less than it was given; what is left must follow."""
    real = os.fdopen

    def reluctant(handle, *args, **options):
        file = real(handle, *args, **options)

        class Reluctant:
            def __enter__(self):
                return self

            def __exit__(self, *_):
                file.close()

            def fileno(self):
                return file.fileno()

            def write(self, data):
                return file.write(data[:1000])

        return Reluctant()

    monkeypatch.setattr(blobs.os, "fdopen", reluctant)
    await store.blobs.put(LARGE)
    assert await store.blobs.read(digest(LARGE)) == LARGE


async def test_large_contents_do_not_pass_through_the_writers_lane(store, world):
    world.calls.clear()
    await store.blobs.put(LARGE)
    assert world.calls == ["store-blob", "store"]
