"""A daemon gives back what it needed once."""

import asyncio
import ctypes
import mmap

import pytest

from reconciler.app import memory


class Enough(Exception):
    """Ends a task that would go on for ever."""


async def given_back(monkeypatch, revisions):
    """The looks after which memory was given back, one revision a look."""
    looks, found = [], []

    async def sleep(_seconds):
        if len(looks) == len(revisions):
            raise Enough
        looks.append(revisions[len(looks)])

    async def offload(lane, function):
        assert (lane, function) == (memory.LANE, memory.give_back)
        found.append(len(looks))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(Enough):
        await memory.keep_small(lambda: looks[-1], offload)
    return found


async def test_after_each_new_revision_and_now_and_then(monkeypatch):
    assert await given_back(monkeypatch, ["", "a", "a", "b", "b", "a"]) == [2, 4, 6]
    assert await given_back(monkeypatch, ["a"] * (memory.EVERY * 2 + 1)) == [
        1,
        memory.EVERY,
        memory.EVERY * 2,
    ]


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
