"""A real Kubernetes control plane as a pytest fixture, on top of `tests/lab/cluster`.

A test that asks for `cluster` and is marked so gets one that runs, with none of our objects in it. Definitions are kept
from test to test, since to remove them takes longer than most tests do; who asks for `known` has all of them, and who
takes one away has it back by that. The binaries are built once, which takes minutes, and kept (`make cluster`); where
they are not there the test is skipped with the reason. As with the hosts, xdist keeps all of these tests on one worker.
"""

from __future__ import annotations

import fcntl
import functools
import http.client
import json
import os
import shlex
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(__file__).with_name("cluster")
UNAVAILABLE = 69
DIRECTORY = Path(os.environ.get("CLUSTER_DIR", "/var/tmp/froyo-cluster"))
ROOT = Path(__file__).parents[2]
OURS = "app.kubernetes.io/part-of=openfroyo"
_DEFINITIONS = (
    f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions?labelSelector={OURS.replace('/', '%2F')}"
)


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

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the API server answers to an admin: sooner than kubectl does. The body of a PATCH is a merge patch.

        Returns:
            The document; None where there is no such thing.

        Raises:
            ClusterError: with what it says.
        """
        where = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self._admin)
        try:
            given = None if body is None else json.dumps(body)
            form = "application/merge-patch+json" if method == "PATCH" else "application/json"
            where.request(method, path, given, {"Content-Type": form})
            answer = where.getresponse()
            said = answer.read()
        finally:
            where.close()
        if answer.status == http.HTTPStatus.TOO_MANY_REQUESTS:  # its storage of a kind is just beginning
            time.sleep(int(answer.getheader("Retry-After", "1")))
            return self.ask(method, path, body)
        if answer.status == http.HTTPStatus.NOT_FOUND:
            return None
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise ClusterError(f"{method} {path}: {answer.status} {said.decode()}")
        return json.loads(said)

    @property
    def port(self) -> int:
        """Where the API server listens."""
        return int(os.environ.get("CLUSTER_PORT", "26443"))

    @functools.cached_property
    def _admin(self) -> ssl.SSLContext:
        keys = DIRECTORY / "keys"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        return context

    def define(self) -> None:
        """Have it know all kinds."""
        there = {
            one["metadata"]["name"]
            for one in self.ask("GET", _DEFINITIONS)["items"]
            for said in one.get("status", {}).get("conditions", ())
            if said["type"] == "Established" and said["status"] == "True"
        }
        if not {path.stem for path in (ROOT / "crds").glob("*.yaml")} <= there:
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
            self.kubectl("wait", "--for=condition=Established", "crd", "-l", OURS)

    def install(self, overlay: str = "") -> None:
        """Have everything else of the manifests applied, as it stands there.

        Args:
            overlay: the name of one; the manifests without any of them if none is given.
        """
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=self._manifests(overlay))

    @functools.lru_cache  # noqa: B019 - there is one cluster
    def _manifests(self, overlay: str) -> str:
        path = ROOT / "manifests" / "overlays" / overlay if overlay else ROOT / "manifests"
        documents = self.kubectl("kustomize", str(path)).split("\n---\n")
        return "\n---\n".join(one for one in documents if "\nkind: CustomResourceDefinition\n" not in one)

    def empty(self) -> None:
        """Remove all objects of ours, and what was told of them, whatever they would wait for."""
        for one in self.ask("GET", _DEFINITIONS)["items"]:
            spec = one["spec"]
            [version] = [version["name"] for version in spec["versions"] if version["storage"]]
            kind = f"/apis/{spec['group']}/{version}"
            plural = spec["names"]["plural"]
            for found in (self.ask("GET", f"{kind}/{plural}") or {"items": ()})["items"]:
                metadata = found["metadata"]
                where = f"{kind}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"
                if metadata.get("finalizers"):
                    self.ask("PATCH", where, {"metadata": {"finalizers": None}})
                self.ask("DELETE", where)
        self.ask("DELETE", "/apis/events.k8s.io/v1/namespaces/default/events")


@pytest.fixture(scope="session")
def _control_plane() -> Iterator[Cluster]:
    checked = subprocess.run([str(COMMAND), "built"], check=False, capture_output=True, text=True)
    if checked.returncode == UNAVAILABLE:
        pytest.skip(checked.stderr.strip() or checked.stdout.strip())
    DIRECTORY.parent.mkdir(parents=True, exist_ok=True)
    with DIRECTORY.with_name(DIRECTORY.name + ".tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = Cluster()
        cluster.run("down")  # one that a run left that was killed
        cluster.run("up")
        yield cluster
        cluster.run("down")


@pytest.fixture
def cluster(_control_plane: Cluster) -> Iterator[Cluster]:
    """The control plane; the objects of froyo are removed afterwards."""
    yield _control_plane
    try:
        _control_plane.empty()
    except OSError:
        _control_plane.run("up")  # the test has failed while a part of it was away
        _control_plane.empty()


@pytest.fixture
def known(cluster: Cluster) -> Cluster:
    """A cluster that knows all kinds."""
    cluster.define()
    return cluster
