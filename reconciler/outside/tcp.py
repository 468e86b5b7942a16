"""One TCP connection of the controller's own: whether it comes about, and what the other side says first.

Invariants: all of it takes no longer than was said; no more is read than was asked for; TLS is verified.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.errors import in_words
from reconciler.outside import tls
from reconciler.outside.arguments import Arguments
from reconciler.outside.dialing import Dial
from reconciler.outside.unanswered import Unanswered, bad
from reconciler.sockets import place

READ_MAX = 4096
_KNOWN = frozenset({"address", "timeout_ms", "send", "until", "max_read", "tls", "ca", "server_name"})
_ADDRESS = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):(\d{1,5})")


async def connect(asked: Mapping[str, Any], dial: Dial, *, now: Callable[[], float]) -> dict[str, Any]:
    """Connect, and answer what `tcp.connect` answers (docs/spec/controller-calls.md).

    Args:
        asked: the arguments of the call.
        dial: opens a TCP connection.
        now: seconds since the epoch.

    Raises:
        Unanswered: nobody is there, or TLS failed.
    """
    args = Arguments(asked, _KNOWN)
    found = _ADDRESS.fullmatch(args.text("address", most=512))
    if found is None or not 0 < int(found[3]) < 1 << 16:
        raise bad("address is none, such as db.example.com:5432 or [::1]:22")
    host, port = found[1] or found[2], int(found[3])
    most = args.number("max_read", 0, most=READ_MAX)
    secure = args.flag("tls")
    context = tls.context_for(args.text("ca"), alpn=[]) if secure else None
    loop = asyncio.get_running_loop()
    begun = loop.time()
    answer: dict[str, Any] = {"data": ""}
    try:
        async with asyncio.timeout(args.timeout):
            reader, writer = await asyncio.open_connection(
                sock=await dial(host, port),
                ssl=context,
                server_hostname=(args.text("server_name") or host) if secure else None,
            )
            try:
                answer["elapsed_ms"] = round((loop.time() - begun) * 1000)
                if secure:
                    answer["tls"] = tls.shown(writer.get_extra_info("ssl_object"), now=now())
                if args.has("send"):
                    writer.write(args.text("send", most=READ_MAX).encode())
                    await writer.drain()
                answer["data"] = await _said(reader, most, args.text("until", most=READ_MAX))
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise Unanswered("deadline", f"{place(host, port)}: no answer within {args.timeout:g} s") from None
    except ssl.SSLError as error:
        raise tls.refused(place(host, port), error) from error
    except OSError as error:
        raise Unanswered("no_connection", f"{place(host, port)}: {in_words(error)}") from error
    return answer


async def _said(reader: asyncio.StreamReader, most: int, until: str) -> str:
    """What the other side says, until that is among it, it is all, or it is enough."""
    said = b""
    while len(said) < most:
        chunk = await reader.read(most - len(said))
        said += chunk
        if not chunk or (until and until.encode() in said):
            break
    return said.decode("utf-8", "replace")
