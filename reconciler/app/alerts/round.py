"""What comes of one look for one alert, until all of it is put on record together.

Invariant: no more than `MOST` incidents of an alert are kept in mind; what else is wrong then is told of when some of
these are over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.core.alerting import Told
from reconciler.model.alert import About, AlertStatus, Incident, IncidentKey

MOST = 10_000
"""Incidents of an alert."""


class AlertRound:
    """See the module.

    Args:
        known: what is on record of it.
        now: seconds since the epoch.

    Attributes:
        now: the same.
        put: what is to be on record.
        gone: what is to be no longer.
        due: when to look again, by what; None for only when something happens.
        messages: what is to be told, and what that says.
        touched: all that was looked at.
    """

    def __init__(self, known: Mapping[IncidentKey, Incident], now: float) -> None:
        self.now = now
        self.put: dict[IncidentKey, Incident] = {}
        self.gone: set[IncidentKey] = set()
        self.due: dict[IncidentKey, float | None] = {}
        self.messages: list[tuple[Incident, AlertStatus]] = []
        self.touched: set[IncidentKey] = set()
        self._known = known
        self._room = MOST - len(known)

    def known(self, key: IncidentKey) -> Incident | None:
        """What is on record of it, or was found just now."""
        if key in self.gone:
            return None
        return self.put.get(key) or self._known.get(key)

    def take(self, key: IncidentKey, told: Told) -> None:
        """Take note of what follows."""
        self.touched.add(key)
        if told.incident is not None and self.known(key) is None:
            if self._room <= 0:
                return
            self._room -= 1
        self.due[key] = told.due if told.incident is not None else None
        if told.message is not None:
            self.messages.append((told.message, told.status))
        if told.incident is None:
            self.put.pop(key, None)
            self.gone.add(key)
        else:
            self.gone.discard(key)
            self.put[key] = told.incident


def as_it_was(about: About, before: Incident | None) -> About:
    """What something is, or was when it was found: who was told of it has to know it again."""
    return about if before is None else before.about


def firing(incidents: Iterable[Incident]) -> int:
    """Of how much trouble was told that is not over."""
    return sum(one.status is AlertStatus.FIRING and one.told_at is not None for one in incidents)
