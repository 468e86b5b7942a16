"""`kubectl apply -k manifests/`, and the operator as its pod would run: that user, those rights, a read-only root."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.lab.control_plane import COMMAND
from tests.lab.pod import ROOT, until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

OBJECTS = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, namespace: default}
spec: {local: {}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: made, namespace: default}
spec: {target: here, path: /tmp/made, content: "%s"}
"""


def made(pod):
    """What the pod has in its own /tmp."""
    path = pod.directory / f"{pod.name}.tmp" / "made"
    return path.read_text() if path.exists() else None


def test_what_is_applied_is_admitted_under_restricted_and_runs_as_nobody_on_a_read_only_root(installed, pods):
    # As a person does it.
    installed.kubectl("apply", "--server-side", "-k", str(ROOT / "manifests"))
    assert installed.get("namespace", "froyo-system")["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"
    ] == ("restricted")
    # No kubelet runs it; that the server has made it shows that it was admitted.
    until(lambda: installed.get("pods", "--namespace", "froyo-system")["items"])
    pod = pods()
    until(lambda: pod.probe("readinessProbe")[0] == 200, pod)
    assert pod.probe("livenessProbe")[0] == 200
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pod.pid}/status").read_text().splitlines() if ":" in line
    )
    assert status["Uid"].split() == ["65534"] * 4
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    mounts = Path(f"/proc/{pod.pid}/mounts").read_text().splitlines()
    root = next(line for line in mounts if line.split()[1] == "/")
    assert "ro" in root.split()[3].split(",")

    installed.kubectl("apply", "-f", "-", given=OBJECTS % "hello")
    until(lambda: made(pod) == "hello", pod)
    installed.kubectl("wait", "--for=condition=Ready", "ffile/made", "--timeout=60s")
    assert "missing" not in pod.text
    assert pod.terminate() == 0

    # What it keeps outlives it, and the volume may be used by a group as kubelets have it.
    state = pod.directory / "state" / "state"
    assert (state.stat().st_uid, oct(state.stat().st_mode)) == (65534, "0o42700")
    again = pods()
    installed.kubectl("apply", "-f", "-", given=OBJECTS % "again")
    until(lambda: made(again) == "again", again)
    assert again.terminate() == 0


@pytest.mark.e2e
def test_a_token_that_is_exchanged_is_used(installed, pods):
    pod = pods()
    installed.kubectl("apply", "-f", "-", given=OBJECTS % "one")
    until(lambda: made(pod) == "one", pod)
    # The old one counts no longer from here on: its account is another one of the same name.
    installed.kubectl("delete", "serviceaccount", "froyo-operator", "--namespace", "froyo-system")
    installed.kubectl("create", "serviceaccount", "froyo-operator", "--namespace", "froyo-system")
    pod.renew_token()
    installed.kubectl("apply", "-f", "-", given=OBJECTS % "two")
    until(lambda: made(pod) == "two", pod)
    assert pod.terminate() == 0


def as_user(cluster, name, namespace, *words):
    """What a person may do who has a ClusterRole in a namespace."""
    config = cluster.run("user", name, "people").strip()
    return subprocess.run(
        [str(COMMAND), "kubectl", "--kubeconfig", config, "auth", "can-i", *words, "--namespace", namespace],
        check=False,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    ).stdout.strip()


@pytest.mark.e2e
def test_view_edit_and_admin_of_a_namespace_mean_these_objects_too(installed):
    for name in ("view", "edit"):
        installed.kubectl(
            "create", "rolebinding", f"people-{name}", f"--clusterrole={name}", f"--user={name}er"
        )
        until(
            lambda name=name: any(
                "linux.froyo.dev" in rule.get("apiGroups", ())
                for rule in installed.get("clusterrole", name)["rules"]
            )
        )
    try:
        asked = [("viewer", "get", "yes"), ("viewer", "delete", "no"), ("editer", "patch", "yes")]
        for who, verb, said in asked:
            for kind in ("files.linux.froyo.dev", "targets.froyo.dev", "httpprobes.probe.froyo.dev"):
                assert as_user(installed, who, "default", verb, kind) == said
        assert (
            as_user(installed, "editer", "default", "patch", "files.linux.froyo.dev", "--subresource=status")
            == "no"
        )
        assert as_user(installed, "editer", "kube-system", "get", "files.linux.froyo.dev") == "no"
    finally:
        installed.kubectl("delete", "rolebinding", "people-view", "people-edit")
