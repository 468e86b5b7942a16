import threading

import pytest

from reconciler.plugins import watchdog as module
from reconciler.plugins.watchdog import Watchdog


@pytest.fixture(autouse=True)
def fast_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.001)


def test_stops_what_takes_too_long() -> None:
    barked = threading.Event()
    watchdog = Watchdog(barked.set)
    with watchdog.watching(0.002) as stopped:
        assert barked.wait(60)
    assert stopped()
    watchdog.close()


def test_leaves_alone_what_is_in_time() -> None:
    barks: list[int] = []
    watchdog = Watchdog(lambda: barks.append(1))
    for _ in range(100):
        with watchdog.watching(1000) as stopped:
            pass
        assert not stopped()
    watchdog.close()
    assert barks == []


def test_watches_again_after_it_has_slept() -> None:
    barked = threading.Event()
    watchdog = Watchdog(barked.set)
    with watchdog.watching(1000):
        pass
    # Asleep once it has seen nothing for some ticks.
    waiting = threading.Event()
    while watchdog._entered.is_set():
        waiting.wait(0.001)
    with watchdog.watching(0.002) as stopped:
        assert barked.wait(60)
    assert stopped()
    watchdog.close()


def test_what_was_stopped_does_not_stop_what_follows() -> None:
    barks = threading.Semaphore(0)
    watchdog = Watchdog(barks.release)
    with watchdog.watching(0.002):
        assert barks.acquire(timeout=60)
    with watchdog.watching(1000) as stopped:
        assert not barks.acquire(timeout=0.01)
    assert not stopped()
    watchdog.close()


def test_can_be_closed_before_it_was_ever_needed_and_twice() -> None:
    watchdog = Watchdog(lambda: None)
    watchdog.close()
    watchdog.close()
