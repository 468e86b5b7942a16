"""What is done again and again is done together."""

import asyncio

import pytest

from reconciler.runtime import tick


@pytest.mark.parametrize(
    ("now", "seconds", "pause"), [(10.25, 1.0, 0.75), (10.25, 0.5, 0.25), (10.0, 1.0, 1.0), (10.25, 0, 0)]
)
async def test_a_tick_is_when_the_clock_comes_to_a_multiple(monkeypatch, now, seconds, pause):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    await tick(seconds)
    assert slept == [pause]
