"""Alembic, told where the migrations are. Imported when one is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError


def configuration() -> Config:
    """Alembic's, without any file."""
    config = Config()
    config.set_main_option("script_location", "reconciler.store:migrations")
    return config


@contextlib.contextmanager
def as_the_driver_says() -> Iterator[None]:
    """What goes wrong within it is the driver's own error: SQLAlchemy's repeats rows."""
    try:
        yield
    except DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from None


def head() -> str | None:
    """The newest revision that there is a migration to."""
    return ScriptDirectory.from_config(configuration()).get_current_head()
