"""A host that is reached with a key from a Secret, and a content with another one: on a real sshd, and told nowhere."""

import base64
import json
import sqlite3

import pytest

from tests.e2e.site import until
from tests.integration.cluster.conftest import running

pytestmark = [pytest.mark.e2e, pytest.mark.lab, pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

FIRST, SECOND = "first-password-0123456789", "second-password-abcdefghij"
VARS = """
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: shop, namespace: default}
spec: {targets: {}, values: {password: {secretKeyRef: {name: shop, key: password}}}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: settings, namespace: default}
spec:
  target: h1
  path: /srv/shop.conf
  mode: "0644"
  content: |
    user = shop
    password = ${vars.password}
"""


@pytest.fixture
def host(lab):
    found = lab.host("h1")
    found.reset()
    yield found
    found.reset()


@pytest.fixture
def objects(known):
    """A cluster in which what the test has put beside objects of ours is gone afterwards."""
    yield known
    known.kubectl("delete", "secret/ssh", "secret/shop", "configmap/ssh", "--ignore-not-found")


def secret(cluster, name, **data):
    written = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    one = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "default"},
        "data": written,
    }
    cluster.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(one))


def spelled(value):
    """A secret, as it could be told by mistake."""
    return {value, value[:12], base64.b64encode(value.encode()).decode()[:16], value.encode().hex()[:24]}


def test_a_key_of_a_secret_reaches_a_host_and_what_it_is_given_is_told_nowhere(
    objects, lab, host, tmp_path, monkeypatch
):
    # No key of whoever runs this, and no agent: what lets in is the Secret.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = lab.identity_file.read_text()
    secret(objects, "ssh", id=key)
    secret(objects, "shop", password=FIRST)
    objects.kubectl(
        "create", "configmap", "ssh", f"--from-file=known_hosts={lab.known_hosts}", "--namespace", "default"
    )
    ssh = {
        "host": host.address,
        "user": "ops",
        "become": "sudo",
        "connectTimeout": "5s",
        "identityFrom": {"secretKeyRef": {"name": "ssh", "key": "id"}},
        "knownHostsFrom": {"configMapKeyRef": {"name": "ssh", "key": "known_hosts"}},
    }
    metadata = {"name": "h1", "namespace": "default"}
    target = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": metadata,
        "spec": {"ssh": ssh},
    }
    objects.kubectl("apply", "-f", "-", given=f"{json.dumps(target)}\n---\n{VARS}")

    def on_the_host(password):
        return f"password = {password}" in host.exec("cat /srv/shop.conf", check=False)

    with running(objects.run("kubeconfig").strip(), tmp_path, "--namespace", "default"):
        objects.kubectl("wait", "--for=condition=Ready", "ffile/settings", "ftarget/h1", "--timeout=60s")
        assert on_the_host(FIRST)
        secret(objects, "shop", password=SECOND)
        until("the new password is there", lambda: on_the_host(SECOND))
        host.exec("echo spoiled >>/srv/shop.conf")
        until("it is put right", lambda: "spoiled" not in host.exec("cat /srv/shop.conf"))
        until("all of it is said", lambda: len(status(objects)["history"]) >= 3)
        said = status(objects)
        assert "content" in said["lastDiff"]
        assert {one["outcome"] for one in said["history"]} == {"Created", "Updated", "Repaired"}

        # With a key that is none, nobody gets in, and it is said why; with the right one again, all is well.
        secret(objects, "ssh", id="no key at all")
        host.exec("pkill -f '[f]royo-runner' || true")
        until("it is said why", lambda: "key id of the Secret ssh" in message(objects))
        secret(objects, "ssh", id=key)
        objects.kubectl("wait", "--for=condition=Ready", "ftarget/h1", "--timeout=90s")

        told = json.dumps(
            [
                objects.get(one)["items"]
                for one in ("ffile", "ftarget", "fvars", "events", "events.events.k8s.io")
            ]
        )
        arguments = host.exec("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    # What is kept, logged, and said: of all that anybody can look at.
    store = tmp_path / "state" / "froyo.db"
    with sqlite3.connect(store) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    everything = told + arguments + (tmp_path / "log").read_text() + kept.decode(errors="replace")
    secrets = [*spelled(FIRST), *spelled(SECOND), *key.splitlines()[1:-1]]
    assert [one for one in secrets if one in everything] == []


def status(cluster):
    return {"history": [], **cluster.get("ffile", "settings").get("status", {})}


def message(cluster):
    conditions = cluster.get("ftarget", "h1")["status"]["conditions"]
    return next(one["message"] for one in conditions if one["type"] == "Ready")
