"""What people ask for by an annotation of an object: that it be looked at now, and that they are told when it was.

Invariant: a value of the annotation is asked for once, and is acknowledged once a round that began after it has ended;
one that was acknowledged in another life of the operator is not asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from reconciler.model.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.model.names import Address
    from reconciler.store.records import QueuedKey
    from watchers.kubernetes.objects import SeenObject

ACKNOWLEDGED = "lastHandledReconcileAt"
"""Where a status says which value it was."""


class Reconcilable(Protocol):
    """Who looks at something now."""

    async def reconcile(self, scope: Scope[Address]) -> int:
        """Look at these instances now; returns how many are concerned."""

    async def queue(self) -> Sequence[QueuedKey]:
        """What was asked for and has not been looked at yet."""


class Requested:
    """See the module.

    Args:
        asked: looks at it.
    """

    def __init__(self, asked: Reconcilable) -> None:
        self._asked = asked
        self._waiting: dict[str, tuple[str, frozenset[Address]]] = {}
        self._handled: dict[str, str] = {}

    async def handled(
        self, seen: Mapping[str, SeenObject], concerned: Mapping[str, Collection[Address]]
    ) -> Mapping[str, str]:
        """What was handled last of each object that was ever asked for, by path.

        Args:
            seen: the objects.
            concerned: what is declared by each of them now.
        """
        for path, one in list(seen.items()):
            if not one.requested:
                continue
            known = self._handled.setdefault(path, f"{(one.status or {}).get(ACKNOWLEDGED, '')}")
            waits, _ = self._waiting.get(path, (known, frozenset()))
            if one.requested != waits:
                await self._ask(path, one.requested, frozenset(concerned.get(path, ())))
        if self._waiting:
            await self._acknowledge()
        self._handled = {path: value for path, value in self._handled.items() if path in seen}
        return {path: value for path, value in self._handled.items() if value}

    async def _ask(self, path: str, value: str, addresses: frozenset[Address]) -> None:
        self._waiting[path] = value, addresses
        if addresses:
            await self._asked.reconcile(Scope.of(addresses))

    async def _acknowledge(self) -> None:
        scopes = [key.scope for key in await self._asked.queue()]
        for path, (value, addresses) in list(self._waiting.items()):
            if not any(address in scope for address in addresses for scope in scopes):
                self._handled[path] = value
                del self._waiting[path]
