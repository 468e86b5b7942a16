"""What becomes of objects that are deleted, and of what they were about: on a real API server, by the pod."""

import json

import pytest

from tests.lab.pod import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TARGET = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, namespace: default}
spec: {local: {}}
"""
FILE = """
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: %s, namespace: default}
spec: {target: here, path: /tmp/%s, content: x, deletion: %s}
"""
FINALIZER = "froyo.dev/removal"


def there(pod, name):
    return (pod.directory / f"{pod.name}.tmp" / name).exists()


def found(cluster, *words):
    """An object, or None where there is none."""
    said = cluster.kubectl("get", "-o", "json", "--ignore-not-found", *words)
    return json.loads(said) if said.strip() else None


def held(cluster, *words):
    one = found(cluster, *words)
    return one is not None and FINALIZER in one["metadata"].get("finalizers", ())


@pytest.fixture
def kept(installed, pods):
    """Three files, each with another deletion, on the machine."""
    pod = pods()
    three = [FILE % (one, one, one) for one in ("delete", "orphan", "confirm")]
    installed.kubectl("apply", "-f", "-", given=TARGET + "".join(three))
    until(lambda: all(there(pod, name) for name in ("delete", "orphan", "confirm")), pod)
    until(lambda: held(installed, "ffile", "delete") and held(installed, "ffile", "confirm"), pod)
    until(lambda: held(installed, "ftarget", "here"), pod)
    assert not held(installed, "ffile", "orphan")
    return pod


def test_an_object_goes_when_what_it_was_about_has_and_stays_while_a_person_is_asked(installed, kept):
    # What was created last leaves what there was before it: that is no older revision that somebody took by mistake.
    installed.kubectl("apply", "-f", "-", given=FILE % ("last", "last", "delete"))
    until(lambda: there(kept, "last") and held(installed, "ffile", "last"), kept)
    installed.kubectl("delete", "ffile", "last", "--timeout=60s")
    assert not there(kept, "last")
    installed.kubectl("delete", "ffile", "delete", "orphan", "--timeout=60s")
    assert not there(kept, "delete")
    assert there(kept, "orphan")
    # A target goes after what is on it, and what asks first waits for the answer.
    installed.kubectl("delete", "--wait=false", "ffile/confirm", "ftarget/here")

    def says_so():
        one = found(installed, "ffile", "confirm")
        return any(c["reason"] == "PruneHeld" for c in one["status"]["conditions"])

    until(says_so, kept)
    assert there(kept, "confirm")
    assert held(installed, "ftarget", "here")
    assert "confirm" in kept.froyo("approve", "--all", "--reason", "tried")
    until(lambda: not found(installed, "ffile", "confirm"), kept)
    assert not there(kept, "confirm")
    until(lambda: not found(installed, "ftarget", "here"), kept)


@pytest.mark.e2e
def test_a_definition_that_is_removed_has_nothing_removed_from_machines(installed, kept):
    installed.kubectl("delete", "crd", "files.linux.froyo.dev", "--timeout=60s")
    assert all(there(kept, name) for name in ("delete", "orphan", "confirm"))
    installed.define()
    until(lambda: "PruneHeld" in kept.text and "definition was made anew" in kept.text, kept)
    # It is known again what is declared, and that is nothing: a person is asked, and nothing has gone.
    assert all(there(kept, name) for name in ("delete", "orphan", "confirm"))


def test_what_is_uninstalled_leaves_machines_as_they_are_and_objects_can_be_let_go(installed, kept, pods):
    installed.kubectl("delete", "deployment", "froyo-operator", "--namespace", "froyo-system")
    assert kept.terminate() == 0
    installed.kubectl("delete", "ffile", "delete", "--wait=false")
    # Nobody removes anything any more, and a person has the object go all the same.
    said = installed.froyo("operator", "release", "--namespace", "default")
    assert said.strip() == "released: 3 objects"
    assert not found(installed, "ffile", "delete")
    assert all(there(kept, name) for name in ("delete", "orphan", "confirm"))
    # Nor does who comes back later: it was not seen being deleted.
    installed.install()
    again = pods()
    until(lambda: "was not seen being deleted" in again.text, again)
    assert there(again, "delete")


@pytest.mark.e2e
def test_a_namespace_that_is_deleted_ends_with_what_was_declared_in_it(installed, pods):
    installed.kubectl("create", "namespace", "team")
    pod = pods(instead=["operator", "run", "--namespace", "team", "--metrics-listen", "9469"])
    given = (TARGET + FILE % ("a", "a", "delete") + FILE % ("b", "b", "delete")).replace(
        "namespace: default", "namespace: team"
    )
    installed.kubectl("apply", "-f", "-", given=given)
    until(lambda: there(pod, "a") and there(pod, "b"), pod)
    until(lambda: held(installed, "ffile", "a", "--namespace", "team"), pod)
    installed.kubectl("delete", "namespace", "team", "--timeout=60s")
    assert not there(pod, "a")
    assert not there(pod, "b")


@pytest.mark.e2e
def test_where_a_target_is_out_of_reach_the_object_stays_and_says_why(installed, pods):
    pod = pods()
    installed.kubectl("apply", "-f", "-", given=TARGET + FILE % ("a", "a", "delete"))
    until(lambda: there(pod, "a"), pod)
    until(lambda: held(installed, "ffile", "a"), pod)
    # The target becomes one that nobody answers for.
    spec = {"local": None, "ssh": {"host": "127.0.0.1", "port": 9, "user": "ops", "trustOnFirstUse": True}}
    installed.kubectl("patch", "ftarget", "here", "--type=merge", "-p", json.dumps({"spec": spec}))
    installed.kubectl("delete", "--wait=false", "ffile/a")

    def says_so():
        ready = {c["type"]: c for c in found(installed, "ffile", "a")["status"]["conditions"]}["Ready"]
        return ready["reason"] == "Unreachable"

    until(says_so, pod)
    assert held(installed, "ffile", "a")
    installed.froyo("operator", "release", "--namespace", "default")
    until(lambda: not found(installed, "ffile", "a"), pod)
