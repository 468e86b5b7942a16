"""What a controller does that comes to lead those with which it shares a store."""

from types import MappingProxyType, SimpleNamespace

import pytest

from reconciler.app.sharing import SharedWork
from reconciler.errors import StoreError
from reconciler.store.records import LeaseHolder
from reconciler.store.sharing import Member, Sharing


class Served:
    """Sources that cannot be taken over as often as said."""

    intakes = MappingProxyType({})

    def __init__(self, fails):
        self.fails, self.asked = fails, 0

    async def take_over(self):
        self.asked += 1
        if self.asked <= self.fails:
            raise StoreError("the store cannot be reached")


class Membership:
    """One that may lead."""

    async def lead(self, _ttl):
        pass


def seen(*, led):
    return Sharing(members=(), shards={}, living=frozenset(), lease=None, led=led, written=0)


async def test_what_could_not_be_taken_over_is_until_it_has_been():
    share = SimpleNamespace(leads=False)
    sources, begun = Served(fails=2), []
    work = SharedWork(
        SimpleNamespace(membership=Membership()),
        Member(1, LeaseHolder("here", 1, "boot", 0.0)),
        SimpleNamespace(share=share),
        None,
        sources=sources,
        beat=lambda: None,
    )
    for led in (False, True):
        with pytest.raises(StoreError):
            await work._see_who_leads(seen(led=led), lambda: begun.append(share))
    for _ in range(2):
        await work._see_who_leads(seen(led=True), lambda: begun.append(share))
    assert (share.leads, begun, sources.asked) == (True, [share], 3)
