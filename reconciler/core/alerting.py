"""What an alert tells: of trouble that lasts, from when it does until it is over, and of what happened.

Trouble is read off conditions, not off events: whoever looks finds what is wrong, whatever was missed. One incident is
told once, again where its reason is another one or when it is time to repeat it, and once more when it is over.

Invariant: what is decided depends on what is given and on nothing else. This module must not know how anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto
from fnmatch import fnmatchcase

from reconciler.core.reasons import LEFT_ALONE, TROUBLE
from reconciler.model.alert import About, Alert, AlertFilter, AlertStatus, Incident
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.event import Event, EventType

OF_CONDITIONS = frozenset(
    {
        *("Differs", "Held", "PruneHeld", "Suspended", "Contested", "TransientError", "Throttled"),
        *("PermanentError", "DidNotConverge", "Unhealthy", "Unreachable", "SourceBroken", "WatchDegraded"),
        "Recovered",
    }
)
"""Events of which a condition says the same, for as long as it lasts."""

GONE = "it is declared no longer"


class Health(Enum):
    """How something is, as far as it can be told."""

    BAD = auto()
    WELL = auto()
    OPEN = auto()
    """Neither: it is being looked at, or waits for something else."""


@dataclass(frozen=True, slots=True)
class ObjectHealth:
    """How an object is in one respect.

    Attributes:
        health: in short.
        reason: of the condition.
        message: of the condition.
        since: seconds since the epoch; 0 where that is not known.
    """

    health: Health
    reason: str = ""
    message: str = ""
    since: float = 0.0


TOPICS = (ConditionType.READY, ConditionType.WATCH_DEGRADED)
"""The conditions that trouble is read off."""
NO_MORE = {topic.value: ObjectHealth(Health.WELL, "Gone", GONE) for topic in TOPICS}
"""How something is that is not there any more."""


def standings(conditions: Iterable[Condition]) -> dict[str, ObjectHealth]:
    """How an object is, by topic."""
    known = {one.type: one for one in conditions}
    degraded = known.get(ConditionType.WATCH_DEGRADED)
    return {
        ConditionType.READY: _ready(known.get(ConditionType.READY)),
        ConditionType.WATCH_DEGRADED.value: ObjectHealth(
            Health.WELL, Reason.IN_SYNC.value, "it is watched again"
        )
        if degraded is None
        else ObjectHealth(Health.BAD, degraded.reason.value, degraded.message, degraded.since),
    }


def _ready(one: Condition | None) -> ObjectHealth:
    if one is None:
        return ObjectHealth(Health.OPEN)
    if one.reason in TROUBLE or one.reason is Reason.UNREACHABLE:
        health = Health.BAD
    elif one.status or one.reason in LEFT_ALONE:
        health = Health.WELL
    else:
        health = Health.OPEN
    return ObjectHealth(health, one.reason.value, one.message, one.since)


def is_meant(alert: Alert, about: About, reason: str, *, warning: bool) -> bool:
    """Whether an alert tells of this at all."""
    return (
        (warning or alert.everything)
        and (not alert.match or any(_matches(one, about, reason) for one in alert.match))
        and not any(_matches(one, about, reason) for one in alert.unless)
    )


def _matches(one: AlertFilter, about: About, reason: str) -> bool:
    return (
        (not one.kinds or about.kind in one.kinds)
        and (not one.targets or any(fnmatchcase(about.target, pattern) for pattern in one.targets))
        and all(about.labels.get(name) == value for name, value in one.labels)
        and (not one.reasons or reason in one.reasons)
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What follows for one incident.

    Attributes:
        incident: as it is to be kept; None where nothing is.
        message: what is to be told, as the incident that it is about; None for nothing.
        status: what that says.
        due: seconds since the epoch at which to look again; None for only when something happens.
    """

    incident: Incident | None
    message: Incident | None = None
    status: AlertStatus = AlertStatus.FIRING
    due: float | None = None


def follow(
    alert: Alert, known: Incident | None, about: About, topic: str, standing: ObjectHealth, *, now: float
) -> Told:
    """What follows from how an object is.

    Args:
        alert: whose business it is.
        known: what is on record of it.
        about: the object; one that is not there any more is told about as it was.
        topic: the respect in which it is so.
        standing: how it is.
        now: seconds since the epoch.
    """
    if standing.health is Health.WELL:
        return _over(alert, known, standing, now=now)
    if standing.health is Health.OPEN:
        return Told(known, due=None if known is None else _due(alert, known))
    meant = is_meant(alert, about, standing.reason, warning=True)
    if known is None:
        if not meant:
            return Told(None)
        known = Incident(
            alert=alert.name,
            about=about,
            topic=topic,
            status=AlertStatus.FIRING,
            reason=standing.reason,
            message=standing.message,
            warning=True,
            since=standing.since or now,
        )
        return _if_due(alert, known, now=now)
    another = standing.reason != known.reason
    found = replace(known, reason=standing.reason, message=standing.message)
    if another and meant and known.told_at is not None:
        return _tell(alert, found, now=now)
    return _if_due(alert, found, now=now) if meant else Told(found)


def remind(alert: Alert, known: Incident, *, now: float) -> Told:
    """What follows for an incident from that time has passed."""
    if known.status is AlertStatus.EVENT:
        if now < _due(alert, known):
            return Told(known, due=_due(alert, known))
        return _tell(alert, known, now=now) if known.times else Told(None)
    return _if_due(alert, known, now=now)


def happened(alert: Alert, known: Incident | None, about: About, event: Event, *, now: float) -> Told:
    """What follows from an event of which no condition says anything."""
    warning = event.type is EventType.WARNING
    if event.reason in OF_CONDITIONS or not is_meant(alert, about, event.reason, warning=warning):
        return Told(known, due=None if known is None else _due(alert, known))
    times = int(event.data.get("times", 1))
    found = Incident(
        alert=alert.name,
        about=about,
        topic=event.reason,
        status=AlertStatus.EVENT,
        reason=event.reason,
        message=event.message,
        warning=warning,
        since=event.at,
        told_at=None if known is None else known.told_at,
        times=times if known is None else known.times + times,
    )
    if known is not None and now < _due(alert, known):
        return Told(found, due=_due(alert, found))
    return _tell(alert, found, now=now)


def _over(alert: Alert, known: Incident | None, standing: ObjectHealth, *, now: float) -> Told:
    if known is None or known.told_at is None or not alert.recovery:
        return Told(None)
    return Told(
        None,
        replace(known, reason=standing.reason, message=standing.message, told_at=now),
        AlertStatus.RESOLVED,
    )


def _if_due(alert: Alert, known: Incident, *, now: float) -> Told:
    due = _due(alert, known)
    return _tell(alert, known, now=now) if now >= due else Told(known, due=due)


def _tell(alert: Alert, known: Incident, *, now: float) -> Told:
    kept = replace(known, told_at=now, times=0)
    return Told(kept, replace(known, told_at=now), known.status, _due(alert, kept))


def _due(alert: Alert, known: Incident) -> float:
    """When it is to be told, or told again."""
    return known.since + alert.after if known.told_at is None else known.told_at + alert.repeat
