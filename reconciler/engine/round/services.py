"""What a round works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.engine.at_work import TargetsAtWork
from reconciler.engine.disruptions import Disruptions
from reconciler.engine.host import ProviderHost
from reconciler.engine.round.performing import FindBlob
from reconciler.engine.round.progress import Progress
from reconciler.engine.round.under_way import UnderWay
from reconciler.engine.settings import EngineSettings
from reconciler.model.names import Address, SourceName, TargetName
from reconciler.model.policy import Policies
from reconciler.model.state import Approval, Suspension
from reconciler.runtime import Runtime
from reconciler.store.store import Store

if TYPE_CHECKING:
    from reconciler.engine.round.probes import Probes


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a round works with.

    Attributes:
        host: runs the providers.
        store: keeps intents, outcomes, states, events and preimages.
        runtime: the world.
        settings: the numbers.
        find_blob: gives a declared body.
        revision: of all that is in force on a target.
        revision_of: the same of one source; "" where nothing of it is.
        suspended: why an instance is to be left alone right now, or None.
        approved: what a person has approved about an instance, or None.
        loop_time: the event loop's clock, in seconds.
        probes: what is looked at beside the rounds.
        progress: is told how rounds go on.
        under_way: has what outlasts its round; None where a round waits for everything.
        disruptions: which targets are disrupted by what was done to them, and how many may be.
        policies: decide what may be done; None where there are none.
        at_work: at which targets changes are being made.
        goes: whether what was to go when the round began still is: what is removed cannot be taken back.
    """

    host: ProviderHost
    store: Store
    runtime: Runtime
    settings: EngineSettings
    find_blob: FindBlob
    revision: Callable[[TargetName], str]
    revision_of: Callable[[SourceName, TargetName], str]
    suspended: Callable[[Address], Suspension | None]
    approved: Callable[[Address], Approval | None]
    loop_time: Callable[[], float]
    probes: Probes
    progress: Progress = field(default_factory=Progress)
    under_way: UnderWay | None = None
    disruptions: Disruptions = field(default_factory=lambda: Disruptions(1))
    policies: Policies | None = None
    at_work: TargetsAtWork = field(default_factory=TargetsAtWork)
    goes: Callable[[Address], bool] = lambda _address: True
