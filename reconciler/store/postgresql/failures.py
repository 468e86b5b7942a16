"""What PostgreSQL and the way to it say, as what a person can act on.

Of an error of the server only its first sentence is repeated: its details quote rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass, StoreError
from reconciler.store import failures
from reconciler.store.failures import REFUSED, UNKNOWN, Why

if TYPE_CHECKING:
    from psycopg import Error

_PERMANENT, _TRANSIENT = ErrorClass.PERMANENT, ErrorClass.TRANSIENT

_FULL: Why = (
    "the disk of its server is full",
    "free some space there; nothing was half-written",
    _TRANSIENT,
)
_BUSY: Why = ("its server has no room for another connection", "raise max_connections, or wait", _TRANSIENT)
_RESTARTING: Why = ("its server is being stopped or started", "it is tried again", _TRANSIENT)
_SLOW: Why = (
    "its server has not answered in time",
    "look at its load and at the network; it is tried again",
    _TRANSIENT,
)
_LOST: Why = ("the connection to its server was lost", "it is tried again", _TRANSIENT)
_UNREACHED: Why = (
    "no server answers there",
    "see that it runs, and that it listens where the address says; it is tried again",
    _TRANSIENT,
)
_NO_DATABASE: Why = (
    "there is no such database",
    "make it: createdb --encoding UTF8 --template template0 NAME",
    _PERMANENT,
)
_NO_USER: Why = ("the server does not let this user in", "see its pg_hba.conf, and `createuser`", _PERMANENT)
_PASSWORD: Why = (
    "the server wants another password",
    "put it as HOST:PORT:DATABASE:USER:PASSWORD into ~/.pgpass or the file that PGPASSFILE names, mode 0600",
    _PERMANENT,
)
_DENIED: Why = (
    "this user may not do that there",
    "make it the owner of the database: ALTER DATABASE … OWNER TO …",
    _PERMANENT,
)
_STANDBY: Why = (
    "its server is a standby, or was made read-only",
    "name the primary, or several hosts with target_session_attrs=read-write",
    _TRANSIENT,
)
_OTHER_NAME: Why = (
    "the certificate of its server is for another name",
    "name the server as its certificate does, or have one made for the name in the address",
    _PERMANENT,
)
_UNKNOWN_AUTHORITY: Why = (
    "the certificate of its server was signed by nobody who is trusted, or is over",
    "give the authority's certificate with sslrootcert=FILE, or sslrootcert=system for those that this machine trusts",
    _PERMANENT,
)
_NO_AUTHORITY: Why = (
    "there is no certificate to check its server by",
    "put the authority's where the address, or libpq, looks for it, or give sslrootcert=system",
    _PERMANENT,
)
_WANTS_CERTIFICATE: Why = (
    "its server wants a certificate of ours",
    "give it with sslcert=FILE and sslkey=FILE; see that the file is there and can be read",
    _PERMANENT,
)
_OURS_IS_REFUSED: Why = (
    "its server does not take our certificate",
    "see which authority it trusts (its ssl_ca_file), and until when sslcert is valid",
    _PERMANENT,
)
_OUR_KEY: Why = (
    "the key of our certificate cannot be used",
    "see that sslkey=FILE belongs to sslcert, and that nobody else can read it: chmod 0600",
    _PERMANENT,
)
_NO_TLS: Why = (
    "its server does not encrypt",
    "set ssl = on there, with a certificate; sslmode in the address says what is asked for",
    _PERMANENT,
)
_DAMAGED: Why = ("it is damaged", "restore a backup of the database", _PERMANENT)

# By SQLSTATE, or the class of it.
_BY_STATE: dict[str, Why] = {
    "53100": _FULL,
    "53200": ("its server is out of memory", "give it some; it is tried again", _TRANSIENT),
    "53300": _BUSY,
    "53400": _FULL,
    "57P01": _RESTARTING,
    "57P02": _RESTARTING,
    "57P03": _RESTARTING,
    "57P04": _NO_DATABASE,
    "57014": _SLOW,
    "25P03": _SLOW,
    "25006": _STANDBY,
    "55P03": (
        "another froyo keeps it locked",
        "see which in pg_stat_activity, and wait for it, or end it",
        _TRANSIENT,
    ),
    "42501": _DENIED,
    "28P01": _PASSWORD,
    "28000": _NO_USER,
    "3D000": _NO_DATABASE,
    "08": _LOST,
    "23": REFUSED,
    "40": ("another froyo was at it", "it is tried again", _TRANSIENT),
    "58": ("its server cannot get at its files", "look into its log", _TRANSIENT),
    "XX": _DAMAGED,
}

# Before there is a connection there are no states, but words.
_BY_WORDS: tuple[tuple[str, Why], ...] = (
    ("does not match host name", _OTHER_NAME),
    ("certificate verify failed", _UNKNOWN_AUTHORITY),
    ("root certificate file", _NO_AUTHORITY),
    ("private key file", _OUR_KEY),
    ("requires a valid client certificate", _WANTS_CERTIFICATE),
    ("alert", _OURS_IS_REFUSED),
    ("does not support SSL", _NO_TLS),
    ("password authentication failed", _PASSWORD),
    ("no password supplied", _PASSWORD),
    ("authentication failed", _NO_USER),
    ("no pg_hba.conf entry", _NO_USER),
    ("pg_hba.conf rejects", _NO_USER),
    ("role ", _NO_USER),
    ("permission denied for database", _DENIED),
    ("does not exist", _NO_DATABASE),
    ("too many clients", _BUSY),
    ("remaining connection slots", _BUSY),
    ("too many connections", _BUSY),
    ("is starting up", _RESTARTING),
    ("is shutting down", _RESTARTING),
    ("not yet accepting connections", _RESTARTING),
    ("in recovery mode", _RESTARTING),
    ("session is read-only", _STANDBY),
    ("session is not read-write", _STANDBY),
    ("server is in hot standby", _STANDBY),
    ("Connection refused", _UNREACHED),
    ("No such file or directory", _UNREACHED),
    ("No route to host", _UNREACHED),
    ("Network is unreachable", _UNREACHED),
    ("Permission denied", _NO_USER),
    (
        "could not translate host name",
        (
            "its host has no address",
            "see how its name is written, and the DNS; it is tried again",
            _TRANSIENT,
        ),
    ),
    (
        "failed to resolve host",
        (
            "its host has no address",
            "see how its name is written, and the DNS; it is tried again",
            _TRANSIENT,
        ),
    ),
    ("timeout", _SLOW),
    ("has not answered", _SLOW),
    ("SSL", ("no encrypted connection can be had", "see sslmode and sslrootcert", _PERMANENT)),
    ("server closed the connection", _LOST),
    ("connection", _LOST),
)


def explain(error: Error | OSError, place: str) -> StoreError:
    """What `error` means for the store at `place`."""
    if isinstance(error, OSError):
        return failures.explain(error, place)
    said = error.diag.message_primary or str(error)
    return failures.explained(place, " ".join(said.split()), why(error, said))


def why(error: Error, said: str) -> Why:
    """Which of what is known an error is."""
    state = error.sqlstate or ""
    known = _BY_STATE.get(state) or _BY_STATE.get(state[:2])
    if known is None and not state:
        known = next((known for words, known in _BY_WORDS if words in said), None)
    return known or UNKNOWN
