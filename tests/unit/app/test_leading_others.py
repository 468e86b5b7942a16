"""What a controller does that comes to lead those with which it shares a store."""

from dataclasses import replace
from types import MappingProxyType, SimpleNamespace

import pytest

from reconciler.app.sharing.leadership import Leadership
from reconciler.errors import StoreError
from reconciler.store.sharing import Sharing


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
    leadership = Leadership(
        SimpleNamespace(membership=Membership()),
        SimpleNamespace(share=share),
        sources,
        patience=6.0,
        loop_time=lambda: 0.0,
    )
    for led in (False, True):
        with pytest.raises(StoreError):
            await leadership.see(seen(led=led), lambda: begun.append(share))
    for _ in range(2):
        await leadership.see(seen(led=True), lambda: begun.append(share))
    assert (share.leads, begun, sources.asked) == (True, [share], 3)


@pytest.mark.parametrize(("after", "leads"), [(5.9, False), (6.0, True)])
async def test_where_somebody_holds_the_lease_and_does_not_lead_it_is_waited_before_it_is_done_here(
    after, leads
):
    share, now = SimpleNamespace(leads=False), [0.0]
    leadership = Leadership(
        SimpleNamespace(membership=Membership()),
        SimpleNamespace(share=share),
        Served(fails=0),
        patience=6.0,
        loop_time=lambda: now[0],
    )
    locked = replace(seen(led=False), lease=SimpleNamespace(locked=True))
    await leadership.see(locked, lambda: None)
    now[0] = after
    await leadership.see(locked, lambda: None)
    assert share.leads is leads
