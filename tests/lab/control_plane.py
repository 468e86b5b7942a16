"""A real Kubernetes control plane as a pytest fixture, on top of `tests/lab/cluster`.

A test that asks for `cluster` and is marked so gets one that runs and is empty of what the tests before it made. Its
binaries are built once, which takes minutes, and kept; where this machine cannot have one (exit status 69) the test is
skipped with the reason. As with the hosts, xdist keeps all of these tests on one worker.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(__file__).with_name("cluster")
UNAVAILABLE = 69
DIRECTORY = Path(os.environ.get("CLUSTER_DIR", "/var/tmp/froyo-cluster"))


class ClusterError(Exception):
    """A command of the cluster failed."""


class Cluster:
    """etcd, an API server and the controllers of this machine."""

    def run(self, *words: str) -> str:
        """What a command of `tests/lab/cluster` prints."""
        done = subprocess.run([str(COMMAND), *words], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError(f"cluster {shlex.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def kubectl(self, *words: str, given: str = "") -> str:
        """What kubectl prints, as an admin.

        Raises:
            ClusterError: with what it says.
        """
        done = subprocess.run(
            [str(COMMAND), "kubectl", *words], check=False, capture_output=True, text=True, input=given
        )
        if done.returncode != 0:
            raise ClusterError(done.stderr)
        return done.stdout

    def froyo(self, *words: str) -> str:
        """What froyo prints to an admin."""
        environ = {**os.environ, "KUBECONFIG": self.run("kubeconfig").strip()}
        command = [sys.executable, "-m", "reconciler.cli", *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environ)
        if done.returncode != 0:
            raise ClusterError(done.stdout + done.stderr)
        return done.stdout

    def get(self, *words: str) -> Any:
        """What `kubectl get -o json` finds."""
        return json.loads(self.kubectl("get", "-o", "json", *words))


@pytest.fixture(scope="session")
def _control_plane() -> Iterator[Cluster]:
    checked = subprocess.run([str(COMMAND), "check"], check=False, capture_output=True, text=True)
    if checked.returncode == UNAVAILABLE:
        pytest.skip(checked.stderr.strip() or checked.stdout.strip())
    DIRECTORY.parent.mkdir(parents=True, exist_ok=True)
    with DIRECTORY.with_name(DIRECTORY.name + ".tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = Cluster()
        cluster.run("up")
        yield cluster
        cluster.run("down")


@pytest.fixture
def cluster(_control_plane: Cluster) -> Iterator[Cluster]:
    """The control plane; the definitions and objects of froyo are removed afterwards."""
    yield _control_plane
    _control_plane.kubectl("delete", "crd", "-l", "app.kubernetes.io/part-of=openfroyo", "--ignore-not-found")
