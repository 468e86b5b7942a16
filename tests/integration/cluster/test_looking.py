"""`froyo get` and `froyo status` of a real API server: what they say, and why they cannot."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.cluster.conftest import running
from tests.lab.control_plane import COMMAND, OURS
from tests.lab.pod import ROOT, until

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

AWAY = 12
API = "froyo.dev/v1alpha1"
LINUX = "linux.froyo.dev/v1alpha1"


def froyo(kubeconfig, *words):
    """The exit status, and what is printed on both."""
    environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler.cli", *words],
        env=environ,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def kind(api, kind, name, **spec):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def apply(cluster, *objects):
    cluster.kubectl("apply", "--server-side", "-f", "-", given="\n---\n".join(map(json.dumps, objects)))


def test_what_statuses_say_is_told_as_a_daemon_tells_it(known, operator):
    admin = known.run("kubeconfig").strip()
    away = {"host": "127.0.0.1", "port": 1, "connectTimeout": "1s"}
    apply(
        known,
        kind(API, "Target", "here", local={}),
        *(kind(API, "Target", f"away-{number}", ssh=away) for number in range(AWAY)),
        kind(LINUX, "File", "one", target="here", path=f"{operator}/one", content="x"),
        kind(LINUX, "File", "each", targets={}, path=f"{operator}/each", content="x"),
        kind(LINUX, "File", "wrong", target="her", path=f"{operator}/wrong", content="x"),
    )
    known.kubectl("wait", "--for=condition=Ready", "ffile/one", "ftarget/here", "--timeout=60s")

    def told():
        code, out, _ = froyo(admin, "get", "--context", "lab", "-o", "json")
        assert code == 0
        found = json.loads(out)
        return found if sum(one["name"] == "each" for one in found["items"]) == 12 else None

    until(lambda: told() is not None)
    found = told()
    items = {(one["name"], one["target"]): one for one in found["items"]}
    assert items["one", "here"]["ready"] == "True"
    assert items["wrong", "her"]["reason"] == "Invalid"
    rest = [one for one in found["items"] if one["name"] == "each" and not one["target"]]
    assert [(one["ready"], one["instances"]) for one in rest] == [("Unknown", 2), ("True", 1)]
    assert "3 that are counted are not named" in found["leftOut"][0]
    # The same is said of it where the operator runs, of each target.
    state = operator / "state"
    mine = json.loads(froyo(admin, "get", "File/one", "--state", str(state), "-o", "json")[1])["items"]
    (theirs,) = json.loads(froyo(admin, "get", "File/one", "-n", "default", "-o", "json")[1])["items"]
    same = ("address", "ready", "reason", "message", "subject", "observedGeneration")
    assert [{key: one[key] for key in same} for one in mine] == [{key: theirs[key] for key in same}]

    code, out, err = froyo(admin, "status", "-A")
    assert code == 1, err  # a source has what is wrong, and targets are away
    assert "default/File/wrong: spec.target: there is no target her (did you mean 'here'?)" in out, err
    assert f"2 of {AWAY + 3} instances as declared" in out
    assert "problems of the operator itself" in err
    code, out, _ = froyo(admin, "get", "targets", "-A", "-o", "json")
    states = {one["name"]: one["conditions"][0]["status"] for one in json.loads(out)["items"]}
    assert (len(states), states["here"], states["away-3"]) == (AWAY + 1, "True", "False")


def test_why_they_cannot_say_anything_is_one_sentence(known, tmp_path):
    cluster = known
    cluster.kubectl("delete", "crd", "-l", OURS)
    admin = Path(cluster.run("kubeconfig").strip())
    nobody = cluster.run("user", "nobody").strip()

    def refused(kubeconfig, *words):
        for command in ("get", "status"):
            code, out, err = froyo(kubeconfig, command, *words)
            assert (code, out, err.count("\n")) == (1, "", 1), err
            yield err

    def changed(**cluster_says):
        document = yaml.safe_load(admin.read_text())
        document["clusters"][0]["cluster"].update(cluster_says)
        (tmp_path / "changed").write_text(yaml.safe_dump(document))
        return tmp_path / "changed"

    for err in refused(admin, "-A"):
        assert "the cluster does not serve " in err
        assert "froyo crd | kubectl apply --server-side -f -" in err
    cluster.define()
    for err in refused(nobody, "-n", "default"):
        assert "rights are missing in default: list " in err
        assert "froyo-view" in err
    for err in refused(nobody, "-A"):
        assert "rights are missing in all namespaces: list " in err
    for err in refused(admin, "--context", "lba"):
        assert "there is no context 'lba' in " in err
        assert "did you mean 'lab'?" in err
    for err in refused(changed(server="https://127.0.0.1:1"), "-A"):
        assert "https://127.0.0.1:1 cannot be reached: " in err
    other = yaml.safe_load(admin.read_text())["users"][0]["user"]["client-certificate-data"]
    for err in refused(changed(**{"certificate-authority-data": other}), "-A"):
        assert "its certificate is not to be trusted: " in err
    document = yaml.safe_load(admin.read_text())
    document["users"][0]["user"] = {"token": "no-such-token"}
    (tmp_path / "token").write_text(yaml.safe_dump(document))
    for err in refused(tmp_path / "token", "-A"):
        assert "does not know who asks" in err
        assert "no-such-token" not in err


@pytest.fixture
def below(known, tmp_path):
    """A kubeconfig for the same server below a path, as it is behind what has several, with a program that logs in."""
    words = [str(COMMAND), "kubectl", "proxy", "--port=0", "--api-prefix=/k8s/clusters/c-1/"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True) as proxy:
        port = proxy.stdout.readline().strip().rpartition(":")[2]
        login = tmp_path / "login"
        said = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": {"token": "x"},
        }
        login.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
        login.chmod(0o755)
        document = {
            "current-context": "below",
            "contexts": [{"name": "below", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}/k8s/clusters/c-1"}},
            ],
            "users": [
                {"name": "u", "user": {"exec": {"apiVersion": said["apiVersion"], "command": "./login"}}}
            ],
        }
        (tmp_path / "below").write_text(yaml.safe_dump(document))
        yield str(tmp_path / "below")
        os.killpg(proxy.pid, signal.SIGTERM)  # a shell has begun it


def test_a_server_below_a_path_is_looked_at_heard_and_written_to(known, below, tmp_path):
    apply(known, kind(API, "Target", "here", local={}))
    with running(below, tmp_path, "--namespace", "default"):
        until(lambda: known.get("ftarget", "here").get("status"))
        apply(known, kind(LINUX, "File", "one", target="here", path=f"{tmp_path}/one", content="x"))
        known.kubectl("wait", "--for=condition=Ready", "ffile/one", "--timeout=60s")
        code, out, err = froyo(below, "get", "File/one", "-n", "default", "-o", "json")
    assert (code, json.loads(out)["items"][0]["ready"]) == (0, "True"), err


def test_a_kind_that_is_not_served_is_said_and_holds_up_no_other(known):
    admin = known.run("kubeconfig").strip()
    apply(known, kind(API, "Target", "here", local={}))
    known.kubectl("delete", "crd", "reboots.linux.froyo.dev")
    try:
        code, out, err = froyo(admin, "get", "targets", "-A")
        assert code == 0
        assert "here" in out
        assert "the cluster does not serve: reboots.linux.froyo.dev" in err
    finally:
        known.define()
