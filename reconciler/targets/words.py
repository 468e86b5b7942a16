"""What a server says, repeated so that it can do no harm: bounded, in one line, and printable."""

from __future__ import annotations

import asyncio

from reconciler.errors import TransportError
from reconciler.targets.dial import dial

_QUOTED = 200
"""Characters of it that an error repeats."""
_GREETING = b"SSH-2.0-OpenFroyo\r\n"
_PATIENCE = 3.0
"""Seconds that it gets to say something."""


def quoted(said: object, most: int = _QUOTED) -> str:
    """Somebody else's words as a part of a sentence of ours."""
    lines = (line.strip() for line in str(said)[: 2 * most].splitlines())
    text = " / ".join(line for line in lines if line)
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return shown if len(shown) <= most else f"{shown[:most]}…"


async def words_of(host: str, port: int) -> str:
    """What a server says to whom greets it as an SSH client does; "" for nothing, or where none answers."""
    said = b""
    try:
        connection = await dial(host, port, timeout=_PATIENCE)
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(_PATIENCE):
                await loop.sock_sendall(connection, _GREETING)
                while len(said) < _QUOTED and (arrived := await loop.sock_recv(connection, _QUOTED)):
                    said += arrived
        finally:
            connection.close()
    except (TransportError, TimeoutError, OSError):
        pass  # what has been said by then is what there is
    return quoted(said.decode("utf-8", "replace"))
