"""A site for each test, and an end to whatever it has started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import CACHE, ROOT, Daemon, Site


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The artefacts, and a place for compiled providers that is kept from one run of the tests to the next."""
    if not (ROOT / "reconciler" / "_artifacts" / "python-runtime.wasm").exists():
        pytest.skip("the artefacts are not built: make build")
    CACHE.mkdir(mode=0o700, parents=True, exist_ok=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site, whose daemons and runners are gone afterwards."""
    found = Site(tmp_path)
    started: list[Daemon] = []
    real = Daemon.__post_init__

    def note(daemon: Daemon) -> None:
        real(daemon)
        started.append(daemon)

    monkeypatch.setattr(Daemon, "__post_init__", note)
    for directory in (found.manifests, found.world, tmp_path / "home"):
        directory.mkdir()
    found.state.mkdir(mode=0o700)
    yield found
    for daemon in started:
        if daemon.process.poll() is None:
            daemon.kill()
    for runner in found.runners():
        try:
            os.kill(runner, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture
def tmpfs(site: Site) -> Iterator[Path]:
    """A small file system of its own, 4 MiB, in the site's world."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    path = site.world / "disk"
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "tmpfs", path], check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)
