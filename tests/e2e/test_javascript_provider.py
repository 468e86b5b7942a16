"""The example in another language: built with its own toolchain, it keeps what every package keeps."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.kit.hosts import declare
from tests.e2e.site import ROOT
from tests.lab.fixture import Lab

pytestmark = pytest.mark.e2e
EXAMPLE = ROOT / "examples" / "javascript-provider"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with its plugin.wasm."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine, and the example is JavaScript")
    directory = tmp_path_factory.mktemp("example") / "example.marker"
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("node_modules", "plugin.wasm"))
    installed = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"], cwd=directory, capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"what the example is built with cannot be had here: {installed.stderr.strip()[-300:]}")
    wit = {"FROYO_WIT": str(ROOT / "providers" / "runtime" / "wit")}
    subprocess.run(["npm", "run", "build"], cwd=directory, env={**os.environ, **wit}, check=True)
    return directory


@pytest.mark.parametrize("world", ["memory", "local"])
def test_it_passes_the_kit(built: Path, world: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["froyo", "provider", "test", str(built), "--target", world, "--state", str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keeps all 14 properties" in done.stdout


@pytest.mark.lab
def test_it_passes_the_kit_on_a_host(built: Path, lab: Lab, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    declare(site, lab, lab.host("h1"))
    done = subprocess.run(
        ["froyo", "provider", "test", built, "--target", "h1", "--site", site, "--state", tmp_path / "state"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keeps all 15 properties" in done.stdout
