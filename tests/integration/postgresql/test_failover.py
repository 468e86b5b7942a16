"""A real standby that takes over from a server, with everything that was written, or without the last of it."""

from __future__ import annotations

import signal

import pytest

from reconciler.errors import LeaseLost
from reconciler.store.batch import Batch
from reconciler.store.records import LeaseHolder
from tests.unit.store.values import event

HOLDER = LeaseHolder("here", 1, "boot", 0.0)


@pytest.fixture
def standby(own_server):
    one = own_server.standby()
    yield one
    one.remove()


def either(place, one, other):
    """The address of whichever of two servers can be written."""
    user = place.split("://")[1].split("@")[0]
    hosts = f"127.0.0.1:{one.port},127.0.0.1:{other.port}"
    return f"postgresql://{user}@{hosts}/froyo?target_session_attrs=read-write"


async def test_a_standby_that_has_everything_is_gone_on_with(open_store, own_server, standby):
    own_server.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
    own_server.ask("ALTER SYSTEM SET synchronous_commit = 'remote_apply'")
    own_server.ask("SELECT pg_reload_conf()")
    store = await open_store(either(own_server.place(), own_server, standby))
    await store.acquire_lease(HOLDER, ttl=30)
    await store.write(Batch().add_events([event("before")]))
    own_server.stop(signal.SIGQUIT)
    standby.ask("ALTER SYSTEM SET synchronous_standby_names = ''")
    standby.promote()
    await store.write(Batch().add_events([event("after")]))
    await store.renew_lease(30)
    assert [one.message for one in await store.events()] == ["before", "after"]


async def test_a_standby_that_lacks_the_last_ends_who_wrote_it(open_store, own_server, standby):
    address = either(own_server.place(), own_server, standby)
    store = await open_store(address)
    await store.acquire_lease(HOLDER, ttl=30)
    await store.write(Batch().add_events([event("kept")]))
    written = own_server.ask("SELECT pg_current_wal_lsn()")[0][0]
    while not standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")[0][0]:
        pass
    standby.stop()
    await store.write(Batch().add_events([event("lost")]))
    own_server.stop(signal.SIGQUIT)
    standby.start()
    standby.promote()
    with pytest.raises(LeaseLost, match=r"another server has taken over, .*started again, it goes on"):
        await store.write(Batch().add_events([event("after")]))
    again = await open_store(address)
    await again.acquire_lease(HOLDER, ttl=30)
    await again.write(Batch().add_events([event("again")]))
    assert [one.message for one in await again.events()] == ["kept", "again"]
