"""A Lease of Kubernetes: of several operators one works, and another takes over when that one has ended or died.

It is held as client-go's are: whoever has it says so again and again, and whoever waits takes it when nothing was said
for as long as the holder had promised at most, by the waiting one's own clock. Invariants: it is written only as it was
read, so that of two who take it at the same moment one does; and who could not say that it still has it stops before
anybody else may begin.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp

from watchers.kubernetes import rights
from watchers.kubernetes.listing import Unlisted, connected

DURATION = 10
"""Seconds for which a Lease is promised: so long it takes to take over from one who was killed, and a little more."""
RENEWED = 2.0
"""Seconds between two times that its holder says so."""
GIVEN_UP = 7.0
"""Seconds without having been able to, after which it is not held any more: before anybody else may take it."""
ASKED = 1.0
"""Seconds between two looks of one who waits."""
_TIMEOUT = aiohttp.ClientTimeout(total=3.0)

GIVEN = "manifests/overlays/ha gives it"


class LeaseGone(Exception):
    """It is not held any more, and why."""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """A Lease as it is.

    Attributes:
        version: its `resourceVersion`; "" where there is none yet.
        holder: who has it; "" for nobody.
        renewed: when it was said last, in the words of who did.
        duration: seconds for which it was promised.
        changes: how often it changed hands: the number of who holds it now.
    """

    version: str = ""
    holder: str = ""
    renewed: str = ""
    duration: float = 0.0
    changes: int = 0

    @classmethod
    def of(cls, document: dict[str, Any]) -> LeaseState:
        """As the server gives it."""
        spec = document.get("spec") or {}
        return cls(
            document["metadata"]["resourceVersion"],
            spec.get("holderIdentity") or "",
            spec.get("renewTime") or "",
            float(spec.get("leaseDurationSeconds") or 0),
            spec.get("leaseTransitions") or 0,
        )


class ClusterLease:
    """A Lease, waited for, held and given back.

    Args:
        namespace: where it is.
        name: of it.
        identity: of who wants it; nobody else may have the same.
        now: the wall clock, for people who read it.

    Attributes:
        found: as it was read last.
    """

    def __init__(self, namespace: str, name: str, identity: str, *, now: Callable[[], float]) -> None:
        self.found = LeaseState()
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._now = now
        self._seen_at = 0.0
        self.trouble = ""

    @property
    def changes(self) -> int:
        """How often it changed hands until it came to who holds it."""
        return self.found.changes

    async def acquire(self, complain: Callable[[str], None]) -> None:
        """Wait until it is ours.

        Args:
            complain: is told why it cannot be had, or waited for, whenever that is something else.
        """
        said = ""
        while not await self._tried():
            if self.trouble and self.trouble != said:
                complain(self.trouble)
            said = self.trouble
            await asyncio.sleep(ASKED)

    async def keep(self) -> None:
        """Go on having it.

        Raises:
            LeaseGone: it is not ours any more, or nobody can be told that it is.
        """
        loop = asyncio.get_running_loop()
        said = loop.time()
        while True:
            await asyncio.sleep(RENEWED)
            # However slow the server is: when it is too late, it is.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(said + GIVEN_UP):
                    if await self._tried():
                        said = loop.time()
            if self.found.holder != self._identity:
                raise LeaseGone(f"{self.found.holder or 'nobody'} has the Lease {self._name} by now")
            if loop.time() - said >= GIVEN_UP:
                raise LeaseGone(f"the Lease {self._name} could not be renewed: {self.trouble or 'no answer'}")

    async def release(self) -> None:
        """Give it back, so that the next need not wait; where that fails, the next waits."""
        if self.found.holder == self._identity:
            with contextlib.suppress(Unlisted, aiohttp.ClientError, TimeoutError, OSError):
                async with connected() as session:
                    await self._write(session, replace(self.found, holder=""))

    async def _tried(self) -> bool:
        """Whether it is ours now."""
        try:
            async with connected() as session:
                await self._read(session)
                if not self._free():
                    return False
                ours = self.found.holder == self._identity
                changes = self.found.changes + (0 if ours or not self.found.version else 1)
                return await self._write(session, replace(self.found, holder=self._identity, changes=changes))
        except (Unlisted, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self.trouble = str(error) or "no answer in time"
            return False

    def _free(self) -> bool:
        if self.found.holder in {"", self._identity}:
            return True
        return asyncio.get_running_loop().time() - self._seen_at > self.found.duration

    async def _read(self, session: aiohttp.ClientSession) -> None:
        async with session.get(f"{self._path}/{self._name}", timeout=_TIMEOUT) as response:
            if response.status == 404:
                found = LeaseState()
            else:
                await self._refused(response, "get")
                found = LeaseState.of(await response.json())
        if found != self.found or not self._seen_at:
            self.found, self._seen_at = found, asyncio.get_running_loop().time()
        self.trouble = ""

    async def _write(self, session: aiohttp.ClientSession, wanted: LeaseState) -> bool:
        """Write it as it is to be; False where it is another one by now."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": wanted.holder,
                "leaseDurationSeconds": DURATION,
                "renewTime": datetime.fromtimestamp(self._now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "leaseTransitions": wanted.changes,
            },
        }
        if wanted.version:
            body["metadata"]["resourceVersion"] = wanted.version  # type: ignore[index] # a mapping of mappings
            sent = session.put(f"{self._path}/{self._name}", json=body, timeout=_TIMEOUT)
        else:
            sent = session.post(self._path, json=body, timeout=_TIMEOUT)
        async with sent as response:
            if response.status == 409:
                return False
            await self._refused(response, "update" if wanted.version else "create")
            self.found = LeaseState.of(await response.json())
            self._seen_at = asyncio.get_running_loop().time()
            return self.found.holder == self._identity

    @property
    def _path(self) -> str:
        return f"apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases"

    async def _refused(self, response: aiohttp.ClientResponse, verb: str) -> None:
        if response.status == 403:
            right = rights.Right(verb, "coordination.k8s.io", "leases")
            raise Unlisted(rights.in_words([right], self._namespace, GIVEN))
        if response.status >= 400:
            raise Unlisted(f"{response.status} {(await response.text())[:300]}")
