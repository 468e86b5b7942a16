"""Puts on record what provider packages were refused, how they misbehaved, and what policies have decided.

Invariants: what is noted is in the store soon after, not only when the process ends; what cannot be written is tried
again; the same fact is recorded once an hour, so that no provider, however hostile, makes the audit log grow with
every look.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from reconciler.errors import StoreError
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

AGAIN = 3_600.0
"""Seconds after which a fact that was recorded is worth another record."""
KNOWN = 10_000
"""Facts that are remembered as recorded; when there are more, all are forgotten."""

_USUAL = frozenset({"policy.allow"})
"""What is on record, and nobody has to be told of."""

log = get_logger("froyo")


class Auditor:
    """See the module.

    Args:
        store: where the records go.
        runtime: the clock.
    """

    def __init__(self, store: Store, runtime: Runtime) -> None:
        self._store = store
        self._runtime = runtime
        self._records: list[AuditRecord] = []
        self._recorded: dict[str, float] = {}
        self._noted = asyncio.Event()

    def note(self, action: str, data: Mapping[str, Any]) -> None:
        """A refusal, a misbehaviour, or a decision. Called on the loop."""
        now = self._runtime.now()
        fact = json.dumps([action, data], sort_keys=True, default=str)
        if abs(now - self._recorded.get(fact, -AGAIN)) < AGAIN:
            return
        if len(self._recorded) >= KNOWN:
            self._recorded.clear()
        self._recorded[fact] = now
        package = str(data.get("package", ""))
        say = log.debug if action in _USUAL else log.warning
        say("audit", action=action, **data)
        self._records.append(
            AuditRecord(
                at=now,
                actor=package or str(data.get("actor", "")),
                action=action,
                object=str(data.get("address") or data.get("object") or package),
                data=dict(data),
            )
        )
        self._noted.set()

    async def run(self) -> None:
        """Write what is noted, when it is noted; a long task.

        Raises:
            StoreError: it could not be written; it is kept for the next time.
        """
        while True:
            await self._noted.wait()
            await self._write()

    async def close(self) -> None:
        """Write what is left, as far as that is possible."""
        with contextlib.suppress(StoreError):
            await self._write()

    async def _write(self) -> None:
        records = tuple(self._records)
        await self._store.write(Batch().add_audit(records))
        del self._records[: len(records)]
        if not self._records:
            self._noted.clear()
