"""The document from which a one-shot run may start, read before anything else is imported."""

from __future__ import annotations

import subprocess
import sys

from reconciler.store.batch import Batch
from reconciler.store.warm import load_warm
from tests.unit.store.conftest import driver


async def test_the_newest_document_is_read(store, path):
    assert load_warm(str(path)) is None
    for document in (b'{"n":1}', b'{"n":2}'):
        await store.write(Batch().put_warm(document))
        assert load_warm(str(path)) == document
    await store.write(Batch().forget_warm())
    assert load_warm(str(path)) is None


async def test_it_is_read_after_a_crash_too(store, path):
    await store.write(Batch().put_warm(b"{}"))
    store.abandon()
    assert load_warm(str(path)) == b"{}"


def test_nothing_is_made_where_nothing_is(path):
    assert load_warm(str(path)) is None
    path.parent.mkdir()
    assert load_warm(str(path)) is None
    assert not list(path.parent.iterdir())


def test_what_is_no_store_of_ours_is_none(tmp_path):
    (tmp_path / "froyo.db").write_bytes(
        b"something else entirely, and long enough to be read as a header" * 20
    )
    assert load_warm(str(tmp_path / "froyo.db")) is None


async def test_strange_names_are_names(open_store, tmp_path):
    strange = tmp_path / "ä ?#%41" / "froyo.db"
    await (await open_store(strange)).write(Batch().put_warm(b"x"))
    assert load_warm(str(strange)) == b"x"


async def test_a_store_that_is_locked_is_not_waited_for(store, path):
    await store.write(Batch().put_warm(b"x"))
    driver(store).execute("BEGIN IMMEDIATE")
    assert load_warm(str(path)) == b"x"


def test_it_imports_nothing_of_ours_but_itself():
    code = """
import sys
before = set(sys.modules)
import reconciler.store.warm
import sqlite3
new = set(sys.modules) - before
ours = {name for name in new if name.startswith(("reconciler", "sqlalchemy", "asyncio"))}
assert ours == {"reconciler", "reconciler.store", "reconciler.store.warm"}, ours
"""
    subprocess.run([sys.executable, "-c", code], check=True)
