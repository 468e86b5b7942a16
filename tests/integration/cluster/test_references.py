"""Secrets and ConfigMaps that objects refer to, on a real API server, with the right to read just these by name."""

import json

import pytest

from reconciler.age.blocks import Form, formed
from reconciler.age.identities import generated
from reconciler.age.recipients import recipient
from reconciler.age.sealing import sealed
from tests.integration.cluster.conftest import running
from tests.lab.pod import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

RIGHTS = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: froyo, namespace: default}
rules:
  - {apiGroups: [froyo.dev, linux.froyo.dev, probe.froyo.dev], resources: ["*"], verbs: [get, list, watch, patch]}
  - {apiGroups: [""], resources: [secrets], resourceNames: [db, froyo-age], verbs: [get, watch]}
  - {apiGroups: [""], resources: [configmaps], resourceNames: [site], verbs: [get, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: froyo, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: froyo}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: froyo}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: froyo-test}
rules: [{apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: froyo-test}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: froyo-test}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: froyo}]
"""
OBJECTS = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: local, namespace: default}
spec: {local: {}}
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: all, namespace: default}
spec:
  targets: {}
  values:
    password: {secretKeyRef: {name: db, key: password}}
    region: {configMapKeyRef: {name: site, key: region}}
---
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: forbidden, namespace: default}
spec: {targets: {}, values: {other: {secretKeyRef: {name: others, key: x}}}}
"""


def file(name, path, content):
    spec = {"target": "local", "path": f"{path / name}", "content": content}
    metadata = {"name": name, "namespace": "default"}
    return json.dumps(
        {"apiVersion": "linux.froyo.dev/v1alpha1", "kind": "File", "metadata": metadata, "spec": spec}
    )


@pytest.fixture
def place(known, tmp_path):
    known.kubectl("apply", "-f", "-", given=RIGHTS)
    with running(known.run("user", "froyo", "froyo").strip(), tmp_path, "--namespace", "default"):
        yield tmp_path


def test_what_is_referred_to_is_read_by_name_and_a_change_reaches_what_uses_it(known, place):
    def says(name, text):
        until(lambda: (place / name).exists() and (place / name).read_text() == text)

    def message(what, word):
        def found():
            status = known.get(*what.split("/")).get("status", {})
            return any(word in one["message"] for one in status.get("conditions", ()))

        until(found)

    secret, other = "correct horse battery", "another staple horse"
    password, plain = file("password", place, "${vars.password}\n"), file("plain", place, "plain")
    known.kubectl("create", "configmap", "site", "-n", "default", "--from-literal=region=north")
    region = file("region", place, "${vars.region}")
    objects = f"{OBJECTS}\n---\n{password}\n---\n{plain}\n---\n{region}"
    known.kubectl("apply", "-f", "-", given=objects)
    says("plain", "plain")
    message("vars/all", "there is no Secret db in default")
    message("vars/forbidden", "the Secret others cannot be read: 403")
    assert not (place / "password").exists()

    known.kubectl("create", "secret", "generic", "db", "-n", "default", f"--from-literal=password={secret}")
    says("password", f"{secret}\n")
    says("region", "north")
    known.kubectl("wait", "--for=condition=Ready", "vars/all", "file.linux/password", "--timeout=60s")
    plain_before = (place / "plain").stat().st_ino

    fresh = json.dumps({"stringData": {"password": other}})
    known.kubectl("patch", "secret", "db", "-n", "default", "-p", fresh)
    says("password", f"{other}\n")
    fresh = json.dumps({"data": {"region": "south"}})
    known.kubectl("patch", "configmap", "site", "-n", "default", "-p", fresh)
    says("region", "south")
    assert (place / "plain").stat().st_ino == plain_before

    known.kubectl("delete", "secret", "db", "-n", "default")
    message("vars/all", "there is no Secret db in default")
    assert (place / "password").read_text() == f"{other}\n"

    said = known.kubectl("get", "froyo,events", "-n", "default", "-o", "yaml") + (place / "log").read_text()
    said += "".join(one.read_text(errors="replace") for one in (place / "state").rglob("*") if one.is_file())
    for value in (secret, other):
        assert value not in said


def encrypted(value, to, name="sealed"):
    line = formed(sealed(value.encode(), [recipient(to.public)]), Form.ONE_LINE)
    metadata = {"name": name, "namespace": "default"}
    spec = {"targets": {}, "values": {"token": {"secret": {"age": line}}}}
    return json.dumps(
        {"apiVersion": "froyo.dev/v1alpha1", "kind": "Vars", "metadata": metadata, "spec": spec}
    )


def test_what_is_encrypted_in_an_object_is_opened_with_the_identity_of_its_namespace(known, place):
    ours, fresh = generated(), generated()

    def says(text):
        until(lambda: (place / "token").exists() and (place / "token").read_text() == text)

    def message(word):
        def found():
            status = known.get("vars", "sealed").get("status", {})
            return any(word in one["message"] for one in status.get("conditions", ()))

        until(found)

    def identities(*some):
        text = "".join(f"{one.secret}\n" for one in some)
        made = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "froyo-age", "namespace": "default"},
        }
        known.kubectl("apply", "-f", "-", given=json.dumps({**made, "stringData": {"age.key": text}}))

    first, second = "correct horse battery", "another staple horse"
    target, token = OBJECTS.partition("---")[0], file("token", place, "${vars.token}")
    objects = f"{target}---\n{encrypted(first, ours)}\n---\n{token}"
    known.kubectl("apply", "-f", "-", given=objects)
    message("there is no Secret froyo-age in default")
    identities(fresh)
    message(f"tried: {fresh.public} (the key age.key of the Secret froyo-age)")
    assert not (place / "token").exists()
    identities(fresh, ours)
    says(first)
    known.kubectl("wait", "--for=condition=Ready", "vars/sealed", "file.linux/token", "--timeout=60s")
    before = (place / "token").stat().st_ino

    # Encrypted anew, for the identity that is to come: nothing is written.
    known.kubectl("apply", "-f", "-", given=encrypted(first, fresh))
    generation = known.get("vars", "sealed")["metadata"]["generation"]
    until(lambda: known.get("vars", "sealed").get("status", {}).get("observedGeneration") == generation)
    identities(fresh)
    known.kubectl("apply", "-f", "-", given=encrypted(second, fresh))
    assert (place / "token").stat().st_ino == before or (place / "token").read_text() == second
    says(second)
    said = known.kubectl("get", "froyo,events", "-n", "default", "-o", "yaml") + (place / "log").read_text()
    said += "".join(one.read_text(errors="replace") for one in (place / "state").rglob("*") if one.is_file())
    for value in (first, second, ours.secret, fresh.secret):
        assert value not in said
