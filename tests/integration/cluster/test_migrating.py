"""`froyo migrate` with a real API server, and what is on record passing from a daemon to an operator and back."""

import base64
import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.integration.cluster.conftest import running
from tests.lab.control_plane import ClusterError
from tests.lab.pod import ROOT, until
from tests.site_of_everything import SECRETS, written
from tests.unit.cli.test_migrating import declared
from watchers.kubernetes.kubeconfig import access

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

SITE = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {{name: here}}
spec: {{local: {{}}}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: created}}
spec: {{target: here, path: "{host}/created", source: body, deletion: delete}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: replaced}}
spec: {{target: here, path: "{host}/replaced", content: "ours\\n", deletion: delete}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {{name: also}}
spec: {{target: here, path: "{host}/also", content: "also\\n", deletion: delete}}
"""
ALL = "alert,exec.linux.froyo.dev,ffile,finventory,ftarget,fvars"


@pytest.fixture
def froyo(known, tmp_path):
    """Runs a command as an admin; what it printed, and what it told."""
    environ = {
        **os.environ,
        "KUBECONFIG": known.run("kubeconfig").strip(),
        "FROYO_STATE": str(tmp_path / "state"),
    }
    (tmp_path / "state").mkdir(mode=0o700)

    def call(*words, state=None, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "reconciler.cli", *map(str, words)],
            env=environ | ({"FROYO_STATE": str(state)} if state else {}),
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout, done.stderr

    yield call
    kept = ("secret/froyo-secrets", "secret/froyo-identities", "configmap/froyo-known-hosts")
    known.kubectl("delete", *kept, "--ignore-not-found")


def test_there_and_back_again_through_a_real_api_server(known, froyo, tmp_path):
    site, state = written(tmp_path / "site", tmp_path / "state" / "secrets"), tmp_path / "state"
    before = declared(site, state)
    _, err = froyo("migrate", "to-cluster", site, "--apply", "--context", "lab")
    assert "16 objects of the namespace default applied" in err
    data = known.get("secret", "froyo-secrets")["data"]
    assert base64.b64decode(data["db"]).decode() == SECRETS["db"]
    # Whoever goes on with kubectl has no conflict, and changes nothing.
    froyo("migrate", "to-cluster", site, "--into", tmp_path / "objects.yaml")
    known.kubectl("apply", "--server-side", "-f", str(tmp_path / "objects.yaml"))
    assert {one["metadata"]["generation"] for one in known.get("ffile")["items"]} == {1}
    froyo("migrate", "from-cluster", tmp_path / "back", "-n", "default")
    assert declared(tmp_path / "back", state) == before

    # What is not taken is said, and then nothing of it is there.
    known.kubectl("delete", ALL, "--all")
    known.kubectl("delete", "secret", "froyo-secrets", "froyo-identities")
    (site / "site.yaml").write_text((site / "site.yaml").read_text() + "---\n" + json.dumps(vars_of("web")))
    _, err = froyo("migrate", "to-cluster", site, "--apply", code=1)
    assert "objects of several namespaces: default, web" in err
    (site / "site.yaml").write_text(json.dumps(vars_of("nowhere")).replace("w1", "h") + "\n---\n" + HOME)
    _, err = froyo("migrate", "to-cluster", site, "--apply", code=1)
    assert 'namespaces "nowhere" not found; nothing was written' in err
    with pytest.raises(ClusterError):
        known.get("secret", "froyo-secrets")
    nobody = known.run("user", "nobody").strip()
    _, err = froyo("migrate", "from-cluster", tmp_path / "none", "--kubeconfig", nobody, code=1)
    assert "rights are missing in default: list" in err
    assert access({}, file=nobody).context


def vars_of(namespace):
    spec = {"targets": {}, "values": {"a": 1}}
    metadata = {"name": "x", "namespace": namespace}
    return {"apiVersion": "froyo.dev/v1alpha1", "kind": "Vars", "metadata": metadata, "spec": spec}


HOME = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: h, namespace: nowhere}
spec: {local: {}}
"""


@contextmanager
def up(directory, state, log):
    """A daemon."""
    words = [sys.executable, "-m", "reconciler.cli", "up", str(directory)]
    with log.open("w") as out:
        process = subprocess.Popen(
            words, env={**os.environ, "FROYO_STATE": str(state)}, stdout=out, stderr=out
        )
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(60)
    assert code == 0, log.read_text()


def test_what_is_on_record_passes_over_and_back_and_nothing_is_done_again(known, froyo, tmp_path):
    host, site, state = tmp_path / "host", tmp_path / "site", tmp_path / "state"
    for directory in (host, site):
        directory.mkdir()
    (host / "replaced").write_text("before us\n")
    (site / "body").write_text("body\n")
    (site / "site.yaml").write_text(SITE.format(host=host))

    def looks():
        return {
            one.name: (one.stat().st_ino, one.stat().st_mtime_ns, one.read_text()) for one in host.iterdir()
        }

    def all_ready(where, source):
        items = json.loads(froyo("get", "-o", "json", state=where)[0])["items"]
        sources = json.loads(froyo("get", "sources", "-o", "json", state=where)[0])["items"]
        in_force = any(
            one["name"] == source and [each["status"] for each in one["conditions"]] == ["True"]
            for one in sources
        )
        return in_force and len(items) == 3 and all(one["ready"] == "True" for one in items)

    def changes(where):
        done = ("Created", "Updated", "Repaired", "Removed", "Moved")
        events = json.loads(froyo("events", "-o", "json", state=where)[0])["items"]
        return [(one["object"], one["reason"]) for one in events if one["reason"] in done]

    with up(site, state, tmp_path / "up.log"):
        until(lambda: (state / "froyo.sock").exists() and all_ready(state, str(site)))
    before = looks()
    made = changes(state)
    assert sorted(made) == [
        ("here/File/also", "Created"),
        ("here/File/created", "Created"),
        ("here/File/replaced", "Updated"),
    ]

    # To the cluster: the daemon has ended, its store becomes the operator's, and the objects are written.
    froyo("backup", tmp_path / "backup")
    froyo("migrate", "to-cluster", site, "--apply")
    operated = tmp_path / "operated" / "state"
    operated.parent.mkdir()
    froyo("restore", "--backup", tmp_path / "backup", state=operated)
    with running(known.run("kubeconfig").strip(), operated.parent, "--namespace", "default"):
        known.kubectl("wait", "--for=condition=Ready", "ffile", "--all", "--timeout=60s")
        until(lambda: all_ready(operated, "kubernetes:default"))
        # The directory is on record still, and nobody else may remove what it declared: it is forgotten.
        froyo("forget", site, state=operated)
        assert all_ready(operated, "kubernetes:default")
        assert (looks(), changes(operated)) == (before, made)
        known.kubectl("delete", "ffile", "created", "--timeout=60s")
        assert not (host / "created").exists()
    # And back: the operator has ended, and its store is the daemon's.
    known.kubectl("apply", "-f", "-", given=json.dumps(created_again(host)))
    froyo("migrate", "from-cluster", tmp_path / "back", state=operated)
    with up(tmp_path / "back", operated, tmp_path / "back.log"):
        until(lambda: all_ready(operated, str(tmp_path / "back")))
        froyo("forget", "kubernetes:default", state=operated)
        now = looks()
        assert {name: now[name] for name in ("replaced", "also")} == {
            name: before[name] for name in ("replaced", "also")
        }
        (tmp_path / "back" / "File.linux.froyo.dev" / "replaced.yaml").unlink()
        until(lambda: (host / "replaced").read_text() == "before us\n")


def created_again(host):
    spec = {"target": "here", "path": f"{host}/created", "content": "body\n", "deletion": "delete"}
    metadata = {"name": "created", "namespace": "default"}
    return {"apiVersion": "linux.froyo.dev/v1alpha1", "kind": "File", "metadata": metadata, "spec": spec}
