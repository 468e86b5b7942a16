"""Tables, migrations and compiled statements say the same."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from reconciler.model.subjects import Subject
from reconciler.store import compiler, migrate
from reconciler.store.postgresql import sql as of_postgresql
from reconciler.store.schema import metadata
from reconciler.store.sqlite import sql
from reconciler.store.sqlite.database import SQLiteDatabase
from reconciler.store.sqlite.upgrade import upgrade
from reconciler.store.upgrade import head
from tests.unit.store.values import file_address, state

SCHEMAS = Path(__file__).with_name("schemas")


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def revision(database) -> str:
    return SQLiteDatabase(database, Path(":memory:")).revision()


def made(database) -> dict[str, str]:
    found = database.execute("SELECT type || ' ' || name, sql FROM sqlite_master").fetchall()
    # A table that was rebuilt has its names in quotes.
    return {name: re.sub(r'[\s"]+', "", text or "") for name, text in found}


def test_sql_is_what_the_constructs_compile_to():
    for path, text in compiler.written().items():
        assert path.read_text() == text, "run `python -m reconciler.store.compiler`"


def test_the_migrations_lead_to_exactly_the_schema_that_a_new_store_gets(database):
    database.execute("BEGIN")
    upgrade(database)
    fresh = sqlite3.connect(":memory:")
    for statement in sql.SCHEMA:
        fresh.execute(statement)
    assert made(database) == made(fresh)
    assert revision(database) == revision(fresh) == migrate.HEAD
    fresh.close()


def test_a_table_that_a_migration_has_rebuilt_counts_as_the_same(database):
    """It was another one, for the quotes around its name."""
    for statement in sql.SCHEMA:
        database.execute(statement)
    before = made(database)
    rebuild(database, "source_state")
    text = database.execute("SELECT sql FROM sqlite_master WHERE name = 'source_state'").fetchone()[0]
    assert text.startswith('CREATE TABLE "source_state"')
    assert made(database) == before


def test_a_table_without_row_ids_is_rebuilt_as_one(database):
    for statement in sql.SCHEMA:
        database.execute(statement)
    before = made(database)
    rebuild(database, "queue", table_kwargs={"sqlite_with_rowid": False})
    assert made(database) == before


def rebuild(database, table, **words):
    engine = create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)
    with engine.connect() as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table(table, recreate="always", **words):
            pass


def test_a_migration_that_leaves_a_row_without_what_it_refers_to_is_refused(database):
    database.executescript((SCHEMAS / "0001.sql").read_text())
    database.execute("DELETE FROM blobs")
    database.execute("BEGIN")
    with pytest.raises(sqlite3.IntegrityError, match="refers to none of blobs"):
        upgrade(database)
    assert revision(database) == "0001"


@pytest.mark.parametrize("old", sorted(SCHEMAS.glob("*.sql")), ids=lambda path: path.stem)
async def test_all_that_an_older_store_holds_is_read_after_it_was_brought_up_to_date(old, open_store, path):
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.executescript(old.read_text())
    assert revision(database) == old.stem
    database.close()
    store = await open_store()
    assert (await store.stats()).schema == migrate.HEAD
    assert await store.damages() == []
    assert (await store.load_states()) == {file_address("motd"): state("motd")}
    [kept] = (await store.load_inventory()).values()
    assert kept.instance.address == file_address("motd")
    assert kept.instance.provides == (Subject("path", "/etc/motd"),)
    assert (await store.load_target_states()).keys() == {"web-1"}
    assert (await store.load_source_states()).keys() == {"/srv/site"}
    assert [one.object for one in await store.load_suspensions()] == ["web-1"]
    assert [key.target for key in await store.load_queue()] == ["web-1"]
    assert [unit.address for unit in await store.in_doubt()] == [file_address("motd")]
    assert [run.id for run in await store.runs()] == ["1"]
    assert [event.reason for event in await store.events()] == ["Applied"]
    kept = await store.snapshot_in_force("/srv/site")
    assert [file.read() for file in kept.files.values()] == [b"site\n"]


def test_every_schema_but_the_newest_has_its_example():
    assert {path.stem for path in SCHEMAS.glob("*.sql")} == {
        f"{number:04}" for number in range(1, int(migrate.HEAD))
    }


def test_of_what_several_sources_have_declared_nobody_guesses_whose_it_is(database):
    database.executescript((SCHEMAS / "0001.sql").read_text())
    database.execute(
        "INSERT INTO snapshots (source, revision, digest, root, left_out, taken_at) VALUES ('b', '', '', '', '', 0)"
    )
    upgrade(database)
    assert database.execute("SELECT source FROM resource_state").fetchall() == [("",)]


def test_alembic_finds_nothing_left_to_migrate(database):
    database.execute("BEGIN")
    upgrade(database)
    engine = create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_that_the_store_asks_for():
    assert head() == migrate.HEAD


def test_sqlite_accepts_every_statement(database):
    for statement in sql.SCHEMA:
        database.execute(statement)
    for text in sql.STATEMENTS.values():
        values = dict.fromkeys(re.findall(r":(\w+)", text))
        database.execute(f"EXPLAIN {text}", values)


def test_both_databases_have_the_same_statements():
    assert of_postgresql.STATEMENTS.keys() == sql.STATEMENTS.keys()


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("STATES", {"low": "web-1/", "high": "web-1/~"}),
        ("EVENTS_OF_OBJECT", {"low": "web-1/", "high": "web-1/~"}),
        ("IN_DOUBT", {}),
        ("SNAPSHOT_IN_FORCE", {"source": "here"}),
        ("UNITS", {"run": "1"}),
        ("DROP_BLOB", {"digest": "x"}),
    ],
    ids=["states", "events", "in doubt", "snapshot", "units", "blob"],
)
def test_what_is_asked_often_is_not_answered_by_reading_a_whole_table(database, statement, values):
    for made_by in sql.SCHEMA:
        database.execute(made_by)
    statement = sql.STATEMENTS[statement]
    names = dict.fromkeys(re.findall(r":(\w+)", statement), 1) | values
    steps = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statement}", names)]
    assert not [step for step in steps if step.startswith("SCAN") and "USING" not in step], steps


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET message = 'x'",
        "UPDATE audit SET data = 'x'",
        "DELETE FROM audit",
    ],
)
def test_the_database_itself_refuses_to_rewrite_the_past(database, statement):
    for made_by in sql.SCHEMA:
        database.execute(made_by)
    database.execute("INSERT INTO events VALUES (1, 0, '', '', '', '', '', NULL, NULL, '{}')")
    database.execute("INSERT INTO audit VALUES (1, 0, '', '', '', '{}', '', '')")
    with pytest.raises(sqlite3.IntegrityError, match="is append-only"):
        database.execute(statement)
