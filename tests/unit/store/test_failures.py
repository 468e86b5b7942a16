"""What SQLite and the system say becomes what, why, and what to do next."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from reconciler.errors import ErrorClass, StoreError
from reconciler.store.sqlite.failures import explain

PATH = Path("/state/froyo.db")


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("in SQLite's words")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "words", "error_class"),
    [
        (
            of_sqlite(sqlite3.SQLITE_FULL),
            "the disk is full (in SQLite's words); free some space",
            "transient",
        ),
        (of_sqlite(sqlite3.SQLITE_READONLY), "it may not be written", "permanent"),
        (of_sqlite(sqlite3.SQLITE_READONLY_DBMOVED), "it may not be written", "permanent"),
        (of_sqlite(sqlite3.SQLITE_BUSY), "another process keeps it locked", "transient"),
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), "another process keeps it locked", "transient"),
        (of_sqlite(sqlite3.SQLITE_IOERR_WRITE), "the disk reported an error", "transient"),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), "it is damaged", "permanent"),
        (of_sqlite(sqlite3.SQLITE_MISUSE), "it cannot be used", "permanent"),
        (sqlite3.ProgrammingError("no code at all"), "it cannot be used (no code at all)", "permanent"),
        (OSError(errno.ENOSPC, "No space left"), "the disk is full (No space left)", "transient"),
        (OSError(errno.EDQUOT, "Quota"), "the disk quota is used up", "transient"),
        (OSError(errno.EROFS, "Read-only"), "it may not be written", "permanent"),
        (OSError(errno.EACCES, "Denied"), "access is denied", "permanent"),
        (OSError("without a number"), "it cannot be used (without a number)", "permanent"),
    ],
    ids=str,
)
def test_every_failure_names_the_file_the_reason_and_the_next_step(error, words, error_class):
    explained = explain(error, PATH)
    assert isinstance(explained, StoreError)
    assert str(explained).startswith(f"{PATH}: {words}")
    assert "; " in str(explained)
    assert explained.error_class is ErrorClass(error_class)


def test_a_failure_of_another_file_names_that_one():
    explained = explain(OSError(errno.EACCES, os.strerror(errno.EACCES), "/state/blobs"), PATH)
    assert str(explained).startswith("/state/blobs: access is denied (Permission denied)")
