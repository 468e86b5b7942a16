"""A unit of work of alerts: what was found, what is to be told, and what was.

batch = AlertBatch().put_incidents(found).add_alert_messages(messages).put_alert(state)
await store.write(batch)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from reconciler.store import alerts, codec, sql
from reconciler.store.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.model.alert import AlertMessage, AlertName, AlertState, Incident, IncidentKey


class AlertBatch(Batch):
    """See the module."""

    __slots__ = ()

    def put_alert(self, state: AlertState) -> Self:
        """Record how an alert gets on."""
        return self._add(sql.PUT_ALERT, [alerts.state_row(state)], about=[f"Alert/{state.name}"])

    def forget_alert(self, name: AlertName) -> Self:
        """Forget an alert that nobody declares any more, with all that it was still to tell."""
        self._add(sql.FORGET_INCIDENTS, [{"of": name}])
        self._add(sql.FORGET_ALERT_MESSAGES, [{"of": name}])
        return self._add(sql.FORGET_ALERT, [{"alert": name}], about=[f"Alert/{name}"])

    def put_incidents(self, incidents: Iterable[Incident]) -> Self:
        """Record what an alert has found."""
        return self._add(sql.PUT_INCIDENT, map(alerts.incident_row, incidents))

    def forget_incidents(self, keys: Iterable[IncidentKey]) -> Self:
        """These are over."""
        rows = [{"of": of, "about": codec.words(about), "which": which} for of, about, which in keys]
        return self._add(sql.FORGET_INCIDENT, rows)

    def add_alert_messages(self, messages: Iterable[AlertMessage]) -> Self:
        """Record what is to be told."""
        return self._add(sql.ADD_ALERT_MESSAGE, map(alerts.message_row, messages))

    def forget_alert_messages(self, ids: Iterable[str]) -> Self:
        """Somebody has taken these, or they are given up."""
        return self._add(sql.FORGET_ALERT_MESSAGE, [{"message": one} for one in ids])
