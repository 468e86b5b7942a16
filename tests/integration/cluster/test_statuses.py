"""What people see of their objects with kubectl, on a real API server: statuses, and Events."""

import json
import os
import subprocess
import sys

import pytest

from tests.integration.watchers.origins import Origin
from tests.lab.control_plane import ClusterError
from tests.lab.pod import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

LOCAL = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: local, namespace: default}
spec: {local: {}}
"""


def file(name, path, content="x", **more):
    spec = {"target": "local", "path": f"{path}", "content": content, **more}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "linux.froyo.dev/v1alpha1", "kind": "File", "metadata": metadata, "spec": spec}


class Objects:
    """The objects of a test."""

    def __init__(self, cluster, directory):
        self.cluster, self.directory = cluster, directory

    def apply(self, *those):
        documents = [one if isinstance(one, str) else json.dumps(one) for one in those]
        self.cluster.kubectl("apply", "-f", "-", given="\n---\n".join(documents))

    def file(self, name, content="x", **more):
        return file(name, self.directory / name, content, **more)

    def wait(self, what, for_="condition=Ready"):
        self.cluster.kubectl("wait", f"--for={for_}", what, "--timeout=60s")

    def ready(self, what):
        status = self.cluster.get(*what.split("/")).get("status", {})
        return next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), None)

    def until_invalid(self, what, *words):
        self.wait(what, 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Invalid')
        message = self.ready(what)["message"]
        assert [word for word in words if word not in message] == [], message
        return self.cluster.get(*what.split("/"))["status"]

    def events(self, what, reason):
        kind, name = what.split("/")
        found = self.cluster.get("events.events.k8s.io")["items"]
        return [
            one
            for one in found
            if one["reason"] == reason
            and one["regarding"]["kind"].lower() == kind
            and one["regarding"]["name"] == name
        ]


@pytest.fixture
def objects(cluster, operator):
    found = Objects(cluster, operator)
    found.apply(LOCAL)
    return found


def test_a_broken_object_says_why_and_the_others_go_on(objects):
    good = objects.file("good")
    objects.apply(
        good,
        objects.file("stranger", target="nobody"),
        objects.file("lost", require=["File/nowhere"]),
        objects.file("one-way", require=["File/other-way"]),
        objects.file("other-way", require=["File/one-way"]),
        objects.file("novalue", "${vars.nobody}"),
    )
    objects.wait("file.linux/good")
    stranger = objects.until_invalid("file.linux/stranger", "spec.target: there is no target nobody")
    assert stranger["observedGeneration"] == 1
    assert [one["type"] for one in stranger["conditions"]] == ["Ready", "Stalled"]
    objects.until_invalid("file.linux/lost", "spec.require[0]: there is no File/nowhere")
    objects.until_invalid("file.linux/one-way", "File/other-way")
    objects.until_invalid("file.linux/novalue", "spec.content", "vars.nobody")

    # Who has something keeps it, whatever comes first by name.
    objects.apply(file("also", objects.directory / "good", "theirs"), objects.file("another"))
    objects.wait("file.linux/another")
    objects.until_invalid("file.linux/also", "both claim path", "File/good")
    assert (objects.directory / "good").read_text() == "x"

    # Of what is changed to something wrong the last good version counts, and that is said.
    objects.apply(objects.file("good", "${vars.nobody}"))
    said = objects.until_invalid("file.linux/good", "the last good version counts until then")
    assert said["observedGeneration"] == 2
    assert said["target"] == "local"

    # What others need and is taken away stays, and they say so; nothing else is held up.
    objects.apply(good)
    objects.wait("file.linux/good")
    objects.cluster.kubectl("delete", "ftarget", "local", "--wait=false")
    objects.until_invalid("file.linux/good", "spec.target: there is no target local")
    objects.apply(LOCAL)
    objects.wait("file.linux/good")
    [event] = until(lambda: objects.events("file/stranger", "Invalid"))
    assert event["type"] == "Warning"
    assert "there is no target nobody" in event["note"]


def test_what_is_wrong_with_values_is_said_of_them_and_of_who_reads_them(objects):
    values = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Vars",
        "metadata": {"name": "all", "namespace": "default"},
        "spec": {"targets": {}, "values": {"greeting": "hello"}},
    }
    objects.apply(values, objects.file("motd", "${vars.greeting}"))
    objects.wait("file.linux/motd")
    objects.wait("vars/all")
    objects.apply({**values, "spec": {"targets": {}, "values": {"greting": "hello"}}}, objects.file("other"))
    objects.wait("file.linux/other")
    objects.until_invalid("file.linux/motd", "spec.content", "vars.greeting")
    objects.until_invalid("vars/all", "File/motd")
    assert (objects.directory / "motd").read_text() == "hello"


def test_a_target_says_what_is_on_it_and_columns_are_there_for_all(objects):
    # What a repository declares that an object names is none of the namespace's objects, and holds up none of them.
    origin = Origin(objects.directory / "origin")
    theirs = file("theirs", objects.directory / "theirs", target="their")
    origin.commit({"their.yaml": f"{LOCAL.replace('name: local', 'name: their')}---\n{json.dumps(theirs)}\n"})
    spec = {"git": {"url": f"{origin.path}", "ref": {"branch": "main"}}}
    metadata = {"name": "their", "namespace": "default"}
    source = {"apiVersion": "froyo.dev/v1alpha1", "kind": "Source", "metadata": metadata, "spec": spec}
    objects.apply(source)
    objects.wait("fsource/their")
    until((objects.directory / "theirs").exists)
    objects.apply(objects.file("one"), objects.file("two", policy="observe"))
    objects.wait("target.froyo/local")
    objects.wait("target.froyo/local", "jsonpath={.status.instances.drifted}=1")
    status = objects.cluster.get("ftarget", "local")["status"]
    assert status["instances"] == {"total": 2, "ready": 1, "failed": 1, "unknown": 0, "drifted": 1}
    assert status["connectedSince"]
    said = objects.cluster.kubectl("get", "ffile,ftarget")
    assert [
        word for word in ("READY", "STATUS", "TARGET", "DRIFT", "AGE", "INSTANCES") if word not in said
    ] == []
    assert "True" in said


def test_a_rollout_says_how_far_it_is_and_what_waits_for_its_turn_is_not_ready(objects):
    def local(name, **labels):
        metadata = {"name": name, "namespace": "default", "labels": {"role": "web", **labels}}
        return {
            "apiVersion": "froyo.dev/v1alpha1",
            "kind": "Target",
            "metadata": metadata,
            "spec": {"local": {}},
        }

    web = {"matchLabels": {"role": "web"}}
    waves = [{"targets": {"matchLabels": {"canary": "yes"}}, "untilPromoted": True}, {"size": "100%"}]
    rollout = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"targets": web, "waves": waves},
    }
    page = file("page", f"{objects.directory}/${{target.name}}.html")
    page["spec"]["targets"] = web
    del page["spec"]["target"]
    objects.apply(local("w1", canary="yes"), local("w2"), rollout, page)
    objects.wait("rollout/web", "jsonpath={.status.phase}=AwaitingPromotion")
    objects.wait("ffile/page", "jsonpath={.status.targets.ready}=1")
    ready = objects.ready("ffile/page")
    assert (ready["status"], ready["reason"], ready["observedGeneration"]) == (
        "Unknown",
        "AwaitingRollout",
        1,
    )
    assert "w2: its turn is in wave 2 of 2 of the rollout web" in ready["message"]
    assert not (objects.directory / "w2.html").exists()
    environ = {**os.environ, "KUBECONFIG": objects.cluster.run("kubeconfig").strip()}
    environ["FROYO_STATE"] = str(objects.directory / "state")

    def froyo(*words):
        asked = [sys.executable, "-m", "reconciler.cli", "rollout", *words]
        done = subprocess.run(asked, env=environ, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    document = json.loads(froyo("status", "web", "--context", "lab", "-n", "default", "-o", "json"))
    [one] = document["items"]
    assert (one["phase"], one["reached"], one["total"]) == ("AwaitingPromotion", 1, 2)
    assert [(turn["target"], turn["state"]) for turn in one["targets"]] == [("w2", "Awaiting")]
    froyo("promote", "web")
    objects.wait("ffile/page")
    objects.wait("rollout/web")
    assert (objects.directory / "w2.html").read_text() == "x"


def test_drift_is_an_event_with_who_and_one_of_a_series(objects):
    objects.apply(objects.file("one"))
    objects.wait("file.linux/one")
    path = objects.directory / "one"

    def history():
        return objects.cluster.get("ffile", "one")["status"].get("history", ())

    for number in range(3):
        path.write_text(f"spoiled {number}")
        # What is spoiled before a repair is on record is a part of that one.
        until(lambda number=number: len(history()) == number + 2)
        assert path.read_text() == "x"
    [event, *others] = until(lambda: objects.events("file/one", "Repaired"))
    assert not others
    assert event["regarding"]["uid"] == objects.cluster.get("ffile", "one")["metadata"]["uid"]
    assert "content changed" in event["note"]
    assert event["type"] == "Normal"
    assert "Repaired" in objects.cluster.kubectl("describe", "ffile", "one")

    # The status has it, too: what was done last and why, and of the last change what it was about.
    rounds = [("Repaired", "drift")] * 3 + [("Created", "spec")]
    status = objects.cluster.get("ffile", "one")["status"]
    assert [(one["outcome"], one["cause"]) for one in status["history"]] == rounds
    assert {one["target"] for one in status["history"]} == {"local"}
    assert "content changed" in status["lastDiff"]


def test_what_is_asked_for_is_acknowledged_and_what_is_suspended_is_left_alone(objects):
    objects.apply(objects.file("one"))
    objects.wait("file.linux/one")
    asked = "reconcile.froyo.dev/requestedAt"
    for value in ("first", "second"):
        objects.cluster.kubectl("annotate", "--overwrite", "ffile", "one", f"{asked}={value}")
        objects.wait("file.linux/one", "jsonpath={.status.lastHandledReconcileAt}=" + value)
    with pytest.raises(ClusterError, match="reason"):
        objects.apply(objects.file("one", suspend={}))
    objects.apply(objects.file("one", suspend={"reason": "by hand for a while"}))
    objects.wait("file.linux/one", 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}=Suspended')
    assert "by hand for a while" in objects.ready("file.linux/one")["message"]
    path = objects.directory / "one"
    path.write_text("by hand")
    objects.cluster.kubectl("annotate", "--overwrite", "ffile", "one", f"{asked}=third")
    objects.wait("file.linux/one", "jsonpath={.status.lastHandledReconcileAt}=third")
    assert path.read_text() == "by hand"
    objects.apply(objects.file("one"))
    objects.wait("file.linux/one")
    assert path.read_text() == "x"


def test_what_somebody_else_writes_into_a_status_is_put_right_once_and_what_is_beside_it_stays(objects):
    """A controller that did not know yet that it leads no more had the last word until something was new."""
    objects.apply(objects.file("one"))
    objects.wait("file.linux/one")
    patch = ("patch", "ffile", "one", "--subresource=status")
    apply = ("apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-")
    before = objects.cluster.get("ffile", "one")["status"]

    def put_right():
        return objects.cluster.get("ffile", "one")["status"]["conditions"][0] == before["conditions"][0]

    # As who led before would write it: by the same name.
    wrong = {
        **before,
        "conditions": [{**before["conditions"][0], "status": "Unknown", "reason": "Unreachable"}],
    }
    document = {**objects.file("one"), "status": wrong}
    del document["spec"]
    objects.cluster.kubectl(*apply, "--field-manager=froyo", given=json.dumps(document))
    until(put_right)

    # What somebody says beside it is nothing to us: no answer is written to it, nor is it taken away.
    theirs = {"type": "example.com/Audited", "status": "True", "reason": "Seen", "message": "by a person"}
    theirs["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    beside = {"op": "add", "path": "/status/conditions/-", "value": theirs}
    objects.cluster.kubectl(*patch, "--type=json", "-p", json.dumps([beside]))
    version = objects.cluster.get("ffile", "one")["metadata"]["resourceVersion"]
    objects.apply(objects.file("other"))
    objects.wait("file.linux/other")
    found = objects.cluster.get("ffile", "one")
    assert found["metadata"]["resourceVersion"] == version
    assert found["status"]["conditions"] == [*before["conditions"], theirs]
    objects.apply(objects.file("one", "y"))
    objects.wait("file.linux/one", "jsonpath={.status.observedGeneration}=2")
    objects.wait("file.linux/one")
    assert theirs in objects.cluster.get("ffile", "one")["status"]["conditions"]
