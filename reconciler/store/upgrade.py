"""Runs the migrations with Alembic, within the transaction that a connection is in. Imported when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    import sqlite3


def configuration() -> Config:
    """Alembic's, without any file."""
    config = Config()
    config.set_main_option("script_location", "reconciler.store:migrations")
    return config


def head() -> str | None:
    """The newest revision that there is a migration to."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def upgrade(connection: sqlite3.Connection, revision: str = "head") -> None:
    """Run what is missing up to `revision`. Commits."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    config = configuration()
    with engine.connect() as wrapped:
        config.attributes["connection"] = wrapped
        command.upgrade(config, revision)
        wrapped.commit()
