"""Runs the migrations with Alembic, within the transaction that a connection is in. Imported when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from reconciler.store.upgrade import configuration

if TYPE_CHECKING:
    from reconciler.store.postgresql.connection import Session


def upgrade(session: Session, revision: str = "head") -> None:
    """Run what is missing up to `revision`."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: session,
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",  # the transaction is that of the caller
        pool_reset_on_return=None,
    )
    config = configuration()
    with engine.connect() as wrapped:
        config.attributes["connection"] = wrapped
        command.upgrade(config, revision)
    engine.pool = None  # type: ignore[assignment] # the connection is not its own to close
