"""What a round works with, and what it leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.engine.disruptions import Disruptions
from reconciler.engine.host import ProviderHost
from reconciler.engine.round.performing import FindBlob
from reconciler.engine.round.progress import Progress
from reconciler.engine.settings import EngineSettings
from reconciler.model.facts import Section
from reconciler.model.names import Address
from reconciler.model.resource import Instance
from reconciler.model.state import Approval, Suspension
from reconciler.runtime import Runtime
from reconciler.store.store import Store

if TYPE_CHECKING:
    from reconciler.engine.round.probes import Probes
    from reconciler.engine.round.under_way import UnderWay


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a round works with.

    Attributes:
        host: runs the providers.
        store: keeps intents, outcomes, states, events and preimages.
        runtime: the world.
        settings: the numbers.
        find_blob: gives a declared body.
        revision: of the snapshot in force.
        suspended: why an instance is to be left alone right now, or None.
        approved: what a person has approved about an instance, or None.
        loop_time: the event loop's clock, in seconds.
        probes: what is looked at beside the rounds.
        progress: is told how rounds go on.
        under_way: has what outlasts its round; None where a round waits for everything.
        disruptions: which targets are disrupted by what was done to them, and how many may be.
        goes: whether what was to go when the round began still is: what is removed cannot be taken back.
    """

    host: ProviderHost
    store: Store
    runtime: Runtime
    settings: EngineSettings
    find_blob: FindBlob
    revision: Callable[[], str]
    suspended: Callable[[Address], Suspension | None]
    approved: Callable[[Address], Approval | None]
    loop_time: Callable[[], float]
    probes: Probes
    progress: Progress = field(default_factory=Progress)
    under_way: UnderWay | None = None
    disruptions: Disruptions = field(default_factory=lambda: Disruptions(1))
    goes: Callable[[Address], bool] = lambda _address: True


@dataclass(slots=True)
class RoundOutcome:
    """What a round leads to.

    Attributes:
        looked_at: instances that were looked at one by one.
        unchanged: the target answered that nothing has moved since the last look.
        changed: instances that were changed and observed in sync.
        again: instances to look at again, in so many seconds.
        gone: instances that were to go and have gone.
        woken: dependents of what has turned ready.
        touched: the sections of the target's facts that may be others now.
        shared: what owns a part of something that was changed since it was looked at itself.
    """

    looked_at: list[Address] = field(default_factory=list)
    unchanged: bool = False
    changed: list[Address] = field(default_factory=list)
    gone: list[Address] = field(default_factory=list)
    again: dict[Address, float] = field(default_factory=dict)
    woken: set[Address] = field(default_factory=set)
    shared: set[Address] = field(default_factory=set)
    touched: set[Section] = field(default_factory=set)

    def has_changed(self, one: Instance) -> None:
        """It was changed and is as it is to be, be it gone."""
        self.changed.append(one.address)
        self.touched.update(one.touches)

    def look_again(self, address: Address, pause: float) -> None:
        """Look at `address` again after `pause` seconds, or earlier if that was asked for already."""
        self.again[address] = min(pause, self.again.get(address, pause))
