"""Compiles schema and statements to text: `python -m reconciler.store.compiler` writes `sql.py`, one a database.

Why: importing SQLAlchemy costs 170 ms, which is most of what a whole `froyo apply` may take, and executing a
construct costs some 100 µs on the critical path of a repair that may take five milliseconds. Compiled ahead,
the same statements go to the driver as they are. `reconciler.store.sql` has the names of the statements, which is what
the store says; each database has the texts. A test compiles them again and compares, so none can go astray.
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
from reconciler.store.postgresql import triggers as of_postgresql
from reconciler.store.schema import metadata
from reconciler.store.sqlite import triggers as of_sqlite
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
    return {name: text_of(statement.compile(dialect=dialect)) for name, statement in made.items()}


def text_of(compiled: Compiled) -> str:
    """The text, with the constants that SQLAlchemy made parameters of back in their places."""
    text = str(compiled)
    for name, value in compiled.params.items():
        if value is not None:
            text = re.sub(rf":{name}\b|%\({name}\)s", str(int(value)), text)
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
    """PostgreSQL's, with that of its driver."""
    return postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call] # SQLAlchemy's


TRIGGERS = {
    "sqlite": (*of_sqlite.TRIGGERS.values(),),
    "postgresql": (of_postgresql.REFUSING, *of_postgresql.TRIGGERS.values()),
}


DIALECTS: dict[str, Callable[[], Dialect]] = {"sqlite": sqlite_dialect, "postgresql": postgresql_dialect}


def render(dialect: Dialect) -> str:
    """The text of the `sql.py` of a database."""
    schema = [
        *compile_schema(dialect),
        *TRIGGERS[dialect.name],
        # What Alembic would have made: to it, the store looks as if it had gone through every migration.
        ALEMBIC,
        f"INSERT INTO alembic_version VALUES ('{HEAD}')",  # noqa: S608 - a constant
    ]
    lines = [HEADER, "", "SCHEMA = ("]
    lines += [_literal(statement, indent=4) + "," for statement in schema]
    lines += [")", "", "STATEMENTS = {"]
    for name, text in sorted(compile_statements(dialect).items()):
        literal = _literal(text, indent=4, taken=len(name) + 4).lstrip()
        lines.append(f'    "{name}": {literal},')
    return "\n".join([*lines, "}", ""])


def render_names() -> str:
    """The text of `reconciler/store/sql.py`: what the statements are called, and the tables."""
    names = [f'{name} = "{name}"' for name in sorted(statements(insert_sqlite))]
    tables = (f'    "{name}",' for name in sorted(metadata.tables))
    return "\n".join([HEADER, "", *names, "", "TABLES = (", *tables, ")", ""])


def written() -> dict[Path, str]:
    """What this writes, by file."""
    here = Path(__file__).parent
    return {
        here / "sql.py": render_names(),
        here / "sqlite" / "sql.py": render(sqlite_dialect()),
        here / "postgresql" / "sql.py": render(postgresql_dialect()),
    }


def _literal(text: str, *, indent: int, taken: int = 0) -> str:
    """A string literal as the formatter would have it, over as many lines as it takes."""
    pad = " " * indent
    if len(pad) + taken + len(text) + 3 <= LINE:
        return pad + _quoted(text)
    if len(pad) + 4 + len(text) + 2 <= LINE:
        return f"{pad}(\n{pad}    {_quoted(text)}\n{pad})"
    lines = textwrap.wrap(text, LINE - indent - 8, break_long_words=False, break_on_hyphens=False)
    lines = [*(f"{line} " for line in lines[:-1]), lines[-1]]
    return "\n".join([f"{pad}(", *(f"{pad}    {_quoted(line)}" for line in lines), f"{pad})"])


def _quoted(text: str) -> str:
    """As the formatter has it: in double quotes, unless that takes more escapes."""
    quote = '"' if text.count('"') <= text.count("'") else "'"
    return quote + text.replace(quote, f"\\{quote}") + quote


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text, encoding="utf-8")
