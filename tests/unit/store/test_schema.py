"""Tables, migrations and compiled statements say the same."""

from __future__ import annotations

import re
import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from reconciler.store import compiler, migrate, sql, upgrade
from reconciler.store.schema import metadata


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def made(database) -> dict[str, str]:
    found = database.execute("SELECT type || ' ' || name, sql FROM sqlite_master").fetchall()
    return {name: re.sub(r"\s+", "", text or "") for name, text in found}


def test_sql_is_what_the_constructs_compile_to():
    assert compiler.render() == (compiler.Path(sql.__file__)).read_text(), (
        "run `python -m reconciler.store.compiler`"
    )


def test_the_migrations_lead_to_exactly_the_schema_that_a_new_store_gets(database):
    database.execute("BEGIN")
    upgrade.upgrade(database)
    fresh = sqlite3.connect(":memory:")
    for statement in sql.SCHEMA:
        fresh.execute(statement)
    assert made(database) == made(fresh)
    assert migrate.revision(database) == migrate.revision(fresh) == migrate.HEAD
    fresh.close()


def test_alembic_finds_nothing_left_to_migrate(database):
    database.execute("BEGIN")
    upgrade.upgrade(database)
    engine = create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_that_the_store_asks_for():
    assert upgrade.head() == migrate.HEAD


def test_sqlite_accepts_every_statement(database):
    for statement in sql.SCHEMA:
        database.execute(statement)
    for name in compiler.compile_statements(compiler.sqlite_dialect()):
        text = getattr(sql, name)
        values = dict.fromkeys(re.findall(r":(\w+)", text))
        database.execute(f"EXPLAIN {text}", values)


def test_everything_would_compile_for_postgresql_too():
    dialect = compiler.postgresql_dialect()
    statements = compiler.compile_statements(dialect)
    assert statements.keys() == compiler.compile_statements(compiler.sqlite_dialect()).keys()
    assert any("BYTEA" in statement for statement in compiler.compile_schema(dialect))


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (sql.STATES, {"low": "web-1/", "high": "web-1/~"}),
        (sql.EVENTS_OF_OBJECT, {"low": "web-1/", "high": "web-1/~"}),
        (sql.IN_DOUBT, {}),
        (sql.LAST_SNAPSHOT, {"source": "here"}),
        (sql.UNITS, {"run": "1"}),
        (sql.DROP_BLOB, {"digest": "x"}),
    ],
    ids=["states", "events", "in doubt", "snapshot", "units", "blob"],
)
def test_what_is_asked_often_is_not_answered_by_reading_a_whole_table(database, statement, values):
    for made_by in sql.SCHEMA:
        database.execute(made_by)
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
