"""Of several operators one works (`--leader-elect`): the others wait, warm, and one goes on when that one has ended.

Those that share the targets of a store (`--share`) all work, and elect nobody here: see `app/sharing`.

Invariant: what is worked on is worked on by who has the Lease, and the store, which is one process's then, is what
makes sure of it: a Lease alone is a promise by clocks. Who has lost it ends, and waits again when it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from reconciler.api.health import HealthCheck
from reconciler.api.observing import listen_for_observers, serve_observers
from reconciler.errors import FroyoError, LeaseLost
from reconciler.plugins.compiled import CompiledCache
from reconciler.telemetry.log import get_logger
from watchers.kubernetes.in_cluster import own_namespace
from watchers.kubernetes.leases import ClusterLease, LeaseGone

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon, Serve
    from reconciler.app.ending import EndSignal
    from reconciler.app.places import Places

LEASE = "froyo-operator"
RUNTIME = "python-runtime.wasm"

T = TypeVar("T")
log = get_logger("froyo")


class Waiting:
    """What those are told who watch over an operator that waits: it lives, and would be ready.

    Args:
        lease: that it waits for.
    """

    def __init__(self, lease: ClusterLease) -> None:
        self._lease = lease

    def checks(self) -> Sequence[HealthCheck]:
        """Whether it could take over: it hears who has the Lease."""
        return [HealthCheck("lease", self._lease.trouble, alive=True)]

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """Nothing is measured where nothing is done."""
        del accept
        return b"", "text/plain; charset=utf-8"


def lease_of(environ: Mapping[str, str], namespace: str) -> ClusterLease:
    """The Lease of an operator: in the namespace of its pod, or where it runs in none, in that which it serves.

    Args:
        environ: HOSTNAME is what a pod is called.
        namespace: that is served.
    """
    identity = f"{environ.get('HOSTNAME') or socket.gethostname()}_{uuid.uuid4()}"
    return ClusterLease(own_namespace() or namespace, LEASE, identity, now=time.time)


async def elected(
    ending: EndSignal,
    lease: ClusterLease,
    work: Callable[[Serve], Awaitable[T]],
    *,
    listen: str | None,
    places: Places,
) -> T | None:
    """Wait for a Lease, do what is to be done by who has it, and give it back.

    Args:
        ending: tells when to end.
        lease: which.
        work: what is done; it is given the task that ends it when the Lease is lost.
        listen: where health is told meanwhile.
        places: what can be got ready until then.

    Returns:
        What came of the work; None where it was told to end before it came to that.
    """
    with ending.awaited() as told:
        ours = await _waited(told, lease, listen=listen, places=places)
    if not ours:
        await lease.release()
        return None
    log.info("the lease is ours", changes=lease.changes)
    keeping = asyncio.create_task(lease.keep(), name="lease")

    async def held(_daemon: Daemon) -> None:
        try:
            await asyncio.shield(keeping)
        except LeaseGone as error:
            raise LeaseLost(f"{error}; another operator goes on") from error

    try:
        return await work(held)
    finally:
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError, LeaseGone):
            await keeping
        await lease.release()


async def _waited(told: asyncio.Event, lease: ClusterLease, *, listen: str | None, places: Places) -> bool:
    """Whether the Lease came before the word to end."""
    given_up = threading.Event()
    acquiring = asyncio.create_task(lease.acquire(_complain), name="lease")
    ending = asyncio.create_task(told.wait(), name="told to end")
    warming = asyncio.create_task(asyncio.to_thread(_warm, places, given_up), name="warming")
    beside = [ending, warming]
    listening = listen_for_observers(listen) if listen is not None else None
    if listening is not None:
        beside.append(asyncio.create_task(serve_observers(Waiting(lease), listening), name="observers"))
    try:
        await asyncio.wait([acquiring, ending], return_when=asyncio.FIRST_COMPLETED)
        if acquiring.done():
            await acquiring
        return acquiring.done() and not told.is_set()
    finally:
        given_up.set()
        for task in (acquiring, *beside):
            task.cancel()
        await asyncio.gather(acquiring, *beside, return_exceptions=True)
        if listening is not None:
            listening.close()


def _complain(why: str) -> None:
    log.warning("the lease cannot be waited for", why=why)


def _warm(places: Places, given_up: threading.Event) -> None:
    """Have what takes long done before it is needed: the providers' runtime compiled, and everything read."""
    with contextlib.suppress(FroyoError, OSError):
        cache = CompiledCache(places.cache / "components")
        if cache.find(places.artifacts / RUNTIME) is None:
            cache.make(places.artifacts / RUNTIME, given_up)
    import reconciler.app.assembly
    import reconciler.app.daemon  # noqa: F401
