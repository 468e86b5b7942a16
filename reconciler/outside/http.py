"""One HTTP/1.1 request of the controller's own, and its answer.

Redirects are nobody's business here: who asked asks again, so that each address is allowed or refused by itself.

Invariants: all of it takes no longer than was said, and no more of an answer is kept than was asked for, however it is
compressed; TLS is verified. aiohttp is imported here, where somebody asks, and costs nobody else anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from reconciler import __version__
from reconciler.errors import in_words
from reconciler.outside import tls
from reconciler.outside.arguments import BODY_MAX, Arguments
from reconciler.outside.dialing import Dial
from reconciler.outside.unanswered import Unanswered, bad
from reconciler.sockets import place

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

METHODS = ("GET", "HEAD", "OPTIONS")
"""The methods that are safe: to ask changes nothing (RFC 9110, 9.2.1)."""
_KNOWN = frozenset({"url", "method", "headers", "timeout_ms", "max_body", "ca", "server_name"})
_LINE = 8190
_PORTS = {"http": 80, "https": 443}
_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


class Connector(aiohttp.BaseConnector):
    """Gives aiohttp the connection that is asked for: who opens it, and from where, is decided by others."""

    def __init__(self, open_: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        super().__init__(force_close=True)
        self._open = open_

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> ResponseHandler:
        del req, traces, timeout
        handler: ResponseHandler = await self._open(self._factory)
        return handler


async def get(asked: Mapping[str, Any], dial: Dial, *, now: Callable[[], float]) -> dict[str, Any]:
    """Ask, and answer what `http.get` answers (docs/spec/controller-calls.md).

    Args:
        asked: the arguments of the call.
        dial: opens a TCP connection.
        now: seconds since the epoch.

    Raises:
        Unanswered: there is no answer.
    """
    args = Arguments(asked, _KNOWN)
    url = args.text("url", most=4096)
    method = args.text("method", "GET")
    if method not in METHODS:
        raise bad(f"method {method!r} is none of {', '.join(METHODS)}: a look changes nothing")
    most = args.number("max_body", 64 * 1024, most=BODY_MAX)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    ca, server_name = args.text("ca"), args.text("server_name") or host
    context = tls.context_for(ca, alpn=["http/1.1"]) if parts.scheme == "https" else None
    seen: dict[str, Any] = {}

    async def open_(factory: Callable[[], Any]) -> Any:
        connection = await dial(host, port)
        try:
            transport, handler = await loop.create_connection(
                factory, sock=connection, ssl=context, server_hostname=server_name if context else None
            )
        except ssl.SSLError as error:
            raise tls.refused(place(host, port), error) from error
        if context:
            seen["tls"] = tls.shown(transport.get_extra_info("ssl_object"), now=now())
        return handler

    sent = {"Accept-Encoding": "identity", "Accept": "*/*", "User-Agent": f"froyo/{__version__}"}
    given = args.headers
    said = {name.lower() for name in given}
    sent = {name: value for name, value in sent.items() if name.lower() not in said} | given
    try:
        async with (
            asyncio.timeout(args.timeout),
            aiohttp.ClientSession(
                connector=Connector(open_),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                max_line_size=_LINE,
                max_field_size=_LINE,
                requote_redirect_url=False,
            ) as session,
            session.request(method, URL(url, encoded=True), headers=sent, allow_redirects=False) as answer,
        ):
            body, truncated = await _body(answer, most)
            elapsed = loop.time() - begun
    except TimeoutError:
        raise Unanswered("deadline", f"{place(host, port)}: no answer within {args.timeout:g} s") from None
    except (aiohttp.ClientError, ValueError, OSError, EOFError) as error:
        raise Unanswered("no_http", f"{place(host, port)}: {words(error)}") from error
    return {
        "status": answer.status,
        "reason": (answer.reason or "")[:200],
        "headers": [
            [name.decode("latin-1").lower(), value.decode("latin-1")] for name, value in answer.raw_headers
        ],
        "body": body.decode("utf-8", "replace"),
        "truncated": truncated,
        "elapsed_ms": round(elapsed * 1000),
    } | seen


async def _body(answer: aiohttp.ClientResponse, most: int) -> tuple[bytes, bool]:
    """The first `most` bytes of an answer, uncompressed, and whether there are more."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    inflate = zlib.decompressobj(_ENCODINGS[encoding]) if encoding in _ENCODINGS else None
    taken = bytearray()
    async for chunk in answer.content.iter_any():
        room = most + 1 - len(taken)
        try:
            taken += inflate.decompress(chunk, room) if inflate else chunk[:room]
        except zlib.error as error:
            raise ValueError(f"what it sends as {encoding} is none: {error}") from error
        if len(taken) > most:
            return bytes(taken[:most]), True
    return bytes(taken), False


def words(error: Exception) -> str:
    """What went wrong with a peer that speaks no HTTP, or stops doing so."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed before there was an answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was closed before the answer was whole"
    if isinstance(error, aiohttp.ClientResponseError):
        with contextlib.suppress(IndexError):
            return f"it does not answer in HTTP: {error.message.strip().splitlines()[0].strip(' :')[:200]}"
    return in_words(error)[:300]
