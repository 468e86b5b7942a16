"""The engine in simulated worlds: at least two hundred of them, each from one seed, and each the same every time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.mutations import BEGIN_AT, LONG, MUTATIONS

ROOT = Path(__file__).parents[2]
CHUNK = 20
CHUNKS = 10
MOST = 200
"""Seeds within which each of the defects put in on purpose must be found, from where it is looked for."""


def simulated(*arguments: str, covered: bool = False) -> "subprocess.CompletedProcess[str]":
    # A process of its own: names are hashed there as in every replay.
    environ = os.environ | {
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "providers" / "sdk")]),
    }
    if not covered:  # counting lines makes a run two and a half times as long
        environ.pop("COVERAGE_PROCESS_CONFIG", None)
    return subprocess.run(
        [sys.executable, "-m", "tests.sim", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_everything_comes_right_once_the_trouble_ends(chunk):
    done = simulated("--start", str(chunk * CHUNK), "--seeds", str(CHUNK), covered=chunk == 0)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_controllers_that_take_over_from_each_other_change_no_target_two_at_a_time():
    done = simulated("--seeds", "8", "--several")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_controllers_that_share_the_targets_work_on_none_by_two_and_lose_nothing():
    done = simulated("--seeds", "2", "--shared")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_a_namespace_has_nothing_of_another_one_nor_of_the_operator():
    done = simulated("--seeds", "6", "--namespaces")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_a_seed_tells_the_same_story_each_time():
    one, other = simulated("--seed", "17"), simulated("--seed", "17")
    assert "history" in one.stdout
    assert one.stdout.splitlines()[0] == other.stdout.splitlines()[0]


def each_of(mutations):
    return [pytest.param(one, marks=[pytest.mark.e2e] if one in LONG else []) for one in mutations]


@pytest.mark.parametrize("mutation", each_of(MUTATIONS))
def test_a_defect_that_is_put_in_is_found(mutation):
    begin = str(BEGIN_AT.get(mutation, 0))
    done = simulated("--start", begin, "--seeds", str(MOST), "--mutation", mutation)
    assert done.returncode == 1, done.stdout
    assert "fails:" in done.stdout, f"{done.stdout}\n{done.stderr}"
    # By what it does, and not since it does not fit the engine any more.
    assert "this is a defect" not in done.stdout


def test_a_revision_reaches_a_fleet_wave_by_wave_whatever_happens():
    done = simulated("--rollouts", "--seeds", "1", "--hosts", "20")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
