"""What would be changed on targets right now, as far as they can be asked.

Invariant: nothing is changed, be it in what is held in memory: whoever asks sees what the next round would do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from reconciler.core.contest import Contests
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.lane.lane import Lane
from reconciler.engine.loop.lanes import Lanes
from reconciler.engine.loop.sessions import Sessions
from reconciler.engine.round.planning import unplanned
from reconciler.engine.round.reconcile import Round
from reconciler.engine.round.services import Services
from reconciler.engine.share import Share
from reconciler.errors import ProtocolError, TransportError
from reconciler.model.names import TargetName
from reconciler.model.plan import Plan

NO_SESSION = "there is no session to the target right now; see: froyo status"
"""Why nothing can be planned."""
ANOTHERS = "another controller that shares the store works on it; ask there: froyo status says where"
"""The same, where there is none because it is not ours."""


class Foreseeing:
    """See the module.

    Args:
        services: what rounds work with.
        share: the targets that are ours.
        lanes: what is known of each.
        sessions: to them.
    """

    def __init__(self, services: Services, *, share: Share, lanes: Lanes, sessions: Sessions) -> None:
        self._services = services
        self._share = share
        self._lanes = lanes
        self._sessions = sessions

    def silent(self, name: TargetName) -> str:
        """Why a target to which there is no session cannot be asked."""
        return NO_SESSION if self._share.has(name) else ANOTHERS

    async def plans(self, names: Iterable[TargetName]) -> list[Plan]:
        """What the next round would change on each of these targets; those that cannot be reached say so."""
        return list(await asyncio.gather(*map(self._plan, names)))

    async def of(self, wanted: Wanted) -> Plan:
        """What would be changed on a target if it were to be so."""
        name, known = wanted.target.name, self._lanes.states()
        session = self._sessions.get(name)
        if session is None:
            return unplanned(name, self._services, self.silent(name))
        own_paths = self._services.settings.own_paths
        lane = Lane.make(wanted, known.get, contests=Contests(), own_paths=own_paths)
        try:
            return await Round(lane, session, self._services).plan()
        except (TransportError, ProtocolError) as error:
            return unplanned(name, self._services, str(error))

    async def _plan(self, name: TargetName) -> Plan:
        lane, session = self._lanes.get(name), self._sessions.get(name)
        if not self._share.has(name) or lane is None or session is None:
            return unplanned(name, self._services, self.silent(name))
        try:
            await session.forget_digests()
            return await Round(lane, session, self._services).plan()
        except (TransportError, ProtocolError) as error:
            return unplanned(name, self._services, str(error))
