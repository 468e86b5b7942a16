"""Runs the migrations with Alembic, within the transaction that a connection is in. Imported when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from reconciler.store.upgrade import as_the_driver_says, configuration

if TYPE_CHECKING:
    from reconciler.store.postgresql.connection import ServerSession


def upgrade(session: ServerSession, begin: str, revision: str = "head") -> None:
    """Run what is missing up to `revision`. Commits.

    Args:
        session: the connection.
        begin: begins a transaction that nobody else writes beside.
        revision: as Alembic names it.
    """
    engine = create_engine("postgresql+psycopg://", creator=lambda: session, poolclass=StaticPool)
    config = configuration()
    with as_the_driver_says(), engine.connect() as wrapped, wrapped.begin():
        # SQLAlchemy has rolled back what was begun: it looks at the connection first, and leaves it clean. Whatever
        # somebody else did meanwhile, Alembic finds out which revision this is only now.
        session.execute(begin)
        session.execute("SET LOCAL statement_timeout = 0")
        config.attributes["connection"] = wrapped
        command.upgrade(config, revision)
