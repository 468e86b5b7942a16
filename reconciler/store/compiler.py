"""Compiles schema and statements to text: `python -m reconciler.store.compiler` writes `sql.py`.

Why: importing SQLAlchemy costs 170 ms, which is most of what a whole `froyo apply` may take, and executing a
construct costs some 100 µs on the critical path of a repair that may take five milliseconds. Compiled ahead,
the same statements go to the driver as they are. A test compiles them again and compares, for PostgreSQL as
well, so neither can go astray.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from reconciler.store.migrate import HEAD
from reconciler.store.schema import TRIGGERS, metadata
from reconciler.store.statements import statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Compiled, Dialect, Table

HEADER = '''"""Made by `python -m reconciler.store.compiler` Do not edit."""'''

ALEMBIC = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
LINE = 110
INSERT: dict[str, Callable[[Table], Any]] = {"sqlite": insert_sqlite, "postgresql": insert_postgresql}


def compile_statements(dialect: Dialect) -> dict[str, str]:
    """Every statement by name, as text with named parameters where the dialect has such."""
    made = statements(INSERT[dialect.name])
    return {name: _text(statement.compile(dialect=dialect)) for name, statement in made.items()}


def _text(compiled: Compiled) -> str:
    """The text, with the constants that SQLAlchemy made parameters of back in their places."""
    text = str(compiled)
    for name, value in compiled.params.items():
        if value is not None:
            text = re.sub(rf":{name}\b", str(int(value)), text)
    return " ".join(text.split())


def compile_schema(dialect: Dialect) -> list[str]:
    """The statements that make an empty database one of the newest schema."""
    tables = metadata.sorted_tables
    made: list[ExecutableDDLElement] = [CreateTable(table) for table in tables]
    for table in tables:
        made += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    return [" ".join(str(statement.compile(dialect=dialect)).split()) for statement in made]


def sqlite_dialect() -> Dialect:
    """SQLite's, with the parameter style that the statements are bound with."""
    return sqlite.dialect(paramstyle="named")


def postgresql_dialect() -> Dialect:
    """PostgreSQL's, for the test that everything here would compile for it."""
    return postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call] # SQLAlchemy's


def render() -> str:
    """The text of `sql.py`."""
    dialect = sqlite_dialect()
    schema = [
        *compile_schema(dialect),
        *TRIGGERS.values(),
        # What Alembic would have made: to it, the store looks as if it had gone through every migration.
        ALEMBIC,
        f"INSERT INTO alembic_version VALUES ('{HEAD}')",  # noqa: S608 - a constant
    ]
    lines = [HEADER, "", "SCHEMA = ("]
    lines += [_literal(statement, indent=4) + "," for statement in schema]
    lines += [")", ""]
    for name, text in sorted(compile_statements(dialect).items()):
        literal = _literal(text, indent=0, taken=len(name) + 3)
        lines.append(f"{name} = {literal}")
    lines += ["", "TABLES = (", *(f'    "{name}",' for name in sorted(metadata.tables)), ")", ""]
    return "\n".join(lines)


def _literal(text: str, *, indent: int, taken: int = 0) -> str:
    """A string literal as the formatter would have it, over as many lines as it takes."""
    pad = " " * indent
    if len(pad) + taken + len(text) + 3 <= LINE:
        return pad + _quoted(text)
    lines = textwrap.wrap(text, LINE - indent - 8, break_long_words=False, break_on_hyphens=False)
    lines = [*(f"{line} " for line in lines[:-1]), lines[-1]]
    return "\n".join([f"{pad}(", *(f"{pad}    {_quoted(line)}" for line in lines), f"{pad})"])


def _quoted(text: str) -> str:
    return repr(text) if '"' in text else f'"{text}"'


if __name__ == "__main__":
    Path(__file__).with_name("sql.py").write_text(render(), encoding="utf-8")
