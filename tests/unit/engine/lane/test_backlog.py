"""What the store does not have yet is written at once, and waits where that fails."""

import asyncio

import pytest

from reconciler.engine.lane.backlog import EVENTS, Backlog, Ending
from reconciler.engine.report import Report
from reconciler.errors import StoreError
from reconciler.model.names import Address, Digest
from reconciler.model.state import ResourceState
from reconciler.store.batch import Batch

A, B = Address("m0/File/a"), Address("m0/File/b")
STATES = {A: ResourceState(address=A, digest=Digest("sha256:a"))}


class Disk:
    """A store that counts, and can be full."""

    def __init__(self) -> None:
        self.written: list[Batch] = []
        self.full = False

    async def write(self, batch: Batch) -> None:
        if self.full:
            raise StoreError("no space left")
        self.written.append(batch)


def keep(backlog: Backlog, disk: Disk) -> None:
    asyncio.run(backlog.keep(disk, STATES))  # type: ignore[arg-type] # as much of a store as it needs


def happened(number: int = 1) -> Report:
    report = Report(lambda: 0.0, {})
    for _ in range(number):
        report.event(A, "Repaired", "put back")
    return report


def test_nothing_is_written_where_there_is_nothing():
    disk, backlog = Disk(), Backlog()
    keep(backlog, disk)
    assert not disk.written


@pytest.mark.parametrize(
    "says",
    [
        lambda backlog: backlog.add(happened()),
        lambda backlog: backlog.move([A]),
        lambda backlog: backlog.disown([B]),
        lambda backlog: backlog.forget([B]),
        lambda backlog: backlog.spend(A),
        lambda backlog: backlog.owe({(A, B): None}),
        lambda backlog: backlog.end(Ending(run="r", outcomes=(), at=0.0, outcome="Applied", message="")),
    ],
)
def test_whatever_waits_is_written_once(says):
    disk, backlog = Disk(), Backlog()
    says(backlog)
    assert backlog
    keep(backlog, disk)
    assert len(disk.written) == 1
    assert disk.written[0]
    assert not backlog
    keep(backlog, disk)
    assert len(disk.written) == 1


def test_what_could_not_be_written_waits_with_the_newest_events():
    disk, backlog = Disk(), Backlog()
    disk.full = True
    backlog.add(happened(EVENTS + 5))
    backlog.move([A])
    with pytest.raises(StoreError):
        keep(backlog, disk)
    assert set(backlog.moved) == {A}
    disk.full = False
    keep(backlog, disk)
    assert len(disk.written[0]._events) == EVENTS
    assert not backlog
