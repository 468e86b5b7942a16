import asyncio

import pytest

from reconciler.errors import TransportError
from reconciler.targets.outbox import Outbox
from reconciler.targets.pipe import HIGH_WATER, TAIL, Inbox, Tail, WriteGate
from tests.unit.targets.virtual_time import run


def inbox():
    said = []
    return Inbox(pause=lambda: said.append("pause"), resume=lambda: said.append("resume")), said


def test_what_has_arrived_is_read_before_the_end_is_told():
    async def main():
        box, _ = inbox()
        box.feed(b"hello")
        box.end(TransportError("gone"))
        box.end()
        assert [await box.read(3), await box.read(3)] == [b"hel", b"lo"]
        for _ in range(2):
            with pytest.raises(TransportError, match="gone"):
                await box.read(3)

    run(main())


def test_a_clean_end_is_an_empty_read_and_stays_one():
    async def main():
        box, _ = inbox()
        box.end()
        box.end(TransportError("too late"))
        assert box.ended
        assert [await box.read(1), await box.read(1)] == [b"", b""]

    run(main())


def test_a_reader_wakes_when_something_arrives():
    async def main():
        box, _ = inbox()
        reading = asyncio.ensure_future(box.read(10))
        await asyncio.sleep(1)
        assert not reading.done()
        box.feed(b"hello")
        assert await reading == b"hello"

    run(main())


def test_a_transport_is_paused_while_too_much_waits():
    async def main():
        box, said = inbox()
        box.feed(b"x" * HIGH_WATER)
        assert said == []
        box.feed(b"x")
        box.feed(b"x")
        assert said == ["pause"]
        await box.read(HIGH_WATER // 2)
        assert said == ["pause"]
        await box.read(10)
        assert said == ["pause", "resume"]

    run(main())


def test_a_gate_holds_back_until_it_is_opened():
    async def main():
        gate = WriteGate()
        await gate.wait()
        gate.close()
        waiting = asyncio.ensure_future(gate.wait())
        await asyncio.sleep(1)
        assert not waiting.done()
        gate.open()
        await waiting

    run(main())


def test_only_the_end_of_the_diagnostics_is_kept_and_nothing_that_moves_a_terminal():
    tail = Tail()
    tail.feed(b"x" * 10_000)
    tail.feed(b"\n\x1b[31mred\xff\n\n  end \n")
    assert len(str(tail)) <= TAIL
    assert tail.lines()[1:] == ["\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}", "end"]


class Slow:
    """A channel that takes one write at a time."""

    def __init__(self):
        self.written = []
        self.go = asyncio.Semaphore(0)

    async def write(self, data):
        await self.go.acquire()
        self.written.append(data)


def test_frames_leave_in_order_and_small_ones_together():
    async def main():
        outbox, channel = Outbox(limit=1000), Slow()
        sending = asyncio.ensure_future(outbox.send_to(channel))
        outbox.put(b"a")
        await asyncio.sleep(1)
        for frame in (b"b", b"c", b"d" * 300_000, b"e"):
            outbox.put(frame)
        for _ in range(4):
            channel.go.release()
        await asyncio.sleep(1)
        assert channel.written == [b"a", b"bc", b"d" * 300_000, b"e"]
        assert outbox.empty
        sending.cancel()

    run(main())


def test_whoever_waits_for_room_gets_it_when_something_has_left_or_all_is_over():
    async def main():
        outbox, channel = Outbox(limit=10), Slow()
        sending = asyncio.ensure_future(outbox.send_to(channel))
        outbox.put(b"x" * 10)
        waiting = asyncio.ensure_future(outbox.room())
        await asyncio.sleep(1)
        assert not waiting.done()
        channel.go.release()
        await waiting
        outbox.put(b"x" * 10)
        waiting = asyncio.ensure_future(outbox.room())
        await asyncio.sleep(1)
        outbox.close()
        await waiting
        sending.cancel()

    run(main())
