"""What is said when another froyo works with the same store: which one, and how to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.api import times
from reconciler.api.client import Client, Silent
from reconciler.api.views import instant
from reconciler.app.places import Places
from reconciler.errors import TransportError

if TYPE_CHECKING:
    from reconciler.store.records import LeaseHolder


def held_by(holder: LeaseHolder, us: LeaseHolder, where: Places) -> str:
    """Who has the store, since when by the local clock, and what to do about it.

    Args:
        holder: who has it.
        us: who wants it.
        where: the state directory.
    """
    since = times.clock(instant(holder.since), now=us.since)
    if holder.host != us.host:
        return (
            f"froyo on {holder.host} works with {where.kept_in} (pid {holder.pid}, since {since}); "
            f"{'ask or end it there' if where.address else 'end it there'}, or name another {where.option}"
        )
    daemon = Client(where.socket)
    if daemon.alive():
        try:
            daemon.get("/v1/healthz")
        except Silent as error:
            return f"{error}; or name another {where.option}"
        except TransportError:
            pass  # it is about to end
        return (
            f"a daemon runs here already (pid {holder.pid}, since {since}); have it look now with `froyo reconcile`, "
            f"end it with `kill {holder.pid}`, or name another {where.option}"
        )
    return (
        f"froyo is at work here already (pid {holder.pid}, since {since}); "
        f"wait until it is done, or name another {where.option}"
    )
