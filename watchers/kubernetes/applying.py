"""Objects written to an API server, by server-side apply, and keys of Secrets and ConfigMaps read from one.

Invariant: nothing is written before the server has said of all of it that it would take it.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import aiohttp

from reconciler.errors import in_words
from watchers.kubernetes.listing import TIMEOUT, Unlisted, opened
from watchers.kubernetes.objects import NAME
from watchers.kubernetes.patches import HEADERS, patch

if TYPE_CHECKING:
    import kopf

MANAGER = "kubectl"
"""Whoever goes on with `kubectl apply --server-side` has no conflict with what was written here."""
AT_ONCE = 8
_PLURALS = {"Secret": "secrets", "ConfigMap": "configmaps"}


class Refused(Exception):
    """An object is not taken; which, and why."""


async def apply(
    access: kopf.ConnectionInfo,
    objects: Sequence[Mapping[str, Any]],
    plurals: Mapping[tuple[str, str], str],
    *,
    force: bool = False,
) -> None:
    """Write objects.

    Args:
        access: to the API server.
        objects: of one namespace; what others refer to comes first.
        plurals: of their kinds, by apiVersion and kind; of a cluster's own it is known.
        force: take over fields that somebody else manages.

    Raises:
        Refused: one is not taken. Nothing was written, unless it says so.
    """
    written = 0
    after = "nothing was written"
    try:
        async with opened(access) as session:
            forced = {"force": "true"} if force else {}
            for asked in ({"dryRun": "All", **forced}, forced):
                for begin in range(0, len(objects), AT_ONCE):
                    some = objects[begin : begin + AT_ONCE]
                    done = await asyncio.gather(
                        *(_apply(session, one, plurals, asked) for one in some), return_exceptions=True
                    )
                    failed = [one for one in done if one is not None]
                    if asked is forced and len(failed) < len(some):
                        written += len(some) - len(failed)
                        after = f"{written} of {len(objects)} objects were written"
                    if failed:
                        raise failed[0]
    except Refused as error:
        raise Refused(f"{error}; {after}") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        why = in_words(error) if str(error) else f"no answer within {TIMEOUT:g} s"
        raise Refused(f"{access.server}: {why}; {after}") from None


async def _apply(
    session: aiohttp.ClientSession,
    one: Mapping[str, Any],
    plurals: Mapping[tuple[str, str], str],
    asked: Mapping[str, str],
) -> None:
    version, kind, metadata = one["apiVersion"], one["kind"], one["metadata"]
    plural = plurals.get((version, kind)) or _PLURALS[kind]
    root = "api/v1" if version == "v1" else f"apis/{version}"
    where = f"{root}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
    words = {"fieldManager": MANAGER, "fieldValidation": "Strict", **asked}
    async with session.patch(where, params=words, data=patch(one), headers=HEADERS) as response:
        if response.ok:
            return
        text = await response.text()
    try:
        said = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        said = text
    if response.status == 404 and "could not find the requested resource" in said:
        said = "the cluster does not serve this kind: froyo crd | kubectl apply --server-side -f -"
    if response.status == 409:
        said = f"{said}; --force-conflicts takes these fields over"
    # Of a Secret not a word: what is wrong with it may be quoted.
    told = f"refused ({response.status})" if kind == "Secret" and response.status == 422 else f"{said}"[:500]
    raise Refused(f"{kind}/{metadata['name']}: {told}")


async def fetched(
    access: kopf.ConnectionInfo, namespace: str, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], dict[str, bytes]]:
    """What Secrets and ConfigMaps have, by sort and name. One that is not there is left out.

    Raises:
        Unlisted: one of them cannot be read.
    """
    found: dict[tuple[str, str], dict[str, bytes]] = {}
    try:
        async with opened(access) as session:
            for sort, name in sorted(wanted):
                if not NAME.fullmatch(name):
                    continue  # it would be another path, and there is nothing of that name
                where = f"api/v1/namespaces/{namespace}/{_PLURALS[sort]}/{name}"
                async with session.get(where) as response:
                    if response.status == 404:
                        continue
                    if response.status == 403:
                        raise Unlisted(
                            f"you may not read the {sort} {name} in {namespace}: get {_PLURALS[sort]}"
                        )
                    if not response.ok:
                        raise Unlisted(f"the {sort} {name} cannot be read: {response.status}")
                    answer = await response.json()
                found[sort, name] = _data(sort, answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unlisted(f"{access.server}: {in_words(error) if str(error) else 'no answer in time'}") from None
    return found


def _data(sort: str, answer: Mapping[str, Any]) -> dict[str, bytes]:
    given = answer.get("data") or {}
    if sort == "Secret":
        return {key: base64.b64decode(one) for key, one in given.items()}
    encoded = {key: base64.b64decode(one) for key, one in (answer.get("binaryData") or {}).items()}
    return {**{key: one.encode() for key, one in given.items()}, **encoded}
