"""Exactly the rights of `manifests/`: each verb that is taken away is missed, and no Secret can be read."""

import json
import re
import ssl
import time
import urllib.error
import urllib.request

import pytest

from tests.lab.pod import Pod, until

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
spec: {target: here, path: /tmp/made, content: hello, deletion: delete}
"""
CLUSTER_WIDE = tuple(f"froyo-operator-{one}" for one in ("objects", "events", "definitions", "admission"))
IN_ITS_NAMESPACE = ("froyo-operator-certificate", "froyo-operator-lease")


def allowed(rules):
    """Every single thing that rules allow."""
    return {
        (group, resource, verb, *rule.get("resourceNames", ()))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def without(rules, verb):
    """The rules with a verb less."""
    less = [{**rule, "verbs": [one for one in rule["verbs"] if one != verb]} for rule in rules]
    return [rule for rule in less if rule["verbs"]]


def give(cluster, role, rules):
    """Have a role allow just that, and the operator as well: the rights are put together by a controller."""
    patch = json.dumps([{"op": "replace", "path": "/rules", "value": rules}])
    cluster.kubectl("patch", *role, "--type=json", "-p", patch)
    parts = [cluster.get("clusterrole", name).get("rules") or [] for name in CLUSTER_WIDE]
    wanted = set().union(*map(allowed, parts))
    until(lambda: allowed(cluster.get("clusterrole", "froyo-operator").get("rules") or []) == wanted)


def forget(cluster):
    """Nothing is there any more that an operator has made: it has to do it all again."""
    for what, patch in (
        ("secret/froyo-webhook", {"data": None}),
        ("ffile/made", {"metadata": {"finalizers": None}}),
    ):
        space = "default" if what == "ffile/made" else "froyo-system"
        cluster.kubectl("patch", what, "--namespace", space, "--type=merge", "-p", json.dumps(patch))


TOO_SOON = 429
"""What a server answers whose own storage of a kind is just beginning."""


def missed(verb, rules):
    """What is said where a verb is missing: of one of the resources that the rules give it for."""
    kinds = {"*": r"\S+"}
    said = "|".join(kinds.get(resource, resource) for _, resource, one, *_ in allowed(rules) if one == verb)
    return re.compile(rf"rights are missing in [^:]*: .*{verb} ({said})")


@pytest.mark.parametrize("name", [*CLUSTER_WIDE, *IN_ITS_NAMESPACE])
def test_each_verb_that_is_taken_away_is_missed_and_said_with_where_it_comes_from(installed, pods, name):
    installed.install("ha")
    installed.kubectl("apply", "-f", "-", given=OBJECTS)
    role = ("clusterrole", name) if name in CLUSTER_WIDE else ("role", name, "--namespace", "froyo-system")
    rules = installed.get(*role)["rules"]
    for verb in sorted({verb for rule in rules for verb in rule["verbs"]}):
        forget(installed)
        if verb == "create":
            installed.kubectl("delete", "lease", "froyo-operator", "-n", "froyo-system", "--ignore-not-found")
        give(installed, role, without(rules, verb))
        pod = pods(name=f"without-{verb}")
        said = missed(verb, rules)
        until(lambda said=said, pod=pod: said.search(pod.text), pod)
        assert re.search(r"manifests/\S+ gives it", pod.text)
        if not pod.ended:
            pod.terminate()
        give(installed, role, rules)
    # With all of them nothing is missing.
    pod = pods(name="whole")
    until(lambda: pod.probe("readinessProbe")[0] == 200, pod)
    installed.kubectl("wait", "--for=condition=Ready", "ffile/made", "--timeout=60s")
    until(lambda: "finalizers" in installed.get("ffile", "made")["metadata"], pod)
    assert "missing" not in pod.text
    assert pod.terminate() == 0


def ask(pod: Pod, path: str) -> int:
    """The status of an answer to the operator's own token."""
    account = pod.directory / "account"
    context = ssl.create_default_context(cafile=account / "ca.crt")
    server = f"https://{pod.service['KUBERNETES_SERVICE_HOST']}:{pod.service['KUBERNETES_SERVICE_PORT']}"
    headers = {"Authorization": f"Bearer {(account / 'token').read_text()}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(server + path, headers=headers), context=context
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        if error.code != TOO_SOON:
            return error.code
        time.sleep(int(error.headers.get("Retry-After", "1")))
        return ask(pod, path)


NAMED = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: froyo-secrets, namespace: default}
rules:
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: [for-froyo]
    verbs: [get, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: froyo-secrets, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: froyo-secrets}
subjects: [{kind: ServiceAccount, name: froyo-operator, namespace: froyo-system}]
"""


def test_a_secret_that_nobody_gave_it_cannot_be_read_by_the_operator(installed, pods):
    for name in ("for-froyo", "for-others"):
        installed.kubectl("create", "secret", "generic", name, "--from-literal=key=x")
    try:
        pod = pods()
        assert ask(pod, "/apis/linux.froyo.dev/v1alpha1/namespaces/default/files") == 200
        assert ask(pod, "/api/v1/namespaces/default/secrets/for-froyo") == 403
        assert ask(pod, "/api/v1/secrets") == 403
        installed.kubectl("apply", "-f", "-", given=NAMED)
        until(lambda: ask(pod, "/api/v1/namespaces/default/secrets/for-froyo") == 200, pod)
        for path in ("default/secrets/for-others", "default/secrets", "kube-system/secrets"):
            assert ask(pod, f"/api/v1/namespaces/{path}") == 403
        until(lambda: pod.probe("readinessProbe")[0] == 200, pod)  # before that it need not hear a signal
        assert pod.terminate() == 0
    finally:
        installed.kubectl("delete", "secret", "for-froyo", "for-others")
        installed.kubectl("delete", "role,rolebinding", "froyo-secrets", "--ignore-not-found")
