"""What there is in a namespace, asked of the API server: all of it, or why it cannot be told.

Invariant: a kind that the server does not serve is not one that has no objects. Whoever removes a definition has its
objects removed by the server; that nothing of it is declared any more must not follow from that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp

from reconciler.errors import in_words
from reconciler.runtime import ungrouped
from watchers.kubernetes import finalizers, kubeconfig, rights
from watchers.kubernetes.in_cluster import in_cluster
from watchers.kubernetes.objects import Definition

if TYPE_CHECKING:
    import kopf

PAGE = 500
"""Objects that are asked for at once."""

TIMEOUT = 30.0
"""Seconds that one answer may take."""

_LOGINS = ThreadPoolExecutor(1, "login")
"""One thread for all: who waits for a program that another one has asked already finds what it says."""

Listed = list[tuple[Definition, dict[str, Any]]]


class Unlisted(Exception):
    """It cannot be told what there is; why, for a person."""


class Unserved(Unlisted):
    """The cluster does not serve some kinds.

    Attributes:
        names: of their definitions.
        found: the objects of the others.
    """

    def __init__(self, names: Sequence[str], found: Listed) -> None:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        super().__init__(
            f"the cluster does not serve {names[0]}{more}; apply the definitions: "
            "froyo crd | kubectl apply --server-side -f -"
        )
        self.names = names
        self.found = found


async def login() -> kopf.ConnectionInfo:
    """The cluster that the environment names: the current context of $KUBECONFIG, or the one that this runs in.

    Raises:
        Unlisted: it names none, or what it names cannot be read.
    """
    return (await login_of(os.environ)).connection


async def login_of(
    environ: Mapping[str, str], *, file: str = "", context: str = ""
) -> kubeconfig.ClusterAccess:
    """The cluster that is named, or else the one that the environment names.

    What is named may be a program, which takes its time: it is run by a thread that does nothing else.

    Args:
        environ: of the process.
        file: the kubeconfig, or "" for that of the environment.
        context: of that, or "" for its current one.

    Raises:
        Unlisted: it names none, or what it names cannot be read.
    """
    ask = partial(_access, environ, file=file, context=context)
    return await asyncio.get_running_loop().run_in_executor(_LOGINS, ask)


def _access(environ: Mapping[str, str], *, file: str, context: str) -> kubeconfig.ClusterAccess:
    try:
        found = kubeconfig.access(environ, file=file, context=context)
        connection = None if found is not None else in_cluster(environ)
    except kubeconfig.KubeconfigError as error:
        raise Unlisted(f"no access to a cluster: {error}") from error
    except (OSError, ValueError) as error:
        raise Unlisted(f"no access to a cluster: {in_words(error)}") from error
    if found is not None:
        return found
    if context:
        raise Unlisted(f"there is no kubeconfig that could have the context {context!r}: set KUBECONFIG")
    if connection is None:
        raise Unlisted(
            "no cluster is named: set KUBECONFIG, or run with a ServiceAccount's token in a cluster"
        )
    return kubeconfig.ClusterAccess(connection, "", connection.default_namespace or "default")


@contextlib.asynccontextmanager
async def connected(*, endless: bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the API server of `login`; see `opened`.

    Raises:
        Unlisted: as `login` does.
    """
    async with opened(await login(), endless=endless) as session:
        yield session


def opened(access: kopf.ConnectionInfo, *, endless: bool = False) -> aiohttp.ClientSession:
    """A session with an API server, whose own paths are asked for without a slash before them: it may be below one.

    Args:
        access: which, and as whom.
        endless: an answer may go on for as long as the server likes.
    """
    return aiohttp.ClientSession(
        base_url=f"{access.server.rstrip('/')}/",
        connector=aiohttp.TCPConnector(ssl=access.as_ssl_context(), limit=8),
        headers={**access.as_http_headers(), "User-Agent": "froyo"},
        timeout=aiohttp.ClientTimeout(total=None if endless else TIMEOUT, sock_connect=TIMEOUT),
        proxy=access.proxy_url,
        trust_env=access.trust_env,
    )


