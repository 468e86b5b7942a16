"""Every change that short-lived processes make is noticed when it happens, not at the next rescan, and put right."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.site import instance, local, until

FILES = 40
HANDS = 4
LATE = 10.0
"""Seconds: far more than any repair takes that begins with a notice, far less than one that waits for a rescan."""
WAYS = (
    'echo spoiled >"$0"',
    'echo spoiled >"$0.new"; exec mv "$0.new" "$0"',
    'echo spoiled >>"$0"',
    'exec chmod 600 "$0"',
    'exec rm "$0"',
)


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


@pytest.mark.parametrize(
    "overwrites",
    [pytest.param(1_000, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.e2e)],
)
def test_none_of_many_overwrites_is_missed(site, overwrites):
    paths = [site.world / f"f{n}" for n in range(FILES)]
    site.declare(local(), *(instance("File", p.name, p, content=f"{p.name}\n", mode="0644") for p in paths))
    daemon = site.up()
    daemon.until_ready(FILES)
    until("it has settled", lambda: len(daemon.events(reason="Created")) == FILES)
    before = daemon.last_event()

    def right(path):
        try:
            return path.read_text() == f"{path.name}\n" and os.stat(path).st_mode & 0o7777 == 0o644
        except FileNotFoundError:
            return False

    def spoil(hand):
        took = []
        for number in range(hand, overwrites, HANDS):
            # One hand has its files to itself: the next overwrite of a file comes when the last has been repaired.
            path = paths[number % FILES]
            subprocess.run(["sh", "-c", WAYS[number % len(WAYS)], path], check=True)
            began = time.monotonic()
            until(f"{path.name} is right", lambda: right(path))  # noqa: B023 - called at once
            took.append(time.monotonic() - began)
        return took

    assert FILES % HANDS == 0
    with ThreadPoolExecutor(HANDS) as hands:
        took = sorted(t for times in hands.map(spoil, range(HANDS)) for t in times)
    assert len(took) == overwrites

    daemon.until_ready(FILES)

    def on_record():
        return sum(event["data"].get("times", 1) for event in daemon.events(after=before, reason="Repaired"))

    # What came too often for each to be an event is told when its minute is over.
    until("all of it is on record", lambda: on_record() >= overwrites, patience=100)
    repaired = daemon.events(after=before, reason="Repaired")
    noticed = [event["duration"] for event in repaired if "duration" in event]
    for what, values in (("after the process had ended", took), ("after the notice", noticed)):
        numbers = ", ".join(
            f"{name} {percentile(values, part) * 1000:.1f} ms"
            for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        )
        print(f"{overwrites} overwrites: right again {numbers} {what}")  # noqa: T201 - for who reads the report
    # What was not noticed waits for a rescan, of which there is one a minute. What a look found that was due anyway has
    # no time: the rescan, and the one right after each repair, may come upon a change before it was heard of.
    late = sum(seconds > LATE for seconds in took)
    unheard = len(repaired) - len(noticed)
    print(f"{late} waited for a rescan, {unheard} were found before they were heard of")  # noqa: T201 - as above
    assert daemon.terminate() == 0
    site.assert_nothing_is_left()
