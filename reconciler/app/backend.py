"""What programs and people are told by a running daemon, and what they may ask of it.

Invariant: what a person has done is in the audit log before the answer is. There is a method for each thing that may be
asked, and so it is longer than a module should be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from reconciler.api.backend import StoreKnowledge
from reconciler.api.health import HealthCheck
from reconciler.api.suggesting import unknown_target
from reconciler.app import suspending
from reconciler.app.approving import approvals, audited, forgetting, of_source
from reconciler.app.daemon import Daemon
from reconciler.app.measuring import gauges
from reconciler.app.restoring import Restoration, Wish, restoring
from reconciler.app.rolling_back import wanted
from reconciler.app.rolling_out import Steering, steer
from reconciler.app.sharing.leader import must_lead
from reconciler.app.tidying import forget_repository
from reconciler.core.conditions import doubt, next_generation, summarize
from reconciler.core.redaction import Redactor
from reconciler.core.revisions import NoSuchRevision
from reconciler.engine.loop.foreseeing import ANOTHERS
from reconciler.errors import UsageError
from reconciler.model.alert import AlertName, KnownAlert
from reconciler.model.facts import Facts
from reconciler.model.names import Address, SourceName, TargetName
from reconciler.model.plan import Plan
from reconciler.model.resource import Instance
from reconciler.model.rollout import RolloutRecord
from reconciler.model.scope import Scope
from reconciler.model.state import ResourceState, Rollback, SourceState, Suspension, TargetState, covers
from reconciler.store.batch import Batch
from reconciler.store.feed import Subscription
from reconciler.store.records import AuditRecord
from reconciler.telemetry.exposition import expose
from reconciler.telemetry.meter import Measures


class DaemonBackend(StoreKnowledge):
    """What the API is told by a running daemon: the controller's own memory where that is newer than the store.

    Args:
        daemon: that runs.
        measures: what was measured.
        redactor: knows the secrets.
    """

    live = True

    def __init__(
        self, daemon: Daemon, *, measures: Measures | None = None, redactor: Redactor | None = None
    ) -> None:
        super().__init__(daemon.parts.store, now=daemon.parts.runtime.now)
        self._daemon = daemon
        self._measures = measures or Measures()
        self._redactor = redactor or Redactor()

    def now(self) -> float:
        """The wall clock."""
        return self._daemon.parts.runtime.now()

    def subscribe(self) -> Subscription:
        """News of what is on record, from now on."""
        return self._daemon.parts.store.feed.subscribe()

    async def states(self) -> Mapping[Address, ResourceState]:
        """Of each declared instance, at the generation that is declared now, looked at or not."""
        known = self._daemon.controller.states()
        for address, why in self._daemon.controller.doubtful().items():
            if address in known:
                message = f"reported to have changed, and could not be looked at: {why}"
                known[address] = doubt(known[address], message, now=self.now())
        declared = await self.instances()
        if not declared:
            ours = ("", *self._daemon.sources.intakes)
            return {address: state for address, state in known.items() if state.source in ours}
        return {
            address: next_generation(known[address], instance.digest)
            if address in known
            else ResourceState.unseen(instance, SourceName(""))
            for address, instance in declared.items()
        }

    async def targets(self) -> Mapping[TargetName, TargetState]:
        """Of each target. What an earlier daemon knew of its sessions says nothing about ours."""
        return {
            name: TargetState(name=name)
            if state.connected_since is None and summarize(state.conditions).ready
            else state
            for name, state in self._daemon.controller.targets.items()
        }

    async def facts(self) -> Mapping[TargetName, Facts]:
        """What each target is."""
        return self._daemon.controller.facts.known

    async def gather_facts(self, name: TargetName) -> None:
        """Ask a target what it is, now."""
        # Right after the start nothing is in force yet, and what is on record is known.
        known = {**self._daemon.controller.targets, **self._daemon.controller.in_force.targets}
        if name not in known:
            raise UsageError(unknown_target(name, known))
        await self._daemon.controller.gather_facts(name)

    def next_tries(self) -> Mapping[TargetName, float]:
        """Of those that cannot be reached."""
        return self._daemon.controller.next_tries

    async def sources(self) -> Mapping[SourceName, SourceState]:
        """Of those that the daemon serves; where another one serves them for all, what that has put on record."""
        if not self._daemon.controller.share.leads:
            return await super().sources()
        return {name: intake.shown for name, intake in self._daemon.sources.intakes.items()}

    async def suspensions(self) -> Sequence[Suspension]:
        """Those in force."""
        return self._daemon.controller.suspensions.all()

    async def alerts(self) -> Sequence[KnownAlert]:
        """Who is told of what, and how that gets on."""
        return self._daemon.alerts.known()

    async def test_alert(self, name: AlertName, *, by: str) -> str:
        """Have an alert tell of nothing, by hand; the id of the message."""
        sent = await self._daemon.alerts.test(name, by=by)
        await self._audit(AuditRecord(at=self.now(), actor=by, action="alert.test", object=f"Alert/{name}"))
        return sent

    async def instances(self) -> Mapping[Address, Instance]:
        """As declared."""
        return self._daemon.controller.in_force.instances

    async def reconcile(self, scope: Scope[Address]) -> int:
        """Look at these instances now; returns how many are concerned."""
        declared = await self.instances()
        unknown = [address for address in scope.named if address not in declared]
        if unknown:
            raise UsageError(f"{unknown[0]} is not declared; see: froyo get")
        if scope.everything:
            self._daemon.sources.sooner()
        await self._daemon.controller.request(scope)
        return len(scope.among(declared))

    async def suspend(self, suspension: Suspension) -> int:
        """Leave something alone; returns how many instances are concerned."""
        concerned = [a for a in await self.instances() if covers(suspension.object, a)]
        if not concerned:
            raise UsageError(f"nothing is declared as {suspension.object}; see: froyo get")
        await self._daemon.controller.suspend(suspension)
        await self._audit(suspending.audited(suspension))
        return len(concerned)

    async def resume(self, suspended: str, *, by: str) -> bool:
        """End a suspension; whether there was one."""
        now = self._daemon.parts.runtime.now()
        await self._audit(suspending.audited_end(suspended, by=by, at=now))
        return await self._daemon.controller.resume(suspended)

    async def approve(
        self, addresses: Sequence[Address], *, by: str, reason: str
    ) -> tuple[list[Address], list[Address]]:
        """Have done what waits for a person; returns what that is, and what had been approved already."""
        store, controller = self._daemon.parts.store, self._daemon.controller
        found, already = approvals(
            addresses,
            states=controller.states(),
            inventory=await store.load_inventory(),
            given=await store.load_approvals(),
            by=by,
            reason=reason,
            at=self.now(),
        )
        if found:
            await store.write(audited(found))
            await controller.approve(found)
        return [one.address for one in found], already

    async def forget(self, addresses: Sequence[Address], source: str, *, by: str) -> list[str]:
        """Leave these, or all of a source, as they are for good; returns what that is."""
        store, controller = self._daemon.parts.store, self._daemon.controller
        name = None
        if source:
            if controller.in_force.of(SourceName(source)) is not None:
                raise UsageError(f"{source} is in force; it can be forgotten once no daemon serves it")
            name, mine = await of_source(source, store)
            # What another source declares by now is that one's, also where no round has said so yet.
            addresses = [*addresses, *(one for one in mine if not self._is_declared(one))]
        known = await store.load_inventory()
        for address in addresses:
            one = controller.in_force.instances.get(address)
            if not controller.share.covers(address):
                raise UsageError(f"{address}: {ANOTHERS}")
            if self._is_declared(address):
                raise UsageError(f"{address} is declared; take its manifest away first")
            if one is None and address not in known and not source:
                raise UsageError(f"nothing is known of {address}; see: froyo get orphans")
        await store.write(forgetting(addresses, name, by=by, runtime=self._daemon.parts.runtime))
        await controller.forget(addresses)
        if name is not None:
            await forget_repository(self._daemon.parts.places, self._daemon.parts.runtime, name)
        return [*addresses, *([source] if source else [])]

    def _is_declared(self, address: Address) -> bool:
        one = self._daemon.controller.in_force.instances.get(address)
        return one is not None and one.removal is None

    async def restore(self, address: Address, *, by: str, reason: str) -> None:
        """Have what was there before us put back, and what is declared left alone from then on."""
        found = await self._restoring(address, by=by, reason=reason)
        await self._daemon.parts.store.write(found.audited())
        await self._daemon.controller.restore(found.approval, found.suspension)

    async def foresee_restore(self, address: Address) -> Plan:
        """What that would change now."""
        found = await self._restoring(address, by="", reason="")
        return await self._daemon.controller.foresee(found.wanted())

    async def _restoring(self, address: Address, *, by: str, reason: str) -> Restoration:
        controller, parts = self._daemon.controller, self._daemon.parts
        return await restoring(
            parts.store,
            Wish(address, by, reason, self.now()),
            states=controller.states(),
            declared=[a for a, one in controller.in_force.instances.items() if one.removal is None],
            suspensions=controller.suspensions.all(),
            own_paths=(*parts.settings.own_paths, *controller.in_force.sources),
        )

    async def roll_back(
        self, revision: str, source: str, *, by: str, reason: str, until: float | None
    ) -> Rollback:
        """Put an earlier revision of a source in force, until its end has come."""
        store, now = self._daemon.parts.store, self.now()
        await must_lead(self._daemon.controller.share, store, f"rollback {revision}")
        ask = partial(wanted, store, by=by, reason=reason, since=now, until=until)
        try:
            found = await ask(revision, source)
        except NoSuchRevision:
            fetched = await self._daemon.sources.fetched(revision, source)
            if fetched is None:
                raise
            await store.save_snapshot(fetched, earlier=True)
            found = await ask(fetched.revision, fetched.source)
        await self._daemon.rollbacks.roll_back(found)
        return found

    async def end_rollback(self, source: str, *, by: str) -> Rollback:
        """Put the newest good revision of a source in force again."""
        await must_lead(self._daemon.controller.share, self._daemon.parts.store, "rollback --end")
        return await self._daemon.rollbacks.end(source, by=by)

    async def steer_rollout(
        self, action: str, name: str, source: str, *, by: str, reason: str, full: bool
    ) -> RolloutRecord:
        """Pause, resume, promote or abort a rollout; returns how far it is then."""
        parts, wanted = self._daemon.parts, Steering(action, name, source, by, reason, full)
        await must_lead(self._daemon.controller.share, parts.store, f"rollout {action} {name}")
        return await steer(self._daemon.rollouts, parts.store, parts.runtime, wanted)

    async def _audit(self, record: AuditRecord) -> None:
        await self._daemon.parts.store.write(Batch().add_audit([record]))

    async def plan(self) -> Sequence[Plan]:
        """What would be changed now."""
        return await self._daemon.controller.plan()

    def health(self) -> dict[str, str]:
        """What is wrong with the daemon itself, by task or target."""
        wrong = self._daemon.supervisor.health()
        if stuck := self._daemon.controller.stuck:
            wrong["rounds"] = stuck
        if trouble := self._daemon.parts.store.trouble:
            wrong["housekeeping"] = trouble
        wrong |= self._daemon.alerts.outbox.trouble()
        return wrong | {f"target {name}": why for name, why in self._daemon.controller.troubles.items()}

    def checks(self) -> list[HealthCheck]:
        """Whether it lives and is ready, one by one."""
        wrong, daemon = self.health(), self._daemon
        checks = [HealthCheck(name, wrong.get(name, "")) for name in (*daemon.supervisor.tasks, "rounds")]
        # What a restart would not mend is no reason for one.
        checks += [HealthCheck("housekeeping", wrong.get("housekeeping", ""), alive=True)]
        troubles = "; ".join(f"{name}: {why}" for name, why in daemon.controller.troubles.items())
        checks += [HealthCheck("targets", troubles, alive=True)]
        unread = sorted(daemon.controller.submissions.unread)
        checks += [
            HealthCheck("in-force", f"not in force yet: {', '.join(unread)}" if unread else "", alive=True)
        ]
        return checks

    def status_line(self) -> str:
        """How things are, for who has room for a line."""
        controller = self._daemon.controller
        targets = controller.in_force.targets
        states = [controller.targets[name] for name in targets if name in controller.targets]
        connected = sum(1 for state in states if state.connected_since is not None)
        revisions = ", ".join(one.revision for one in controller.in_force.sources.values())
        if not revisions:
            return "nothing is in force yet"
        number = len(controller.in_force.instances)
        return f"{number} instances on {len(targets)} targets, {connected} connected; at {revisions}"

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """What was measured, as text, and of which type that is."""
        known = [*self._measures.families(), *await gauges(self.checks(), self._daemon)]
        # The first time this imports a library, and always it is text of some hundred lines: not on the loop.
        return await self._daemon.parts.runtime.offload(
            "metrics", partial(expose, known, accept, self._redactor)
        )
