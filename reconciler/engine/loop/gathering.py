"""Has facts of targets gathered beside the rounds, and tells who depends on them.

Invariants: no round waits for facts. Who depends on what says something else is told until that was taken; but where
what we change is what we go by, that is followed after longer and longer pauses (`core/echoes.py`). This module must
not know what depends on facts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias

from reconciler.core.echoes import Echoes
from reconciler.engine import wording
from reconciler.engine.facts import TargetFacts
from reconciler.engine.loop.background import Background
from reconciler.engine.loop.reachability import Reachability
from reconciler.errors import ProtocolError, RunnerError, TransportError
from reconciler.model.facts import SECTIONS, Section
from reconciler.model.names import TargetName
from reconciler.targets.session import Session
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

FactsChanged: TypeAlias = Callable[[TargetName, Collection[Section]], Awaitable[None]]


async def _nobody(_name: TargetName, _sections: Collection[Section]) -> None:
    """Nothing depends on facts."""


class Gathering:
    """See the module.

    Args:
        facts: what is known of targets themselves.
        reachability: is told of a target whose facts keep changing.
        background: has it done.
        loop_time: the event loop's clock.

    Attributes:
        changed: is told which sections of a target's facts say something else than before.
    """

    def __init__(
        self,
        facts: TargetFacts,
        reachability: Reachability,
        background: Background,
        *,
        loop_time: Callable[[], float],
    ) -> None:
        self.changed: FactsChanged = _nobody
        self._facts = facts
        self._reachability = reachability
        self._background = background
        self._time = loop_time
        self._echoes = Echoes[TargetName]()

    def begin(self, session: Session, touched: Collection[Section] | None = None) -> None:
        """Ask a target what it is, where that is due, or has been touched; nobody waits for it."""
        self._background.begin(self._gather(session, touched), name="gather facts")

    async def all_of(self, session: Session) -> None:
        """Ask a target what it is, all of it, now.

        Raises:
            TransportError, ProtocolError, RunnerError: it does not say.
        """
        await self._facts.gather(session, SECTIONS)
        await self._tell(session.target.name)

    async def hear(self, ours: Callable[[TargetName], bool]) -> None:
        """Take note of what others that share the store have gathered."""
        for name, sections in (await self._facts.hear(ours)).items():
            await self.changed(name, sections)

    @property
    def targets(self) -> Collection[TargetName]:
        """Those of which anything is known."""
        return self._facts.known.keys()

    def keep_only(self, names: Collection[TargetName], others: Collection[TargetName]) -> None:
        """Forget all other targets; of `others`, somebody else may want to know what they are."""
        self._facts.keep_only({*names, *others})
        self._echoes.keep_only(names)

    async def _gather(self, session: Session, touched: Collection[Section] | None) -> None:
        try:
            moved = await self._facts.gather(session, touched)
        except (RunnerError, TransportError, ProtocolError) as error:
            if not session.closed:
                log.warning("facts could not be gathered", target=session.target.name, why=str(error))
            return
        name, now = session.target.name, self._time()
        known = self._echoes.pause(name, now=now)
        # What we have changed may be what we go by: that must not go on and on. A rescan comes here after the pause.
        if (
            touched
            and moved
            and self._echoes.heard(name, now=now)
            and not known
            and self._echoes.is_first(name)
        ):
            self._reachability.tell(name, "FactsKeepChanging", wording.echoing(name, moved))
        if not self._echoes.pause(name, now=now):
            await self._tell(name)

    async def _tell(self, name: TargetName) -> None:
        await self._facts.keep()
        if changed := self._facts.untold(name):
            # What follows may be more than the store can be told just now: then it is told after the next look.
            await self.changed(name, changed)
            self._facts.told(name, changed)
