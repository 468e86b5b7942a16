"""One message that is posted, and whether it was taken.

Invariants: no part of a URL but the host and port is ever told, nor a header that was sent: there may be a token in
each. Redirects are not followed: they would lead a token to somebody else. TLS is verified, and all of it takes no
longer than was said.
"""

from __future__ import annotations

import asyncio
import email.utils
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from reconciler import __version__
from reconciler.outside import tls
from reconciler.outside.dialing import Dial
from reconciler.outside.http import Connector, words
from reconciler.outside.unanswered import Unanswered
from reconciler.sockets import place

_PORTS = {"http": 80, "https": 443}
_REASON = 200
"""Characters of an answer that are told."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What was answered.

    Attributes:
        status: of HTTP.
        reason: a line for a person: what the server says of it.
        retry_after: seconds that it asks to be left alone; 0 where it does not say.
    """

    status: int
    reason: str
    retry_after: float = 0.0


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    dial: Dial,
    *,
    ca: str,
    timeout: float,
    now: Callable[[], float],
) -> Posted:
    """Post a body.

    Args:
        url: where to, with a host.
        body: JSON.
        headers: besides those that every request has.
        dial: opens a TCP connection.
        ca: certificates in PEM that are trusted in the place of the system's; "" for these.
        timeout: seconds that all of it may take.
        now: seconds since the epoch.

    Raises:
        Unanswered: there is no answer.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    context = tls.context_for(ca, alpn=["http/1.1"]) if parts.scheme == "https" else None

    async def open_(factory: Callable[[], Any]) -> Any:
        connection = await dial(host, port)
        try:
            _, handler = await asyncio.get_running_loop().create_connection(
                factory, sock=connection, ssl=context, server_hostname=host if context else None
            )
        except ssl.SSLError as error:
            raise tls.refused(place(host, port), error) from error
        return handler

    sent = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": f"froyo/{__version__}",
        **headers,
    }
    try:
        async with (
            asyncio.timeout(timeout),
            aiohttp.ClientSession(
                connector=Connector(open_),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
                requote_redirect_url=False,
            ) as session,
            session.post(URL(url, encoded=True), data=body, headers=sent, allow_redirects=False) as answer,
        ):
            said = await answer.content.read(_REASON * 4)
    except TimeoutError:
        raise Unanswered("deadline", f"{place(host, port)}: no answer within {timeout:g} s") from None
    except (aiohttp.ClientError, ValueError, OSError, EOFError) as error:
        raise Unanswered("no_http", f"{place(host, port)}: {words(error)}") from error
    line = " ".join(said.decode("utf-8", "replace").split())[:_REASON]
    reason = f"{place(host, port)} answers {answer.status} {answer.reason or ''}".rstrip()
    return Posted(
        answer.status,
        f"{reason}: {line}" if line else reason,
        retry_after(answer.headers.get("Retry-After", ""), now=now()),
    )


def retry_after(written: str, *, now: float) -> float:
    """Seconds that somebody asks to be left alone, as HTTP writes it (RFC 9110, 10.2.3); 0 where that is not said."""
    if written.strip().isdecimal():
        return float(written) if len(written) < len("1000000") else 0.0
    try:
        return max(0.0, email.utils.parsedate_to_datetime(written).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0
