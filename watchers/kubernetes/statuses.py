"""Writes the status of objects, by server-side apply: what others write into a status stays theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from watchers.kubernetes import rights
from watchers.kubernetes.listing import Unlisted, connected
from watchers.kubernetes.objects import Definition, parts_of
from watchers.kubernetes.patches import HEADERS, patch

MANAGER = "froyo"
AT_ONCE = 8

Statuses = Mapping[str, Mapping[str, Any]]


Wrote = Callable[[str, Mapping[str, Any]], None]
"""Told the path of an object whose status was written, and what it is by now."""


async def write(statuses: Statuses, definitions: Mapping[str, Definition], wrote: Wrote) -> dict[str, str]:
    """Write these statuses.

    Args:
        statuses: by the path of the object in a snapshot.
        definitions: the kinds, by `Kind.group`.
        wrote: told of each that was written.

    Returns:
        Why it could not be written, by path. An object that is gone needs none.
    """
    failed: dict[str, str] = {}
    try:
        async with connected() as session, asyncio.timeout(60):
            limit = asyncio.Semaphore(AT_ONCE)

            async def one(path: str) -> None:
                async with limit:
                    if why := await _write(session, path, statuses[path], definitions, wrote):
                        failed[path] = why

            await asyncio.gather(*map(one, statuses))
    except (Unlisted, aiohttp.ClientError, TimeoutError, OSError) as error:
        return dict.fromkeys(statuses, str(error) or "no answer in time")
    return failed


async def _write(
    session: aiohttp.ClientSession,
    path: str,
    status: Mapping[str, Any],
    known: Mapping[str, Definition],
    wrote: Wrote,
) -> str:
    namespace, kind, name = parts_of(path)
    definition = known[kind]
    version = f"{definition.group}/{definition.version}"
    where = f"apis/{version}/namespaces/{namespace}/{definition.plural}/{name}/status"
    body = {"apiVersion": version, "kind": definition.kind, "metadata": {"name": name}, "status": status}
    asked = {"fieldManager": MANAGER, "force": "true"}
    async with session.patch(where, params=asked, data=patch(body), headers=HEADERS) as response:
        if response.status == 200:
            wrote(path, await response.json())
        if response.status in {200, 404}:
            return ""
        if response.status == 403:
            lacks = rights.Right("patch", definition.group, f"{definition.plural}/status")
            return rights.in_words([lacks], namespace)
        return f"{response.status} {(await response.text())[:300]}"
