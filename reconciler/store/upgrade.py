"""Alembic, told where the migrations are. Imported when one is needed."""

from __future__ import annotations

from alembic.config import Config
from alembic.script import ScriptDirectory


def configuration() -> Config:
    """Alembic's, without any file."""
    config = Config()
    config.set_main_option("script_location", "reconciler.store:migrations")
    return config


def head() -> str | None:
    """The newest revision that there is a migration to."""
    return ScriptDirectory.from_config(configuration()).get_current_head()
