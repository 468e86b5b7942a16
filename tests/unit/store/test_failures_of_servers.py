"""What PostgreSQL and the way to it say becomes what, why, and what to do next."""

from __future__ import annotations

import pytest

psycopg = pytest.importorskip("psycopg", reason="no driver for PostgreSQL")

from reconciler.errors import ErrorClass  # noqa: E402 - it takes the driver
from reconciler.store.postgresql.failures import explain  # noqa: E402

ADDRESS = "postgresql://froyo@db.example.org/froyo"


def by_state(state: str) -> psycopg.Error:
    return psycopg.errors.lookup(state)("in PostgreSQL's words")


def by_words(words: str) -> psycopg.Error:
    return psycopg.OperationalError(words)


SERVER = 'connection to server at "127.0.0.1", port 5432 failed: '


@pytest.mark.parametrize(
    ("error", "told", "error_class"),
    [
        (by_state("53100"), "the disk of its server is full (in PostgreSQL's words); free some", "transient"),
        (by_state("53300"), "its server has no room for another connection", "transient"),
        (by_state("57P01"), "its server is being stopped or started", "transient"),
        (by_state("57P03"), "its server is being stopped or started", "transient"),
        (by_state("57014"), "its server has not answered in time", "transient"),
        (by_state("25006"), "its server is a standby, or was made read-only", "transient"),
        (by_state("55P03"), "another froyo keeps it locked", "transient"),
        (by_state("40001"), "another froyo was at it", "transient"),
        (by_state("08006"), "the connection to its server was lost", "transient"),
        (by_state("42501"), "this user may not do that there", "permanent"),
        (by_state("23503"), "the database refuses it", "permanent"),
        (by_state("XX001"), "it is damaged", "permanent"),
        (by_state("42703"), "it cannot be used", "permanent"),
        (by_words(SERVER + "Connection refused"), "no server answers there", "transient"),
        (by_words(SERVER + 'FATAL:  database "x" does not exist'), "there is no such database", "permanent"),
        (
            by_words(SERVER + 'FATAL:  role "x" does not exist'),
            "the server does not let this user",
            "permanent",
        ),
        (
            by_words(SERVER + "FATAL:  Peer authentication failed"),
            "the server does not let this user",
            "permanent",
        ),
        (by_words(SERVER + "fe_sendauth: no password supplied"), "the server wants another", "permanent"),
        (by_words(SERVER + "FATAL:  the database system is starting up"), "its server is being", "transient"),
        (by_words(SERVER + "FATAL:  sorry, too many clients already"), "its server has no room", "transient"),
        (by_words(SERVER + "session is read-only"), "its server is a standby", "transient"),
        (by_words("failed to resolve host 'x': not known"), "its host has no address", "transient"),
        (by_words("connection timeout expired"), "its server has not answered in time", "transient"),
        (
            by_words("the server has not answered for 20 s"),
            "its server has not answered in time",
            "transient",
        ),
        (
            by_words(SERVER + "SSL error: certificate verify failed"),
            "the certificate of its server",
            "permanent",
        ),
        (
            by_words(SERVER + "SSL error: sslv3 alert bad certificate"),
            "its server does not take",
            "permanent",
        ),
        (by_words(SERVER + "SSL SYSCALL error: EOF detected"), "no encrypted connection", "permanent"),
        (
            by_words("server closed the connection unexpectedly"),
            "the connection to its server was lost",
            "transient",
        ),
        (by_words("something else"), "it cannot be used (something else)", "permanent"),
        (OSError(13, "Permission denied"), "access is denied (Permission denied)", "permanent"),
    ],
    ids=str,
)
def test_every_failure_names_the_place_the_reason_and_the_next_step(error, told, error_class):
    explained = explain(error, ADDRESS)
    assert str(explained).startswith(f"{ADDRESS}: {told}")
    assert "; " in str(explained)
    assert "\n" not in str(explained)
    assert explained.error_class is ErrorClass(error_class)
