"""What is known of targets themselves: in memory for whoever reads it, and in the store over a restart.

Facts are gathered when there is a session and they are older than they may be, and right after a change that touches
them. Invariants: of two that are gathered one after the other the later counts; what could not be stored is gathered
again. This module must not know what depends on facts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping

from reconciler.errors import StoreError
from reconciler.model.facts import Facts, Section
from reconciler.model.names import TargetName
from reconciler.store.batch import Batch
from reconciler.store.store import Store
from reconciler.targets.session import Session
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

_NOTHING = Facts()


class TargetFacts:
    """See the module.

    Args:
        store: where they are kept.
        now: seconds since the epoch.
        ttl: seconds for which facts are good.
    """

    def __init__(self, store: Store, *, now: Callable[[], float], ttl: float) -> None:
        self._store = store
        self._now = now
        self._ttl = ttl
        self._known: dict[TargetName, Facts] = {}
        self._unkept: dict[TargetName, set[Section]] = {}
        self._untold: dict[TargetName, set[Section]] = {}
        self._asking: dict[TargetName, asyncio.Lock] = {}
        self._awaited: dict[TargetName, asyncio.Event] = {}

    @property
    def known(self) -> Mapping[TargetName, Facts]:
        """As of now: it does not change."""
        return dict(self._known)

    async def load(self) -> None:
        """Take up what is on record."""
        self._known = await self._store.load_facts()

    async def hear(self, ours: Callable[[TargetName], bool]) -> dict[TargetName, frozenset[Section]]:
        """Take note of what others put on record of targets that are not ours; what of it is new, by target."""
        moved: dict[TargetName, frozenset[Section]] = {}
        taken = await self._store.facts_taken()
        if all(
            ours(name) or at == max(self.of(name).taken.values(), default=None) for name, at in taken.items()
        ):
            return moved
        for name, facts in (await self._store.load_facts()).items():
            if ours(name):
                continue
            if differing := self.of(name).differing(facts):
                moved[name] = differing
            self._known[name] = facts
        return moved

    def of(self, name: TargetName) -> Facts:
        """What is known of a target."""
        return self._known.get(name, _NOTHING)

    async def come(self, name: TargetName, *, within: float) -> None:
        """Wait until anything is known of a target, but no longer than so many seconds."""
        if not self.of(name):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._awaited.setdefault(name, asyncio.Event()).wait()

    def due(self, name: TargetName) -> frozenset[Section]:
        """What has to be gathered because it is not known, or not since long ago."""
        return self.of(name).stale(self._now(), self._ttl)

    async def gather(
        self, session: Session, sections: Collection[Section] | None = None
    ) -> frozenset[Section]:
        """Ask a target.

        Args:
            session: with it.
            sections: what to ask for; what is due where it is left out, which may be nothing by the time.

        Returns:
            The sections that say something else than before.

        Raises:
            RunnerError: it does not say.
            TransportError, ProtocolError: the session is lost.
        """
        name = session.target.name
        async with self._asking.setdefault(name, asyncio.Lock()):
            wanted = self.due(name) if sections is None else frozenset(sections)
            if not wanted:
                return frozenset()
            found = await session.facts(wanted)
            before = self.of(name)
            after = before.renewed(found.sections, found.cut, self._now())
            self._known[name] = after
            if (awaited := self._awaited.pop(name, None)) is not None:
                awaited.set()
            self._unkept.setdefault(name, set()).update(found.sections)
            differing = before.differing(after)
            self._untold.setdefault(name, set()).update(differing)
            return differing

    def untold(self, name: TargetName) -> frozenset[Section]:
        """The sections that say something else, which whoever depends on them has not been told."""
        return frozenset(self._untold.get(name, ()))

    def told(self, name: TargetName, sections: Collection[Section]) -> None:
        """Whoever depends on these sections of a target has been told that they say something else."""
        self._untold.get(name, set()).difference_update(sections)

    async def keep(self) -> None:
        """Put on record what was gathered. What cannot be stored is due again, and so is gathered and stored later."""
        unkept, self._unkept = self._unkept, {}
        batch = Batch()
        for name, sections in unkept.items():
            batch.put_facts(name, self._known[name], sections)
        try:
            await self._store.write(batch)
        except StoreError as error:
            log.warning("facts could not be stored", why=str(error))
            for name, sections in unkept.items():
                facts = self._known[name]
                taken = {section: at for section, at in facts.taken.items() if section not in sections}
                self._known[name] = Facts(facts.sections, taken, facts.cut)

    def keep_only(self, names: Collection[TargetName]) -> None:
        """Forget all other targets."""
        for name in self._known.keys() - names:
            del self._known[name]
            self._asking.pop(name, None)
            self._unkept.pop(name, None)
            self._untold.pop(name, None)