async def listed(
    namespace: str | None,
    definitions: Sequence[Definition],
    *,
    access: kopf.ConnectionInfo | None = None,
    given: str = rights.GIVEN,
) -> Listed:
    """Every object of these kinds.

    Args:
        namespace: of the objects; None for all that there are.
        definitions: the kinds.
        access: to the API server; that of `login` if it is left out.
        given: what gives a right that is missing, for a person.

    Raises:
        Unserved: the cluster does not know one of them.
        Unlisted: of one of them it cannot be told.
    """
    access = access or await login()
    try:
        with ungrouped():
            async with opened(access) as session, asyncio.TaskGroup() as group:
                tasks = [group.create_task(_kind(session, namespace, one, given)) for one in definitions]
    except TimeoutError:
        raise Unlisted(f"{access.server}: no answer within {TIMEOUT:g} s") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unlisted(
            f"{access.server}: its certificate is not to be trusted: {error.certificate_error}"
        ) from None
    except aiohttp.ClientConnectorError as error:
        raise Unlisted(f"{access.server} cannot be reached: {in_words(error.os_error)}") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Unlisted(f"{access.server}: {error}") from None
    results = [task.result() for task in tasks]
    found = [one for result in results for one in result or ()]
    if None in results:
        raise Unserved(
            [one.name for one, had in zip(definitions, results, strict=True) if had is None], found
        )
    return found


async def standing(definitions: Sequence[Definition]) -> dict[str, str]:
    """What the definitions are by name: their uids, or "" for one that is being removed, or has been.

    Raises:
        Unlisted: it cannot be told.
    """
    try:
        async with connected() as session:
            return await finalizers.standing(session, definitions)
    except (PermissionError, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unlisted(str(error) or "no answer in time") from error


async def changed(known: finalizers.Finalizers, due: Mapping[str, bool]) -> dict[str, str]:
    """Put the finalizer on objects, or take it off; why it could not be done, by path."""
    try:
        async with connected() as session, asyncio.timeout(60):
            return await known.change(session, due)
    except (Unlisted, aiohttp.ClientError, TimeoutError, OSError) as error:
        return dict.fromkeys(due, str(error) or "no answer in time")


async def missing(namespace: str, definitions: Sequence[Definition]) -> str:
    """Which rights are missing to keep objects of these kinds, for a person; "" if none are, or it cannot be told."""
    try:
        async with connected() as session:
            return rights.in_words(
                await rights.lacking(session, namespace, rights.needed(definitions)), namespace
            )
    except (Unlisted, aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return ""  # whoever looks at what there is says why


async def _kind(
    session: aiohttp.ClientSession, namespace: str | None, definition: Definition, given: str
) -> Listed | None:
    """The objects of a kind; None where the server does not know it."""
    found: Listed = []
    more = ""
    while True:
        answer = await _page(session, namespace, definition, more, given)
        if answer is None:
            return None
        found += [(definition, one) for one in answer["items"]]
        more = answer["metadata"].get("continue") or ""
        if not more:
            return found


async def _page(
    session: aiohttp.ClientSession, namespace: str | None, definition: Definition, more: str, given: str
) -> dict[str, Any] | None:
    """A page of them; None where the server does not know the kind."""
    within = "" if namespace is None else f"/namespaces/{namespace}"
    path = f"apis/{definition.group}/{definition.version}{within}/{definition.plural}"
    asked = {"limit": str(PAGE)} | ({"continue": more} if more else {})
    async with session.get(path, params=asked) as response:
        if response.status == 200:
            answer: dict[str, Any] = await response.json()
            return answer
        if response.status == 404:
            return None
        if response.status == 403:
            lacks = rights.Right("list", definition.group, definition.plural)
            raise Unlisted(rights.in_words([lacks], namespace or "all namespaces", given))
        if response.status == 401:
            raise Unlisted(
                "the API server does not know who asks: the token or certificate is wrong, or over"
            )
        said = (await response.text())[:300]
        raise Unlisted(f"{definition.name} cannot be listed: {response.status} {said}")
