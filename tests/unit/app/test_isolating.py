"""What a namespace that others share the operator with may not declare."""

from dataclasses import replace

import pytest

from reconciler.app.isolating import isolated
from reconciler.app.operator.namespaces import served
from reconciler.config import load
from reconciler.errors import ConfigError
from reconciler.model.cluster import ClusterPlace
from reconciler.model.names import TargetName
from tests.unit.config.world import CATALOG, snapshot

LOCAL = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: t, namespace: web}
spec: {local: {}}
"""
SSH = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: t, namespace: web}
spec: {ssh: {host: h, %s}}
"""
SOURCE = """
apiVersion: froyo.dev/v1alpha1
kind: Source
metadata: {name: s, namespace: web}
spec: {%s}
"""
GIT = SOURCE % "git: {url: 'https://git.example.org/site.git'}"
ALERT = """
apiVersion: froyo.dev/v1alpha1
kind: Alert
metadata: {name: a, namespace: web}
spec: {%s}
"""
TOKEN = "tokenFrom: {secretKeyRef: {name: chat, key: token}}"
SECRET = "identityFrom: {secretKeyRef: {name: ssh, key: id}}"


def evaluate(text):
    shown = replace(snapshot({"o.yaml": text}), source=ClusterPlace("web").name)
    return isolated(lambda one: load(one, CATALOG))(shown)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (LOCAL, "spec.local"),
        (SSH % "identityFile: /root/key", "spec.ssh.identityFile"),
        (SSH % f"knownHosts: /root/known, {SECRET}", "spec.ssh.knownHosts"),
        (SSH % "user: root", "spec.ssh: the operator's own keys"),
        (SOURCE % "directory: {path: /etc}", "spec.directory"),
        (GIT, "spec.git"),
        (ALERT % "command: {name: page, arguments: [x]}", "spec.command"),
        (ALERT % "file: {name: log}", "spec.file"),
        (ALERT % f"webhook: {{url: 'https://h/', caFile: /etc/ca.pem, {TOKEN}}}", "spec.webhook.caFile"),
    ],
)
def test_what_is_of_the_operators_machine_is_refused(text, field):
    with pytest.raises(ConfigError) as caught:
        evaluate(text)
    [problem] = caught.value.problems
    assert problem.message.startswith(field)
    assert problem.file == "o.yaml"


def test_what_is_of_the_namespace_itself_is_not():
    text = SSH % SECRET
    [name] = evaluate(text).targets
    assert name == TargetName("web:t")
    assert list(evaluate(ALERT % f"webhook: {{url: 'https://h/', {TOKEN}}}").alerts) == ["web:a"]


async def nothing(name, daemon):
    pass


def test_one_namespace_alone_is_trusted_and_of_several_those_that_are_named():
    [source], tasks = served(["web"], (), {"status": nothing})
    assert source.place == ClusterPlace("web")
    assert list(tasks) == ["status web"]
    sources, tasks = served(["web", "infra"], ["infra"], {"status": nothing, "notices": nothing})
    assert [one.place.trusted for one in sources] == [False, True]
    assert len(tasks) == 4
    sources, tasks = served([], (), {"status": nothing})
    assert not sources
    assert list(tasks) == ["namespaces"]


def test_what_is_declared_is_a_guests():
    """A probe of it reached what listens on the operator's own loopback."""
    text = """
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: f, namespace: web}
spec: {target: "web:t", path: /opt/f, content: x}
"""
    desired = evaluate(SSH % SECRET + text)
    assert [one.guest for one in desired.instances.values()] == [True]
