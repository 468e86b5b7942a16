"""The address of a store in PostgreSQL: `postgresql://USER@HOST/DATABASE`, as libpq reads it, without a password.

An address is in the process list, in logs and in errors; a password is in none of them. libpq finds it by itself, in
~/.pgpass or the file that PGPASSFILE names, which nobody else may be able to read. What is mounted into a pod can be
read by its group, so a file with nothing but the password may be named, too. Imports next to nothing: the fast path of
the command line needs it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from reconciler.errors import UsageError

PASSWORD_FILE = "FROYO_STORE_PASSWORD_FILE"  # noqa: S105 - where one is
"""Names a file with the password and nothing else; read at each connection, so that it can be exchanged."""

_PORTS = re.compile(r"(?:(?:\[[^\]]*\]|[^:\[\],]*)(?::[0-9]*)?(?:,|$))*")
"""Hosts with their ports, as they stand in an address."""
_SCHEMES = ("postgresql", "postgres")
_PARAMETERS = frozenset(
    {
        *(
            "host",
            "port",
            "passfile",
            "target_session_attrs",
            "gssencmode",
            "channel_binding",
            "require_auth",
        ),
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "sslnegotiation"),
    }
)


def checked(written: str) -> str:
    """The address as it was written.

    Raises:
        UsageError: it is none, or there is a password in it, which is not repeated.
    """
    scheme, colon, rest = written.partition("://")
    if not colon or scheme not in _SCHEMES:
        # It may be `host=… password=…`, which libpq takes, too.
        said = f"{scheme}://…" if colon and scheme.isalnum() else "that" if "=" in written else repr(written)
        raise UsageError(
            f"--store takes the address of a database, such as postgresql://froyo@db.example.org/froyo, not {said}; "
            "a store on this machine is in the directory that --state names"
        )
    try:
        parts = urlsplit(written)
    except ValueError:
        raise _no_address(f"{scheme}://…") from None
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    who, _, where = parts.netloc.rpartition("@")
    shown = f"{scheme}://{who.partition(':')[0]}{'@' if who else ''}{where}{parts.path}"
    if ":" in who or parameters.keys() & {"password", "sslpassword"}:
        raise _with_password(shown)
    strange = sorted(parameters.keys() - _PARAMETERS)
    is_wrong = parts.fragment or parts.path.count("/") > 1 or not parts.path.strip("/")
    ports = _PORTS.fullmatch(where) is not None
    if (strange or is_wrong or not ports) and "@" in rest.removeprefix(parts.netloc):
        # A password in which a slash, a question mark or a hash stands as it is looks like another part of it.
        raise _with_password(f"{scheme}://…")
    if not ports:
        raise UsageError(
            f"{scheme}://…: a port is a number, as in postgresql://froyo@db.example.org:5433/froyo"
        )
    if strange:
        raise UsageError(
            f"{shown}: froyo takes no {strange[0]!r} in an address; it takes {', '.join(sorted(_PARAMETERS))}"
        )
    if is_wrong:
        raise _no_address(shown)
    return written


def _with_password(shown: str) -> UsageError:
    return UsageError(
        f"{shown}: there is a password in the address, where everybody on this machine can read it; change it, put "
        "the new one as HOST:PORT:DATABASE:USER:PASSWORD into ~/.pgpass or the file that PGPASSFILE names (mode "
        "0600), and leave it out of --store"
    )


def _no_address(shown: str) -> UsageError:
    return UsageError(
        f"{shown}: an address ends with the name of a database, as in postgresql://froyo@db.example.org/froyo"
    )


def password(environ: Mapping[str, str]) -> str | None:
    """What the file that the environment names holds, without the end of its line; None where it names none.

    Raises:
        UsageError: it cannot be read, everybody can read it, or there is no password in it.
    """
    path = environ.get(PASSWORD_FILE)
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            found = file.read(4096)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UsageError(
            f"{path}: the password of the store cannot be read ({why}); see ${PASSWORD_FILE}"
        ) from error
    if mode & 0o007:
        raise UsageError(
            f"{path}: everybody can read the password of the store (mode {stat.S_IMODE(mode):04o}); "
            f"run: chmod o= {path}"
        )
    said = found.removesuffix("\n").removesuffix("\r")
    if not said or "\n" in said or "\0" in said:
        raise UsageError(f"{path}: it holds no password: one line is wanted, with nothing else in it")
    return said
