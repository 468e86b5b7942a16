"""Secrets and ConfigMaps of a cluster that something refers to: read by their names, and followed while it does.

Invariants: nothing is listed, and nothing is asked for that no object of the same namespace refers to: what could be
more than a name in the path of a request is asked for nowhere. What a Secret holds is in memory for as long as it is
referred to, and in no error. What was there is not forgotten because the server does not answer; that it is gone, the
server has to say.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from reconciler.model.secrets import KeyRef, SecretError, SecretMissing, text_of
from watchers.kubernetes.listing import Unlisted, connected
from watchers.kubernetes.objects import NAME

PATIENCE = 15.0
"""Seconds that the first reading of one may take, for which who declares it waits."""
BACKOFF = 1.0
MOST_BACKOFF = 30.0
SETTLE = 0.1
"""Seconds that what happens together gets to do so."""
WATCH = 300
"""Seconds after which the server ends a watch."""
LARGEST = 64 * 1024
MOST = 1_000
"""Objects of a namespace that are followed at a time, each by a connection: others have a right to some, too."""

_PLURALS = {"Secret": "secrets", "ConfigMap": "configmaps"}


class MemoryFile:
    """A file that is in memory alone, for who reads nothing but files.

    Args:
        content: of it.
    """

    def __init__(self, content: str) -> None:
        self.content = content
        self._descriptor = os.memfd_create("froyo", os.MFD_CLOEXEC)
        os.fchmod(self._descriptor, 0o600)
        os.write(self._descriptor, content.encode())
        self.path = f"/proc/self/fd/{self._descriptor}"

    def __del__(self) -> None:
        os.close(self._descriptor)


@dataclass
class _Held:
    """What is known of one object.

    Attributes:
        data: by key; None where there is no such object.
        trouble: why that is not known, or "".
    """

    data: Mapping[str, bytes] | None = None
    trouble: str = "it has not been read"
    version: str = ""
    read: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    idle: int = 0
    files: dict[str, MemoryFile] = field(default_factory=dict)


class Referred:
    """See the module. Made on the loop; `read` is for other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._held: dict[str, _Held] = {}
        self._changed: set[str] = set()
        self._news = asyncio.Event()

    def read(self, key: KeyRef) -> str:
        """What a key of an object holds.

        Raises:
            SecretError: there is none, or it is none.
        """
        if threading.get_ident() == self._thread:
            held = self._held.get(key.place) or _Held()
        else:
            asking = asyncio.run_coroutine_threadsafe(self._first(key), self._loop)
            try:
                held = asking.result(PATIENCE)
            except TimeoutError:
                asking.cancel()
                held = _Held(trouble=f"the cluster does not answer within {PATIENCE:g} s")
        return _text(key, held)

    async def have(self, key: KeyRef) -> str:
        """The same, on the loop."""
        return _text(key, await self._first(key))

    async def path(self, key: KeyRef) -> str:
        """A path at which this process finds what it holds, with its last line ended, for as long as that is so.

        Raises:
            SecretError: there is none, or it is none.
        """
        text = await self.have(key)
        held = self._held[key.place]
        text = text if text.endswith("\n") else f"{text}\n"
        file = held.files.get(key.key)
        if file is None or file.content != text:
            file = held.files[key.key] = MemoryFile(text)
        return file.path

    async def changes(self) -> AsyncIterator[set[str]]:
        """Tell of the objects that have become others since they were read, by their places, for ever."""
        while True:
            await self._news.wait()
            await asyncio.sleep(SETTLE)
            self._news.clear()
            changed, self._changed = self._changed, set()
            if changed:
                yield changed

    def keep_only(self, places: Collection[str]) -> None:
        """Nobody refers to any others any more; they are let go of when that is said a second time.

        What has been read for what is not in force yet stays until it may be.
        """
        for place in places:
            if place in self._held:
                self._held[place].idle = 0
        for place in self._held.keys() - set(places):
            self._held[place].idle += 1
            if self._held[place].idle > 1:
                self._let_go(place)

    def _let_go(self, place: str) -> None:
        task = self._held.pop(place).task
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Follow nothing any more."""
        tasks = [one.task for one in self._held.values() if one.task is not None]
        for place in list(self._held):
            self._let_go(place)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _first(self, key: KeyRef) -> _Held:
        if NAME.fullmatch(key.name) is None:
            # Whatever it was made of: with `..` in it, it would be of another namespace.
            raise SecretError(f"{key.name!r} can be no name of a {key.kind}", "write what `kubectl get` says")
        if key.place not in self._held and self._followed(key.namespace) >= MOST:
            raise SecretError(
                f"the {key.kind} {key.name} is not followed: {MOST:,} others of {key.namespace} are",
                "keep several keys in one",
            )
        held = self._held.setdefault(key.place, _Held())
        held.idle = 0
        if not held.read:
            await self._get(key, held)
        if held.task is None:
            held.task = asyncio.create_task(self._follow(key, held), name=f"follow {key.place}")
        return held

    def _followed(self, namespace: str) -> int:
        """How many objects of a namespace are."""
        return sum(place.partition(":")[2].partition("/")[0] == namespace for place in self._held)

    async def _get(self, key: KeyRef, held: _Held) -> None:
        try:
            async with connected() as session, session.get(_where(key, key.name)) as response:
                if response.status == 404:
                    self._is(key, held, None, "")
                elif response.status == 200:
                    self._taken(key, held, await response.json())
                else:
                    held.trouble = f"{response.status} {await _said(response)}"
        except (Unlisted, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            held.trouble = str(error) or "the cluster does not answer"

    def _taken(self, key: KeyRef, held: _Held, found: Mapping[str, Any]) -> None:
        data: dict[str, bytes] = {}
        for name, value in (found.get("data") or {}).items():
            if key.kind == "Secret":
                try:
                    data[name] = base64.b64decode(value, validate=True)
                except binascii.Error:
                    continue  # no API server gives it
            else:
                data[name] = value.encode()
        if key.kind == "ConfigMap":
            data |= {name: base64.b64decode(one) for name, one in (found.get("binaryData") or {}).items()}
        self._is(key, held, data, found["metadata"].get("resourceVersion", ""))

    def _is(self, key: KeyRef, held: _Held, data: Mapping[str, bytes] | None, version: str) -> None:
        before = held.data, held.trouble, held.read
        held.data, held.trouble, held.version, held.read = data, "", version, True
        if before != (data, "", True) and before[2]:
            self._changed.add(key.place)
            self._news.set()

    async def _follow(self, key: KeyRef, held: _Held) -> None:
        failed = 0
        while True:
            try:
                async with connected(endless=True) as session:
                    await self._watch(session, key, held)
                failed = 0
            except (Unlisted, aiohttp.ClientError, TimeoutError, OSError, ValueError):
                failed += 1
            await asyncio.sleep(min(BACKOFF * 2 ** min(failed, 5), MOST_BACKOFF))
            # What happened meanwhile, and what was not to be had at all until now.
            unknown = not held.read
            await self._get(key, held)
            if unknown and held.read:
                self._changed.add(key.place)
                self._news.set()

    async def _watch(self, session: aiohttp.ClientSession, key: KeyRef, held: _Held) -> None:
        asked = {
            "watch": "1",
            "fieldSelector": f"metadata.name={key.name}",
            "timeoutSeconds": f"{WATCH}",
        } | ({"resourceVersion": held.version} if held.version else {})
        async with session.get(_where(key), params=asked) as response:
            if response.status != 200:
                raise ValueError(f"{response.status}")
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "DELETED":
                    self._is(key, held, None, "")
                elif event["type"] in {"ADDED", "MODIFIED"}:
                    self._taken(key, held, event["object"])
                else:
                    return  # such as that it has been too long


def _where(key: KeyRef, name: str = "") -> str:
    return f"api/v1/namespaces/{key.namespace}/{_PLURALS[key.kind]}" + (f"/{name}" if name else "")


async def _said(response: aiohttp.ClientResponse) -> str:
    try:
        return str(json.loads(await response.text()).get("message", ""))[:300]
    except (ValueError, AttributeError):
        return ""


def _text(key: KeyRef, held: _Held) -> str:
    if held.trouble:
        raise SecretError(f"the {key.kind} {key.name} cannot be read: {held.trouble}")
    if held.data is None:
        raise SecretMissing(
            f"there is no {key.kind} {key.name} in {key.namespace}",
            f"kubectl create {key.kind.lower()} …; it is looked for until then",
        )
    if key.key not in held.data:
        known = ", ".join(sorted(held.data)[:10])
        raise SecretMissing(
            f"the {key.kind} {key.name} has no key {key.key}", f"it has: {known}" if known else ""
        )
    content = held.data[key.key]
    if len(content) > LARGEST:
        raise SecretError(f"{key.file} has {len(content)} bytes, and {LARGEST} are the most")
    return text_of(key.file, content)
