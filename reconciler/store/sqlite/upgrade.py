"""Runs the migrations with Alembic, within the transaction that a connection is in. Imported when needed."""

from __future__ import annotations

import sqlite3

from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from reconciler.store.upgrade import as_the_driver_says, configuration


def upgrade(connection: sqlite3.Connection, revision: str = "head") -> None:
    """Run what is missing up to `revision`. Commits.

    Raises:
        sqlite3.IntegrityError: a row refers to one that is not there any more.
    """
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    config = configuration()
    # Begun here, so that Alembic does not commit each step.
    with as_the_driver_says(), engine.connect() as wrapped, wrapped.begin():
        # SQLAlchemy has rolled back what was begun: it looks at the connection first, and leaves it clean. Whatever
        # somebody else did meanwhile, Alembic finds out which revision this is only now.
        connection.execute("BEGIN IMMEDIATE")
        config.attributes["connection"] = wrapped
        command.upgrade(config, revision)
        # They were not enforced, so that tables could be rebuilt.
        for table, _row, other, _key in connection.execute("PRAGMA foreign_key_check"):
            message = f"the migration leaves a row of {table} that refers to none of {other}"
            raise sqlite3.IntegrityError(message)
