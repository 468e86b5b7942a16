"""What alerts are told about: everything that a daemon knows at one moment, and which alert may hear of it.

Invariant: who declares an alert in a namespace of a cluster, or in a source that only another one has named, hears of
what that source declares, and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.app.sources import Sources
from reconciler.core.alerting import NO_MORE, Health, ObjectHealth, standings
from reconciler.core.conditions import summarize
from reconciler.engine.loop.controller import Controller
from reconciler.model.alert import About, Alert, AlertName, WebhookOut
from reconciler.model.cluster import ClusterPlace
from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.names import (
    Address,
    SourceName,
    TargetName,
    source_object,
    split_address,
    target_object,
)

PROBLEMS = 3
"""Of what is wrong with a source, so many are told."""
UNKNOWN: Mapping[str, ObjectHealth] = {}


@dataclass(frozen=True, slots=True)
class DeclaredAlert:
    """An alert, and who declares it.

    Attributes:
        alert: the alert.
        source: that declares it.
        everywhere: whether it hears of what other sources declare.
    """

    alert: Alert
    source: SourceName
    everywhere: bool

    def hears(self, about: About) -> bool:
        """Whether it may be told of this."""
        return self.everywhere or about.source == self.source


def declared_alerts(controller: Controller, sources: Sources) -> dict[AlertName, DeclaredAlert]:
    """The alerts that are declared; of one name the first, and one in what the daemon was given before all others."""
    given, in_force = sources.given, controller.in_force.sources
    found: dict[AlertName, DeclaredAlert] = {}
    for source in [*(name for name in in_force if name in given), *in_force]:
        place = given[source].place if source in given else None
        everywhere = place is not None and not isinstance(place, ClusterPlace)
        for name, alert in in_force[source].alerts.items():
            mine = alert if not isinstance(place, ClusterPlace) or place.trusted else _elsewhere(alert)
            found.setdefault(name, DeclaredAlert(mine, source, everywhere))
    return found


def _elsewhere(alert: Alert) -> Alert:
    """An alert of a namespace that others share the operator with: it goes out to nobody on the operator's machine."""
    if not isinstance(alert.way, WebhookOut):
        return alert
    return replace(alert, way=replace(alert.way, elsewhere=True))


class AlertScope:
    """What is known at this moment.

    Args:
        controller: knows it.
        sources: the same of sources.
    """

    def __init__(self, controller: Controller, sources: Sources) -> None:
        in_force = controller.in_force
        self._desired = dict(in_force.sources)
        self._instances = in_force.instances
        self._targets = in_force.targets
        self._states = controller.states()
        self._sessions = controller.targets
        self._served = {source_object(name): (name, one.shown) for name, one in sources.intakes.items()}
        # What is not declared may only not have been read yet.
        self._whole = not controller.submissions.unread

    def objects(self) -> Iterator[str]:
        """All that there is."""
        yield from self._served
        yield from map(target_object, self._targets)
        yield from self._instances

    def about(self, object_: str) -> About:
        """What an object is, as far as that is known."""
        if object_ in self._served:
            return About(object=object_, kind="Source", source=self._served[object_][0])
        first, rest = split_address(Address(object_))
        name = TargetName(rest) if first == "Target" else first
        target = self._targets.get(name)
        labels = {} if target is None else dict(target.labels)
        if first == "Target":
            source = next((one for one, desired in self._desired.items() if name in desired.targets), "")
            return About(object=object_, kind="Target", target=name, labels=labels, source=SourceName(source))
        address = Address(object_)
        instance = self._instances.get(address)
        labels |= {} if instance is None else instance.metadata.labels
        return About(
            object=object_,
            kind=rest.partition("/")[0] if first != "Source" else "Source",
            target=name if first != "Source" else "",
            labels=labels,
            source=self._source_of(address),
        )

    def _source_of(self, address: Address) -> SourceName:
        declarer = next((one for one, desired in self._desired.items() if address in desired.instances), None)
        if declarer is not None:
            return declarer
        state = self._states.get(address)
        return SourceName("") if state is None else state.source

    def standings(self, object_: str) -> Mapping[str, ObjectHealth]:
        """How an object is, by topic; nothing where nothing can be said of it."""
        gone = NO_MORE if self._whole else UNKNOWN
        if object_ in self._served:
            _, state = self._served[object_]
            found = standings(state.conditions)
            ready = found[ConditionType.READY]
            if ready.health is Health.BAD and state.problems:
                more = len(state.problems) - PROBLEMS
                told = "; ".join(state.problems[:PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
                found[ConditionType.READY] = replace(ready, message=f"{ready.message}: {told}")
            if state.degraded:
                degraded = Reason.WATCH_DEGRADED.value
                found[degraded] = ObjectHealth(Health.BAD, degraded, state.degraded)
            return found
        first, rest = split_address(Address(object_))
        if first == "Target":
            name = TargetName(rest)
            session = self._sessions.get(name)
            if name not in self._targets:
                return gone
            if session is None or (session.connected_since is None and summarize(session.conditions).ready):
                return UNKNOWN  # what an earlier daemon knew of its sessions says nothing about ours
            return standings(session.conditions)
        address = Address(object_)
        if address not in self._instances:
            return gone
        known = self._states.get(address)
        return UNKNOWN if known is None else standings(known.conditions)
