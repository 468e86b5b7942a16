"""`froyo operator run` as a process, and as it is installed: the manifests applied, and its pod run."""

import fcntl
import os
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.lab.pod import COMPILED, Pod, needs_root, until

_NAMESPACE = "froyo-system"
PORTS = Path("/var/tmp/froyo-pods.lock")


@pytest.fixture
def installed(known):
    """What the manifests have, applied as it stands there; what hears of objects is away again afterwards."""
    known.install()
    # The rights are put together by a controller.
    until(lambda: known.get("clusterrole", "froyo-operator").get("rules"))
    yield known
    hears = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/froyo-operator"
    known.ask("DELETE", hears)
    known.ask("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{_NAMESPACE}/leases/froyo-operator")


@pytest.fixture
def pods(installed, tmp_path):
    """Runs the operator's pod; whatever runs of it at the end is ended. No two tests of a machine do so at once."""
    needs_root()
    tmp_path.chmod(0o755)
    running = []
    with PORTS.open("w") as lock:
        # Its ports are those of the manifests, and the network is the machine's.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield partial(_run, running, installed, tmp_path)
        for pod in running:
            if not pod.ended:
                pod.kill()


def _run(running, cluster, directory, **words):
    running.append(Pod(cluster, directory, cache=COMPILED, **words))
    return running[-1]


@pytest.fixture
def asked(installed, pods):
    """The operator's pod, asked by the API server: nobody routes to Services here, so its address is this machine's."""
    address = installed.get("service", "froyo-webhook", "-n", "froyo-system")["spec"]["clusterIP"]
    subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
    pod = pods()

    def known():
        [webhook] = installed.get("validatingwebhookconfiguration", "froyo-operator")["webhooks"]
        return webhook["clientConfig"].get("caBundle")

    until(known, pod)
    until(lambda: pod.probe("readinessProbe")[0] == 200, pod)
    yield pod
    subprocess.run(["ip", "address", "delete", f"{address}/32", "dev", "lo"], check=True)


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
