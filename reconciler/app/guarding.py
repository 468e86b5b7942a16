"""Goes back to the revision before, where a probe is not well soon after a change: `froyo up --rollback-within`.

Invariants: this does what a person could do (`froyo rollback`), and says so in the same places. A revision is
rolled back by it once, and then its source stays so until a person ends that; what has no revision before it is left as
it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.app.rolling_back import RollingBack, wanted
from reconciler.engine.loop.controller import Controller
from reconciler.errors import UsageError
from reconciler.model.event import Event, EventFilter
from reconciler.model.names import Address, SourceName, split_address
from reconciler.runtime import Runtime
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

BY = "froyo"
"""Who rolls back, where no person does."""


@dataclass(frozen=True, slots=True)
class _InForce:
    """What is in force of a source.

    Attributes:
        revision: which.
        since: seconds since the epoch.
        before: the revision that was in force before it, or "".
    """

    revision: str
    since: float
    before: str = ""


class Guard:
    """See the module.

    Args:
        store: tells what happens.
        runtime: gives the time.
        controller: knows what is in force.
        rollbacks: roll back.
        within: seconds for which a revision is on trial.
    """

    def __init__(
        self, store: Store, runtime: Runtime, controller: Controller, rollbacks: RollingBack, *, within: float
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._controller = controller
        self._rollbacks = rollbacks
        self._within = within
        self._known: dict[SourceName, _InForce] = {}
        self._judged: set[tuple[SourceName, str]] = set()

    async def run(self) -> None:
        """Look at what happens; a long task."""
        newest = await self._store.events(limit=1)
        last = newest[-1].id if newest else 0
        with self._store.feed.subscribe() as following:
            while True:
                self._look()
                await following.heard()
                self._look()
                for event in await self._store.events(EventFilter(reason="Unhealthy", after=last)):
                    last = event.id
                    await self._judge(event)

    def _look(self) -> None:
        """Take note of what is in force now."""
        for source, desired in self._controller.in_force.sources.items():
            known = self._known.get(source)
            if known is None or known.revision != desired.revision:
                before = "" if known is None else known.revision
                self._known[source] = _InForce(desired.revision, self._runtime.now(), before)

    async def _judge(self, event: Event) -> None:
        """Whether something that is not well is so because of a revision that is on trial."""
        address = Address(event.object)
        for source, known in self._known.items():
            desired = self._controller.in_force.of(source)
            if desired is None or desired.revision != known.revision or address not in desired.instances:
                continue
            if any(split_address(address)[0] in one.targets for one in desired.rollouts.values()):
                return  # that is the rollout's own affair, which knows on whom it is
            if known.before and event.at - known.since <= self._within:
                await self._go_back(source, known, address)
            return

    async def _go_back(self, source: SourceName, known: _InForce, address: Address) -> None:
        # Who has ended a rollback has seen what it was about.
        if (source, known.revision) in self._judged or source in await self._store.load_rollbacks():
            return
        self._judged.add((source, known.revision))
        reason = f"{split_address(address)[1]} was not well after {known.revision} had come into force"
        try:
            rollback = await wanted(
                self._store,
                known.before,
                source,
                by=BY,
                reason=reason,
                since=self._runtime.now(),
                until=None,
            )
            await self._rollbacks.roll_back(rollback)
        except UsageError as error:
            log.warning(
                "a revision is not rolled back", source=source, revision=known.revision, why=str(error)
            )
