"""The composition root: puts the parts together, once, for the daemon and for one-shot commands alike.

Nothing else in froyo knows which store, which provider host and which transports there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.app.auditing import Auditor
from reconciler.app.catalogues import granted
from reconciler.app.declaring import evaluation
from reconciler.app.leading import stand_by, take_lease
from reconciler.app.places import Places, must_be_ours
from reconciler.app.policies import operator_place, policing, take_operators
from reconciler.app.reaching import reaching
from reconciler.app.retention import retention
from reconciler.app.secrets import Secrets, as_declared
from reconciler.app.stamps import stamp
from reconciler.app.watching import Watchers
from reconciler.core.prune import Budget
from reconciler.core.redaction import Redactor
from reconciler.engine.disruptions import Disruptions
from reconciler.engine.facts import TargetFacts
from reconciler.engine.loop.approvals import Approvals
from reconciler.engine.loop.suspensions import Suspensions
from reconciler.engine.round.probes import Probes
from reconciler.engine.round.progress import Progress
from reconciler.engine.round.services import Services
from reconciler.engine.settings import EngineSettings
from reconciler.errors import StoreError, TransportError
from reconciler.languages import end_evaluations
from reconciler.model.catalog import Catalog
from reconciler.model.desired import Desired
from reconciler.model.metrics import NOBODY, Meter
from reconciler.model.target import Target
from reconciler.plugins.host import PluginHost
from reconciler.runtime import NO_TRACER, Channel, Connect, Runtime, ThreadLanes, Tracer
from reconciler.store.sharing import Member
from reconciler.store.store import Store
from reconciler.targets.artifacts import Artifacts
from reconciler.targets.session import Session
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.engine.intake.evaluating import Load
    from reconciler.engine.loop.sessions import OpenSession
    from reconciler.policy.policing import Policing

log = get_logger("froyo")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts, put together.

    Attributes:
        places: where things are kept.
        stamp: of the packages and of what else decides what is done, from before any of it was read.
        artifacts: the runner's binaries.
        runtime: the world.
        store: where everything is kept.
        host: runs the providers.
        catalog: all kinds.
        load: evaluates a snapshot.
        auditor: puts on record what the providers were refused.
        settings: the numbers of the loop, and what it leaves alone on this machine.
        facts: what is known of targets themselves.
        secrets: what only their targets may learn.
        watchers: watch where desired state comes from.
        policing: decides what may be done.
        member: which one of several that share the store; None where it is alone with it.
    """

    places: Places
    stamp: str
    artifacts: Artifacts
    runtime: Runtime
    store: Store
    host: PluginHost
    catalog: Catalog
    load: Load
    auditor: Auditor
    settings: EngineSettings
    facts: TargetFacts
    secrets: Secrets
    watchers: Watchers
    policing: Policing
    member: Member | None = None

    @property
    def open_session(self) -> OpenSession:
        """Opens a session to a target under our lease; its secrets are kept from everybody else."""
        return partial(Session.open, secrets=self.secrets.vault.of, fence=self.store.fence_of)

    def services(
        self,
        desired: Desired,
        suspensions: Suspensions,
        approvals: Approvals,
        *,
        loop_time: Callable[[], float],
        progress: Progress,
    ) -> Services:
        """What the rounds of a one-shot command work with."""
        return Services(
            host=self.host,
            store=self.store,
            runtime=self.runtime,
            settings=self.settings,
            find_blob=desired.find_blob,
            revision=desired.revision_on,
            revision_of=lambda source, name: desired.revision_on(name) if source == desired.source else "",
            suspended=suspensions.holding,
            approved=approvals.of,
            loop_time=loop_time,
            probes=Probes(self.settings, loop_time=loop_time),
            progress=progress,
            disruptions=Disruptions(self.settings.max_disrupted, locks=desired.locks.values),
            policies=self.policing if self.policing.decides(desired) else None,
        )


