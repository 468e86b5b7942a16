"""`froyo operator run` as a process, and as it is installed: the manifests applied, and its pod run."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.pod import COMPILED, Pod, needs_root, until

ROOT = Path(__file__).parents[3]
ESTABLISHED = ("--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=openfroyo")
CLUSTER_WIDE = "clusterrole,clusterrolebinding"


@pytest.fixture
def installed(cluster):
    """The manifests, applied as a person does; all of them are removed afterwards."""
    cluster.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests"))
    cluster.kubectl("wait", *ESTABLISHED)
    # The rights are put together by a controller.
    until(lambda: cluster.get("clusterrole", "froyo-operator").get("rules"))
    yield cluster
    # Nobody is left to take what keeps objects there off them.
    for namespace in ("default", "team"):
        cluster.froyo("operator", "release", "--namespace", namespace)
    cluster.kubectl("delete", CLUSTER_WIDE, "-l", "app.kubernetes.io/part-of=openfroyo")
    cluster.kubectl("delete", "namespace", "froyo-system", "--ignore-not-found")


@pytest.fixture
def pods(installed, tmp_path):
    """Runs the operator's pod; whatever runs of it at the end is ended."""
    needs_root()
    tmp_path.chmod(0o755)
    running = []

    def run(**words):
        running.append(Pod(installed, tmp_path, cache=COMPILED, **words))
        return running[-1]

    yield run
    for pod in running:
        if not pod.ended:
            pod.kill()


@pytest.fixture
def known(cluster):
    """A cluster that knows all kinds."""
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=openfroyo")
    return cluster


@contextmanager
def running(kubeconfig, directory, *options):
    """An operator that works with this configuration; its state and its log are in the directory."""
    environ = {**os.environ, "KUBECONFIG": kubeconfig, "FROYO_STATE": str(directory / "state")}
    words = [sys.executable, "-m", "reconciler.cli", "operator", "run", *options]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(words, env=environ, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 0, (directory / "log").read_text()


@pytest.fixture
def operator(known, tmp_path):
    """A directory for the objects of the namespace `default` to have their files in; the operator's log is in it."""
    with running(known.run("kubeconfig").strip(), tmp_path, "--namespace", "default"):
        yield tmp_path
