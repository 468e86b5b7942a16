"""What was made on a server by an older froyo becomes what a new one makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import StoreError
from reconciler.store import migrate
from reconciler.store.batch import Batch
from reconciler.store.postgresql import upgrade as upgrading
from reconciler.store.postgresql.connection import connect
from reconciler.store.postgresql.sql import SCHEMA
from reconciler.store.upgrade import configuration
from tests.unit.store.values import event

SCHEMAS = Path(__file__).parent / "schemas" / "postgresql"

SHAPE = """
SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
FROM information_schema.columns WHERE table_schema = current_schema()
UNION ALL SELECT tablename, indexname, regexp_replace(indexdef, ' ON [^ ]* ', ' '), '', '', ''
FROM pg_indexes WHERE schemaname = current_schema()
UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace
UNION ALL SELECT event_object_table, trigger_name, event_manipulation, '', '', ''
FROM information_schema.triggers WHERE trigger_schema = current_schema()
"""


def made(address: str) -> dict:
    with connect(address) as session:
        rows = session.execute(SHAPE).fetchall()
    return {row[:2]: row[2:] for row in rows}


def make(address: str, *statements: str) -> None:
    with connect(address) as session:
        for statement in statements:
            session.execute(statement)


@pytest.fixture
def place(shared_server):
    return shared_server.place()


@pytest.mark.parametrize("old", sorted(SCHEMAS.glob("*.sql")), ids=lambda path: path.stem)
async def test_an_older_schema_is_brought_to_what_a_new_store_gets(old, place, shared_server, open_store):
    make(place, old.read_text())
    await (await open_store(place)).write(Batch().add_events([event()]))
    fresh = shared_server.place()
    make(fresh, *SCHEMA)
    assert made(place) == made(fresh)


async def test_text_compares_by_its_bytes(place, open_store):
    await open_store(place)
    collations = {shape[3] for (_, name), shape in made(place).items() if shape[0] == "text"}
    assert collations == {"C"}


def a_migration(tmp_path, monkeypatch, body: str) -> str:
    """One more than there are, for as long as a test lasts."""
    number = f"{int(migrate.HEAD) + 1:04}"
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / f"{number}_next.py").write_text(
        f"from alembic import op\nrevision = {number!r}\ndown_revision = {migrate.HEAD!r}\n\n"
        f"def upgrade():\n    {body}\n"
    )

    def with_it():
        config = configuration()
        ours = "reconciler.store:migrations/versions"
        config.set_main_option("version_locations", f"{ours}\n{versions}")
        config.set_main_option("path_separator", "newline")
        return config

    monkeypatch.setattr(upgrading, "configuration", with_it)
    monkeypatch.setattr(migrate, "HEAD", number)
    return number


async def test_a_migration_is_run_by_whoever_may_write(place, open_store, tmp_path, monkeypatch):
    (await open_store(place)).abandon()
    number = a_migration(tmp_path, monkeypatch, "op.execute('CREATE TABLE added (x int)')")
    with pytest.raises(StoreError, match=f"is older than {number}; run a command that may write"):
        await open_store(place, read_only=True)
    store = await open_store(place)
    assert (await store.stats()).schema == number
    assert ("added", "x") in made(place)
    await store.write(Batch().add_events([event()]))
    assert len(await store.events()) == 1


async def test_a_migration_that_fails_changes_nothing(place, open_store, tmp_path, monkeypatch):
    (await open_store(place)).abandon()
    before = made(place)
    a_migration(tmp_path, monkeypatch, "op.execute('CREATE TABLE half (way int)'); op.execute('SELECT 1/0')")
    with pytest.raises(StoreError, match="division by zero"):
        await open_store(place)
    assert made(place) == before


async def test_a_newer_schema_is_refused_with_a_way_out(place, open_store):
    (await open_store(place)).abandon()
    make(place, "UPDATE alembic_version SET version_num = '9999'")
    for read_only in (False, True):
        with pytest.raises(StoreError, match=r"schema 9999 is newer than 0\d+: .*; use the newer froyo"):
            await open_store(place, read_only=read_only)


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET message = 'x'", "UPDATE audit SET data = 'x'", "DELETE FROM audit"]
)
async def test_the_database_itself_refuses_to_rewrite_the_past(place, open_store, statement):
    await open_store(place)
    make(
        place,
        "INSERT INTO events VALUES (1, 0, '', '', '', '', '', NULL, NULL, '{}')",
        "INSERT INTO audit VALUES (1, 0, '', '', '', '{}', '', '')",
    )
    with pytest.raises(Exception, match="is append-only"):
        make(place, statement)
