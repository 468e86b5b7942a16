"""`froyo operator run` as a process, for the tests that need one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def known(cluster):
    """A cluster that knows all kinds."""
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=openfroyo")
    return cluster


@pytest.fixture
def operator(known, tmp_path):
    """A directory for the objects of the namespace `default` to have their files in; the operator's log is in it."""
    environ = {
        **os.environ,
        "KUBECONFIG": known.run("kubeconfig").strip(),
        "FROYO_STATE": str(tmp_path / "state"),
    }
    words = [sys.executable, "-m", "reconciler.cli", "operator", "run", "--namespace", "default"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(words, env=environ, stdout=log, stderr=log)
    yield tmp_path
    process.terminate()
    assert process.wait(60) == 0, (tmp_path / "log").read_text()
