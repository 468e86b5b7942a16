"""A daemon gives back what it needed once."""

import asyncio
import ctypes
import mmap

import pytest

from reconciler.app import memory
from reconciler.store.feed import MOST, Feed
from reconciler.store.records import Receipt
from tests.sim.loop import run


def test_after_each_new_revision_and_now_and_then():
    async def play():
        feed, given_back, now = Feed(), [], asyncio.get_running_loop().time

        async def offload(lane, function):
            assert (lane, function) == (memory.LANE, memory.give_back)
            given_back.append(now())

        task = asyncio.create_task(memory.keep_small(feed, offload))
        for after, receipt in (
            (1.0, Receipt(objects=("web-1/File/motd",))),
            (1.0, Receipt(objects=("Source/srv/site", "web-1/File/motd"))),
            (memory.AFTER + 1.0, Receipt(objects=tuple(f"m/File/{n}" for n in range(MOST + 1)))),
        ):
            await asyncio.sleep(after)
            feed.committed(receipt)
        await asyncio.sleep(memory.AFTER + memory.AGAIN + memory.EVERY + 1.0)
        task.cancel()
        await asyncio.wait([task])
        first, second = 2.0 + memory.AFTER, 3.0 + 2 * memory.AFTER
        third = second + memory.AGAIN
        assert given_back == [first, second, third, third + memory.EVERY]

    run(play())


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library gives back nothing")
def test_what_is_free_in_the_middle_of_the_heap_is_given_back():
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    size, count = 100_000, 1000  # below what malloc maps apart
    blocks = [libc.malloc(size) for _ in range(count)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    held = libc.malloc(size)  # and nothing at the end can be given back by itself
    for block in blocks:
        libc.free(block)
    before = resident()
    memory.give_back()
    libc.free(held)
    assert before - resident() > size * count // 2


def test_a_c_library_without_it_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: object())
    memory.give_back()
