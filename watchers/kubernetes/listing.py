"""What there is in a namespace, asked of the API server: all of it, or why it cannot be told.

Invariant: a kind that the server does not serve is not one that has no objects. Whoever removes a definition has its
objects removed by the server; that nothing of it is declared any more must not follow from that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import kopf

from watchers.kubernetes.objects import Definition

PAGE = 500
"""Objects that are asked for at once."""

TIMEOUT = 30.0
"""Seconds that one answer may take."""

Listed = list[tuple[Definition, dict[str, Any]]]


class Unlisted(Exception):
    """It cannot be told what there is; why, for a person."""


def login() -> kopf.ConnectionInfo:
    """The cluster that the environment names: the current context of $KUBECONFIG, or the one that this runs in.

    Raises:
        Unlisted: it names none, or what it names cannot be read.
    """
    settings = kopf.OperatorSettings()
    try:
        found = kopf.login_with_kubeconfig(settings=settings) or kopf.login_with_service_account(
            settings=settings
        )
    except (OSError, ValueError, KeyError, kopf.LoginError) as error:
        raise Unlisted(f"no access to a cluster: {error}") from error
    if found is None:
        raise Unlisted(
            "no cluster is named: set KUBECONFIG, or run with a ServiceAccount's token in a cluster"
        )
    return found


def opened(access: kopf.ConnectionInfo, *, endless: bool = False) -> aiohttp.ClientSession:
    """A session with an API server.

    Args:
        access: which, and as whom.
        endless: an answer may go on for as long as the server likes.
    """
    return aiohttp.ClientSession(
        base_url=f"{access.server}",
        connector=aiohttp.TCPConnector(ssl=access.as_ssl_context(), limit=8),
        headers={**access.as_http_headers(), "User-Agent": "froyo"},
        timeout=aiohttp.ClientTimeout(total=None if endless else TIMEOUT, sock_connect=TIMEOUT),
        proxy=access.proxy_url,
        trust_env=access.trust_env,
    )


async def listed(namespace: str, definitions: Sequence[Definition]) -> Listed:
    """Every object of these kinds.

    Args:
        namespace: of the objects.
        definitions: the kinds.

    Raises:
        Unlisted: of one of them it cannot be told.
    """
    access = login()
    try:
        async with opened(access) as session, asyncio.TaskGroup() as group:
            tasks = [group.create_task(_kind(session, namespace, one)) for one in definitions]
    except* (Unlisted, aiohttp.ClientError, TimeoutError, OSError, ValueError) as errors:
        raise _first(errors, access.server or "") from None
    return [one for task in tasks for one in task.result()]


def _first(errors: BaseExceptionGroup[Exception], server: str) -> Unlisted:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Unlisted):
        return error
    if isinstance(error, TimeoutError):
        return Unlisted(f"{server}: no answer within {TIMEOUT:g} s")
    return Unlisted(f"{server}: {error}")


async def _kind(session: aiohttp.ClientSession, namespace: str, definition: Definition) -> Listed:
    found: Listed = []
    more = ""
    while True:
        answer = await _page(session, namespace, definition, more)
        found += [(definition, one) for one in answer["items"]]
        more = answer["metadata"].get("continue") or ""
        if not more:
            return found


async def _page(
    session: aiohttp.ClientSession, namespace: str, definition: Definition, more: str
) -> dict[str, Any]:
    path = f"/apis/{definition.group}/{definition.version}/namespaces/{namespace}/{definition.plural}"
    asked = {"limit": str(PAGE)} | ({"continue": more} if more else {})
    async with session.get(path, params=asked) as response:
        if response.status == 200:
            answer: dict[str, Any] = await response.json()
            return answer
        if response.status == 404:
            raise Unlisted(
                f"the cluster does not serve {definition.name}; apply the definitions: "
                "froyo crd | kubectl apply --server-side -f -"
            )
        said = (await response.text())[:300]
        raise Unlisted(f"{definition.name} cannot be listed: {response.status} {said}")
