"""What was fetched for sources that are no more goes, and nothing else does."""

import fcntl
import os
from types import SimpleNamespace

import pytest

from reconciler.app.tidying import forget_repository, tidy
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing
from watchers.git.leftovers import UNUSED, discard, own_directory, sweep

NOW = 2_000_000_000.0


@pytest.fixture
def fetched(tmp_path):
    def make(source, *, age=0.0):
        path = own_directory(tmp_path, source)
        os.makedirs(f"{path}/repository.git/objects/pack")
        open(f"{path}/lock", "w").close()
        for directory, _, _ in os.walk(path):
            os.utime(directory, (NOW - age, NOW - age))
        return path

    return make


def test_what_belongs_to_no_source_goes_once_nobody_has_used_it_for_a_week(fetched, tmp_path):
    old, kept = fetched("old", age=UNUSED + 1), fetched("kept", age=UNUSED + 1)
    young = fetched("young", age=UNUSED - 1)
    (tmp_path / "something-else").mkdir()
    os.utime(tmp_path / "something-else", (0, 0))
    assert sweep(tmp_path, ["kept"], now=NOW) == [os.path.basename(old)]
    assert sorted(os.listdir(tmp_path)) == sorted(
        [os.path.basename(kept), os.path.basename(young), "something-else"]
    )
    assert sweep(tmp_path / "nowhere", [], now=NOW) == []


def test_what_somebody_fetches_into_is_left(fetched):
    path = fetched("busy")
    with open(f"{path}/lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not discard(path)
    assert os.path.exists(path)
    assert discard(path)
    assert discard(path)


def test_what_nothing_was_ever_fetched_into_goes_as_well(tmp_path):
    path = own_directory(tmp_path, "begun")
    os.makedirs(f"{path}/home")
    assert discard(path)


def there(*paths):
    return [os.path.exists(path) for path in paths]


async def test_a_daemon_removes_what_is_on_no_record(fetched, tmp_path):
    old, served = fetched("old", age=UNUSED + 1), fetched("served", age=UNUSED + 1)
    on_record, state = fetched("on record", age=UNUSED + 1), fetched("known", age=UNUSED + 1)
    lanes = ThreadLanes()
    runtime = Runtime(connect=connect_nothing, offload=lanes, now=lambda: NOW)

    class Store:
        async def revisions(self):
            return [SimpleNamespace(source="on record")]

        async def load_source_states(self):
            return {"known": None}

    places = SimpleNamespace(repositories=tmp_path)
    await tidy(places, runtime, Store(), ["served"])
    assert there(old, served, on_record, state) == [False, True, True, True]
    await forget_repository(places, runtime, "known")
    assert there(state) == [False]

    class Broken(Store):
        async def revisions(self):
            raise OSError("gone")

    await tidy(places, runtime, Broken(), [])
    lanes.close()
