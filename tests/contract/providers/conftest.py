"""The real host for tests, with everything that is expensive made once for a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.plugins.host import PluginHost
from reconciler.runtime import Runtime, ThreadLanes
from tests.contract.providers.packages import granted, packages_of
from tests.warming import warm as warmed

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """The artefacts, with a Python runtime that is up to date."""
    done = subprocess.run(
        [sys.executable, "hatch_build.py", "runtime"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.nice(10),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "reconciler" / "_artifacts"


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    """Compiled components, kept from one run of the tests to the next."""
    directory = ROOT / "build" / "components"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


@pytest.fixture
def lanes() -> Iterator[ThreadLanes]:
    lanes = ThreadLanes()
    yield lanes
    lanes.close()


async def no_connection(target: object) -> Any:
    raise AssertionError("a provider host connects to nothing")


class Audit(list[tuple[str, dict[str, Any]]]):
    """What was audited."""

    def __call__(self, event: str, facts: Any) -> None:
        self.append((event, dict(facts)))


@pytest.fixture
def audit() -> Audit:
    return Audit()


MakeHost = Callable[..., Awaitable[PluginHost]]


@pytest.fixture
async def make_host(
    artifacts: Path, cache_dir: Path, lanes: ThreadLanes, audit: Audit, tmp_path: Path
) -> AsyncIterator[MakeHost]:
    """Gives a host of the packages below tmp_path."""
    hosts: list[PluginHost] = []

    async def make(*, warm: bool = False, **settings: Any) -> PluginHost:
        packages = packages_of(tmp_path)
        settings = {
            "grants": granted(packages),
            "cache_dir": cache_dir,
            "artifacts": artifacts,
            "spares": 0,
        } | settings
        runtime = Runtime(connect=no_connection, offload=lanes)
        hosts.append(PluginHost(packages, runtime=runtime, audit=audit, **settings))
        if warm:
            await warmed(hosts[-1])
        return hosts[-1]

    yield make
    for host in hosts:
        await host.close()
