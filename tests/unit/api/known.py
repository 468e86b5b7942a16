"""A Knowledge and a Backend in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.api.health import HealthCheck
from reconciler.errors import UsageError
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.event import Event, EventType
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.origin import Origin
from reconciler.model.plan import Plan
from reconciler.model.resource import CommonSpec, Instance, Metadata
from reconciler.model.state import ResourceState, Rollback, SourceState, Suspension, TargetState
from reconciler.store.feed import Feed
from reconciler.store.records import Receipt


def condition(type_=ConditionType.READY, *, status=True, reason=Reason.IN_SYNC, message="as declared"):
    return Condition(
        type=type_, status=status, reason=reason, message=message, since=1000.0, observed_generation=1
    )


def state(address, *conditions, **fields):
    values = {"digest": Digest("sha256:1"), "observed_generation": 1, "observed_at": 1000.0}
    return ResourceState(
        address=Address(address), conditions=conditions or (condition(),), **{**values, **fields}
    )


def instance(address, **labels):
    target, kind, name = address.split("/", 2)
    return Instance(
        address=Address(address),
        target=TargetName(target),
        ref=f"{kind}/{name}",
        api_version="linux.froyo.dev/v1alpha1",
        kind=kind,
        metadata=Metadata(name, labels=labels),
        common=CommonSpec(),
        spec={"path": "/etc/motd"},
        digest=Digest("sha256:1"),
        origin=Origin("site.yaml", 4),
    )


def event(number, object_="web-1/File/motd", reason="Repaired", **fields):
    values = {"message": "put back", "type": EventType.NORMAL, "cause": "drift"}
    return Event(id=number, at=1000.0 + number, object=object_, reason=reason, **{**values, **fields})


@dataclass
class Known:
    """What is known, as attributes."""

    known_states: dict = field(default_factory=dict)
    known_targets: dict = field(default_factory=dict)
    known_facts: dict = field(default_factory=dict)
    known_next_tries: dict = field(default_factory=dict)
    known_sources: dict = field(default_factory=dict)
    known_rollbacks: dict = field(default_factory=dict)
    known_rollouts: list = field(default_factory=list)
    known_revisions: list = field(default_factory=list)
    known_parts: list = field(default_factory=list)
    known_suspensions: list = field(default_factory=list)
    known_alerts: list = field(default_factory=list)
    known_instances: dict = field(default_factory=dict)
    known_events: list = field(default_factory=list)
    known_runs: list = field(default_factory=list)
    known_units: dict = field(default_factory=dict)
    known_queue: list = field(default_factory=list)
    known_plans: list = field(default_factory=list)
    wrong: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    known_checks: list = field(default_factory=lambda: [HealthCheck("loop")])
    live: bool = True

    feed: Feed = field(default_factory=Feed)

    def subscribe(self):
        return self.feed.subscribe()

    def happen(self, *events):
        """These happen, and whoever follows is told."""
        self.known_events += events
        self.feed.committed(Receipt(events=events))

    @classmethod
    def of(cls, *states, **fields):
        return cls(known_states={s.address: s for s in states}, **fields)

    def now(self):
        return 2000.0

    async def states(self):
        return self.known_states

    async def targets(self):
        return self.known_targets

    async def facts(self):
        return self.known_facts

    async def gather_facts(self, name):
        self.asked.append(("gather facts", name))

    def next_tries(self):
        return self.known_next_tries

    async def sources(self):
        return self.known_sources

    async def rollbacks(self):
        return self.known_rollbacks

    async def revisions(self):
        return self.known_revisions

    async def suspensions(self):
        return self.known_suspensions

    async def alerts(self):
        return self.known_alerts

    async def test_alert(self, name, *, by):
        self.asked.append(("test alert", name, by))
        return "id-1"

    async def instances(self):
        return self.known_instances

    async def controllers(self):
        return self.known_parts

    async def orphans(self):
        return [one for address, one in self.known_instances.items() if address not in self.known_states]

    async def events(self, chosen, limit):
        found = [
            e
            for e in self.known_events
            if e.object.startswith(chosen.object)
            and chosen.reason in (None, e.reason)
            and chosen.cause in (None, e.cause)
            and chosen.type in (None, e.type)
            and e.at >= chosen.since
            and e.id > (chosen.after or 0)
        ]
        return found[-limit:] if chosen.after is None else found[:limit]

    async def runs(self, target, limit):
        return [run for run in self.known_runs if target in (None, run.target)][:limit]

    async def run_units(self, run):
        return self.known_units.get(run, [])

    async def queue(self):
        return self.known_queue

    async def plan(self):
        return self.known_plans

    async def reconcile(self, scope):
        self.asked.append(("reconcile", scope))
        for address in scope.named:
            if address not in self.known_states:
                raise UsageError(f"{address} is not declared")
        return len(scope.among(self.known_states))

    async def suspend(self, suspension):
        self.asked.append(("suspend", suspension))
        return 1

    async def resume(self, suspended, *, by):
        self.asked.append(("resume", suspended, by))
        return any(s.object == suspended for s in self.known_suspensions)

    async def restore(self, address, *, by, reason):
        self.asked.append(("restore", address, by, reason))

    async def foresee_restore(self, address):
        self.asked.append(("foresee restore", address))
        return Plan(target=address.partition("/")[0], revision="r1", units=(), observed_at=1.0, errors={})

    async def rollouts(self):
        return self.known_rollouts

    async def steer_rollout(self, action, name, source, **fields):
        self.asked.append(("steer_rollout", action, name, source, fields))
        return self.known_rollouts[0]

    async def roll_back(self, revision, source, **fields):
        self.asked.append(("rollback", revision, source, fields))
        return rollback(source or "here", revision, until=fields["until"])

    async def end_rollback(self, source, *, by):
        self.asked.append(("end rollback", source, by))
        return rollback(source or "here", "r1")

    def health(self):
        return self.wrong

    def checks(self):
        return self.known_checks

    async def metrics(self, accept):
        return b"froyo_suspensions 0\n", "text/plain; version=0.0.4; charset=utf-8"


def target_state(name, *, ready=True, message="connected as uid 0", since=1000.0):
    reason = Reason.IN_SYNC if ready else Reason.UNREACHABLE
    return TargetState(
        name=TargetName(name),
        conditions=(condition(status=ready, reason=reason, message=message),),
        connected_since=since if ready else None,
    )


def source_state(name, *problems):
    reason = Reason.PERMANENT_ERROR if problems else Reason.IN_SYNC
    return SourceState(
        name=name,
        conditions=(condition(status=not problems, reason=reason, message="revision r1"),),
        revision="r1",
        digest="sha256:2",
        problems=problems,
    )


def rollback(source, revision, *, until=None, snapshot=1):
    return Rollback(
        source=source,
        snapshot=snapshot,
        revision=revision,
        digest="sha256:2",
        by="alice",
        reason="too soon",
        since=900.0,
        until=until,
    )


def suspension(object_, until=None):
    return Suspension(object=object_, by="alice", reason="trying", since=900.0, until=until)
