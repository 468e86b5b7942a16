"""What objects of a cluster refer to there."""

from dataclasses import replace

import pytest

from reconciler.config import load
from reconciler.config.targets import references
from reconciler.core.vault import Vault
from reconciler.errors import ConfigError
from reconciler.model.cluster import ClusterPlace, namespace_of
from reconciler.model.names import SourceName, TargetName
from reconciler.model.secrets import KeyRef, Secret, SecretMissing, marks_in
from tests.unit.config.test_secrets import CATALOG
from tests.unit.config.test_values import TARGETS, tune, variables
from tests.unit.config.world import snapshot

WEB = ClusterPlace("web").name
DB = KeyRef("Secret", "web", "db", "password")
REGION = KeyRef("ConfigMap", "web", "site", "region")


class Held:
    """What is in the cluster."""

    def __init__(self, values):
        self.values = values
        self.vault = Vault(self.read, lambda: b"k" * 32)

    def read(self, wanted):
        assert not isinstance(wanted, Secret)
        if wanted not in self.values:
            raise SecretMissing(f"there is no {wanted.kind} {wanted.name} in {wanted.namespace}", "make it")
        return self.values[wanted]

    def load(self, files, source=WEB):
        return load(replace(snapshot(files), source=source), CATALOG, vault=self.vault)

    def problems(self, files, source=WEB):
        with pytest.raises(ConfigError) as caught:
            self.load(files, source)
        return [f"{one.message} ({one.hint})" for one in caught.value.problems]


VALUES = {
    "password": {"secretKeyRef": {"name": "db", "key": "password"}},
    "region": {"configMapKeyRef": {"name": "site", "key": "region"}},
}


def declared(values, field="${vars.password} ${vars.region}"):
    return {"t.yaml": TARGETS, "v.yaml": variables("v", values), "m.yaml": tune(environment={"A": field})}


def test_a_key_of_a_secret_is_a_secret_and_one_of_a_configmap_is_none():
    held = Held({DB: "hunter2 hunter2", REGION: "north"})
    found = held.load(declared(VALUES))
    labels = {one.spec["environment"]["A"] for one in found.instances.values()}
    [label] = labels
    assert marks_in(label)
    assert label.endswith(" north")
    assert found.secrets == {"Secret:web/db", "ConfigMap:web/site"}


def test_what_is_missing_is_said_where_it_is_referred_to():
    [said] = Held({REGION: "north"}).problems(declared(VALUES))
    assert said == "there is no Secret db in web (make it)"


def test_a_cluster_reads_no_files():
    [said] = Held({}).problems(declared({"password": {"secret": {"file": "/etc/db"}}}, "${vars.password}"))
    assert "no file of the operator's machine" in said


@pytest.mark.parametrize(
    "wrong",
    [{"name": "db"}, {"name": "db", "key": "x", "namespace": "other"}, {"name": "a/b", "key": "x"}, "db"],
)
def test_a_reference_has_a_name_and_a_key_and_nothing_else(wrong):
    said = Held({}).problems(declared({"password": {"secretKeyRef": wrong}}, "x"))
    assert any("{secretKeyRef: {name: NAME, key: KEY}}" in one for one in said)


SSH = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-9, namespace: web}
spec:
  ssh:
    host: h
    identityFrom: {secretKeyRef: {name: ssh, key: id}}
    knownHostsFrom: {configMapKeyRef: {name: ssh, key: known_hosts}}%s
"""


def test_a_target_is_reached_with_what_is_in_its_namespace():
    target = Held({}).load({"t.yaml": SSH % ""}).targets[TargetName("web:web-9")]
    assert references(target) == [
        KeyRef("Secret", "web", "ssh", "id"),
        KeyRef("ConfigMap", "web", "ssh", "known_hosts"),
    ]
    local = Held({}).load({"t.yaml": TARGETS}).targets[TargetName("web-1")]
    assert references(local) == []


def test_elsewhere_there_is_no_cluster_and_two_keys_are_one_too_many():
    [said] = Held({}).problems({"t.yaml": SSH % ""}, SourceName("/srv"))
    assert "in a cluster alone" in said
    said = Held({}).problems({"t.yaml": SSH % "\n    identityFile: /k"})
    assert "identityFrom and identityFile do not go together (keep one)" in said


def test_no_other_source_is_called_as_a_namespace_is():
    assert namespace_of(WEB) == "web"
    assert namespace_of(SourceName("/kubernetes:web")) == ""
    assert namespace_of(SourceName("git+ssh://kubernetes:web")) == ""
    assert KeyRef.parsed(str(DB)) == DB
    assert KeyRef.parsed("/etc/Secret:web/db#x") is None