@contextlib.asynccontextmanager
async def assemble(  # noqa: PLR0913 - what is different from one use to another
    places: Places,
    environ: Mapping[str, str],
    *,
    lease: bool,
    notice: Callable[[str], None],
    standby: Callable[[str], None] | None = None,
    share: bool = False,
    prune: Budget | None = None,
    max_disrupted: int | None = None,
    redactor: Redactor | None = None,
    meter: Meter = NOBODY,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[Parts]:
    """The parts, for as long as the context lasts.

    Args:
        places: where things are kept; made when they are missing.
        environ: the process's environment.
        lease: whether this is going to write as the store's one controller.
        notice: told what takes long, for a person to see.
        standby: told again and again that it waits, where another controller has the store, and the store is where
            others can reach it; None for who does not wait.
        share: whether others work with the store at the same time, each on its part of the targets.
        prune: how much may be removed in one revision without a person being asked; None for the default.
        max_disrupted: how many targets may be disrupted at a time; None for the default.
        redactor: is told of the secrets, for whatever it filters.
        meter: is told what is measured.
        tracer: is told what rounds do.

    Raises:
        UsageError: others can write to the state directory, or a file in it is not understood.
        LeaseHeld: another controller has the store.
        StoreError: the store cannot be opened.
        ConfigError: a provider package is broken.
    """
    places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in (places.state, places.database, places.packages[-1], places.grants, places.retention):
        must_be_ours(path)
    stamped = stamp(places, environ)
    lanes = ThreadLanes()
    artifacts = Artifacts(places.artifacts)
    secrets = Secrets(places, redactor)
    runtime = reaching(places, environ, lanes, artifacts, notice, meter, tracer)
    runtime = replace(runtime, connect=_with_what_is_at_hand(runtime.connect, secrets))
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(lanes.close)
        stack.callback(end_evaluations)
        store = await _opened(places, runtime, lease=lease, notice=notice)
        stack.push_async_callback(store.close)
        member = None
        if lease and standby is not None and places.address is not None:
            member = await stand_by(store, runtime, places, notice, standby, share=share)
        settings = EngineSettings(own_paths=places.own_paths, prune=prune or Budget())
        if max_disrupted is not None:
            settings = replace(settings, max_disrupted=max_disrupted)
        stack.push_async_callback(secrets.close)
        facts = TargetFacts(store, now=runtime.now, ttl=settings.facts_ttl)
        await facts.load()
        packages, kinds, evaluate = evaluation(places, environ, lambda: facts.known, vault=secrets.vault)
        if lease and store.token is None and member is None:
            await take_lease(store, runtime, places)
        auditor = Auditor(store, runtime)
        host = PluginHost(
            packages,
            grants=granted(places, packages),
            runtime=runtime,
            cache_dir=places.cache / "components",
            artifacts=places.artifacts,
            audit=auditor.note,
            notice=notice,
        )
        stack.push_async_callback(auditor.close)
        stack.push_async_callback(host.close)
        watchers = Watchers(places, environ, runtime)
        decides = policing(
            places,
            environ,
            runtime,
            packages=packages,
            facts=facts,
            note=auditor.note if lease else _forget,
            controller=lease and standby is not None,
            shares=member is not None,
        )
        stack.callback(decides.close)
        if (place := operator_place(places, environ)) is not None:
            await take_operators(decides, place, watchers)
        yield Parts(
            places,
            stamped,
            artifacts,
            runtime,
            store,
            host,
            kinds,
            evaluate,
            auditor,
            settings,
            facts,
            secrets,
            watchers,
            decides,
            member,
        )


def _forget(_action: str, _data: Mapping[str, object]) -> None:
    """Nothing is put on record by who changes nothing."""


def _with_what_is_at_hand(connect: Connect, secrets: Secrets) -> Connect:
    async def connected(target: Target) -> Channel:
        found = await secrets.at_hand(target)
        try:
            return await connect(found)
        except TransportError as error:
            told = as_declared(f"{error}", target, found)
            if told == f"{error}":
                raise
            raise type(error)(told) from error

    return connected


async def _opened(places: Places, runtime: Runtime, *, lease: bool, notice: Callable[[str], None]) -> Store:
    """The store; for who changes nothing it may be one that can be read and not be written, as on a full disk."""
    kept = retention(places.retention)
    try:
        return await Store.open(places.store, runtime=runtime, retention=kept)
    except StoreError as error:
        if lease:
            raise
        try:
            store = await Store.open(places.store, runtime=runtime, read_only=True)
        except StoreError:
            raise error from None
        notice(f"{error}. It is only read")
        return store
