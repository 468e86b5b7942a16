"""Reads the one document from which a one-shot run may start, before anything else is imported: under 10 ms.

Invariant: imports nothing but the standard library's sqlite3 and os. Whatever is amiss, the answer is None
and the caller goes the long way: this only ever saves time. What the document means is its writer's affair;
`Batch.put_warm` puts it.
"""

from __future__ import annotations

import os
import sqlite3

_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-"


def load_warm(path: str) -> bytes | None:
    """The document in the database at `path`; None if there is none, or it cannot be had at once."""
    # `mode=ro`: nothing is made where nothing is, and closing does not put the log into the database.
    quoted = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(os.path.abspath(path))
    )
    try:
        connection = sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=0.0)
        try:
            row = connection.execute("SELECT document FROM warm").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    document: bytes | None = row[0] if row else None
    return document
