"""`get` and `status` of a cluster: what the statuses of objects say, in the documents and tables of a daemon."""

import asyncio
import json

import pytest

from reconciler.api.answers import answer
from reconciler.app.cluster import seeing
from reconciler.cli.app import run
from reconciler.model.state import SourceState, TargetState
from tests.unit.api.known import Known
from watchers.kubernetes.kubeconfig import ClusterAccess
from watchers.kubernetes.listing import Unlisted, Unserved
from watchers.kubernetes.objects import Definition

SINCE = "2026-01-31T12:00:00Z"
FILE = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
SERVICE = Definition("linux.froyo.dev", "v1alpha1", "services", "Service")
TARGET = Definition("froyo.dev", "v1alpha1", "targets", "Target")
SOURCE = Definition("froyo.dev", "v1alpha1", "sources", "Source")


def ready(status="True", reason="InSync", message="as declared", **more):
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": SINCE,
        **more,
    }


def thing(definition, name, spec, status=None, *, namespace="web", generation=1, **metadata):
    metadata = {"name": name, "namespace": namespace, "generation": generation, **metadata}
    found = {"metadata": metadata, "spec": spec}
    if status is not None:
        found["status"] = {"observedGeneration": 1, **status}
    return definition, found


def file(name, status=None, *, spec=None, **more):
    return thing(FILE, name, {"target": "w1", "path": f"/etc/{name}", **(spec or {})}, status, **more)


def alone(condition, **more):
    return {
        "conditions": [condition],
        "target": "web:w1",
        "targets": {"total": 1, "ready": 1, "failed": 0},
        **more,
    }


def several(total, well, failed, worst, condition):
    targets = {"total": total, "ready": well, "failed": failed, "worst": worst}
    return {"conditions": [condition], "target": f"{total} targets", "targets": targets}


def lost(name):
    return {"target": f"web:{name}", "reason": "Unreachable", "message": "no route"}


DIFFERS = {"target": "web:w9", "reason": "Differs", "message": "mode"}
OBJECTS = [
    file("motd", alone(ready(), lastDiff="mode"), labels={"tier": "web"}),
    file("secret", alone(ready()), spec={"content": "hush", "mode": "0600"}),
    file("new"),
    file("changed", alone(ready()), generation=2),
    file("going", alone(ready("False", "PruneHeld", "held")), deletionTimestamp=SINCE),
    file(
        "wrong",
        {"conditions": [ready("False", "Invalid", "spec.target: there is no target w8")]},
        spec={"target": "w8"},
    ),
    file("also", {"conditions": [ready("False", "Invalid", "no")]}, spec={"targets": {}, "target": None}),
    thing(
        SERVICE,
        "ssh",
        {
            "targets": {},
            "unit": "ssh.service",
            "suspend": {"reason": "trying", "until": "2030-01-01T00:00:00Z"},
        },
        several(14, 10, 1, [DIFFERS, lost("w3"), lost("w4")], ready("False", "Differs", "web:w9: mode")),
    ),
    thing(
        SERVICE,
        "cron",
        {"targets": {}, "unit": "${vars.unit}"},
        several(0, 0, 0, [], ready(message="for no target")),
    ),
    thing(
        TARGET, "w1", {"local": {}}, {"conditions": [ready(message="Debian 12")], "instances": {"total": 5}}
    ),
    thing(TARGET, "w2", {"local": {}}, {"conditions": [ready("Unknown", "Pending", "nobody reaches it")]}),
    thing(TARGET, "w7", {"local": {}}),
    thing(TARGET, "w6", {"local": {}}, {"conditions": [ready(message="was")]}, generation=3),
    thing(SOURCE, "site", {"directory": {"path": "/srv"}}, {"conditions": [ready()], "revision": "abc"}),
]


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """What a cluster has; asked as often as it is looked at."""
    monkeypatch.setenv("FROYO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    state = {"objects": OBJECTS, "error": None, "asked": []}

    async def listed(namespace, definitions, *, access, given):
        state["asked"].append((namespace, access, len(definitions), given))
        if state["error"] is not None:
            raise state["error"]
        return state["objects"]

    class Connection:
        server = "https://c:6443"

    async def login(_environ, *, file, context):
        if context == "none":
            raise Unlisted("there is no context 'none'")
        return ClusterAccess(Connection(), context or file or "prod", "web")

    monkeypatch.setattr(seeing, "listed", listed)
    monkeypatch.setattr(seeing, "login_of", login)
    return state


@pytest.fixture
def froyo(cluster, capsys):
    def call(*words):
        code = run([*words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def documents(froyo, *words):
    code, out, _ = froyo("get", *words, "-o", "json", "--context", "prod")
    assert code == 0
    return json.loads(out)


def items(froyo, *words):
    return {one["address"]: one for one in documents(froyo, *words)["items"]}


def test_each_target_that_a_status_names_is_an_item_and_the_others_are_counted(froyo):
    found = documents(froyo, "services")
    said = [(one["address"], one["ready"], one["reason"], one.get("instances")) for one in found["items"]]
    assert said == [
        ("Service/web:cron", "True", "InSync", 0),
        ("web:w3/Service/web:ssh", "Unknown", "Unreachable", None),
        ("web:w4/Service/web:ssh", "Unknown", "Unreachable", None),
        ("web:w9/Service/web:ssh", "False", "Differs", None),
        ("Service/web:ssh", "Unknown", "Differs", 1),
        ("Service/web:ssh", "True", "InSync", 10),
    ]
    assert found["cluster"] == {"context": "prod", "server": "https://c:6443", "namespace": "web"}
    assert "11 that are counted are not named" in found["leftOut"][0]
    assert found["items"][1]["subject"] == "unit:ssh.service"
    assert found["items"][0]["subject"] == ""


def test_what_is_known_of_one_for_one_target_is_what_its_status_says(froyo):
    found = items(froyo, "files")
    motd = found["web:w1/File/web:motd"]
    assert (motd["since"], motd["subject"], motd["lastDiff"]) == (SINCE, "path:/etc/motd", "mode")
    assert motd["metadata"] == {
        "name": "motd",
        "namespace": "web",
        "labels": {"tier": "web"},
        "annotations": {},
    }
    assert motd["spec"] == {"path": "/etc/motd"}
    assert (motd["policy"], motd["deletion"], motd["require"]) == ("enforce", "orphan", [])
    assert found["web:w1/File/web:secret"]["spec"]["content"] == "(sensitive)"
    new, changed = found["web:w1/File/web:new"], found["web:w1/File/web:changed"]
    assert (new["ready"], new["message"]) == ("Unknown", "no operator has said anything of it yet")
    assert (changed["ready"], changed["message"]) == (
        "Unknown",
        "declared otherwise since it was last looked at",
    )
    going = found["web:w1/File/web:going"]
    assert going["message"] == "is being deleted; held"
    assert going["advice"].endswith("(there where the operator runs)")
    assert found["web:w8/File/web:wrong"]["reason"] == found["File/web:also"]["reason"] == "Invalid"


def test_names_within_the_one_namespace_that_was_asked_mean_the_same(froyo, cluster):
    assert list(items(froyo, "File/motd")) == ["web:w1/File/web:motd"]
    assert (
        list(items(froyo, "w1/File/motd")) == list(items(froyo, "File/web:motd")) == ["web:w1/File/web:motd"]
    )
    assert list(items(froyo, "/etc/motd")) == list(items(froyo, "-l", "tier=web")) == ["web:w1/File/web:motd"]
    code, _, err = froyo("get", "File/motd", "-A")
    assert (code, cluster["asked"][-1][0]) == (1, None)
    assert "nothing is known that matches 'File/motd'" in err


def test_a_target_that_no_status_names_is_said_to_be_in_doubt(froyo):
    found = documents(froyo, "services", "--target", "web:w1")
    assert found["items"] == []
    assert found["leftOut"] == [
        "Service/web:ssh: for several targets, and no status says whether web:w1 is one of those that are as declared"
    ]
    code, _, err = froyo("get", "--target", "web:w5", "-A")
    assert (code, "no target is named 'web:w5'" in err) == (1, True)


def test_the_tables_are_those_of_a_daemon(froyo):
    code, out, err = froyo("get", "services", "-n", "web")
    assert code == 0
    assert "web:w9/Service/web:ssh" in out
    assert "Service/web:ssh on 10 targets" in out
    assert "left out: of objects for several targets" in err
    assert froyo("get", "services", "-n", "web", "-q")[2] == ""
    _, out, _ = froyo("get", "targets", "--kubeconfig", "file")
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["web:w1", "connected", "5"],
        ["web:w2", "unknown", "0"],
        ["web:w6", "unknown", "0"],
        ["web:w7", "unknown", "0"],
    ]
    _, out, _ = froyo("get", "sources", "-A")
    assert "kubernetes:web  14 objects, 2 of them wrong" in out
    assert "web/File/wrong: spec.target: there is no target w8" in out
    _, out, _ = froyo("get", "suspensions", "-A")
    assert "*/Service/web:ssh" in out
    assert "trying" in out
    _, out, _ = froyo("get", "files", "-n", "web", "-o", "name")
    assert "web:w1/File/web:motd" in out.split()


def test_the_status_counts_what_it_cannot_name(froyo):
    code, out, err = froyo("status", "-n", "web")
    assert code == 1
    assert "12 of 21 instances as declared" in out
    assert "Service/web:ssh on 1 target" in out
    assert "problems of the operator itself" in err
    code, out, _ = froyo("status", "-n", "web", "-o", "json")
    status = json.loads(out)
    assert (code, status["instances"], status["ready"], status["counts"]["InSync"]) == (1, 21, 12, 12)
    assert status["notReady"][0]["address"] == "File/web:also"


@pytest.mark.parametrize(
    ("what", "path", "several"),
    [
        (["status"], "/v1/status", ""),
        (["get", "targets"], "/v1/targets", "known_targets"),
        (["get", "sources"], "/v1/sources", "known_sources"),
    ],
)
def test_a_document_has_every_field_that_a_daemons_has(froyo, what, path, several):
    given = {
        "known_targets": {"w1": TargetState(name="w1")},
        "known_sources": {"site": SourceState(name="site", revision="r", digest="d")},
    }
    daemons = asyncio.run(answer(Known(**({several: given[several]} if several else {})), path, {}))
    _, out, _ = froyo(*what, "-n", "web", "-o", "json")
    document = json.loads(out)
    assert daemons.keys() - document.keys() == set()
    for one in document.get("items", ()):
        assert daemons["items"][0].keys() - one.keys() == set()


def test_all_that_is_well_is_zero(froyo, cluster):
    cluster["objects"] = [file("motd", alone(ready()))]
    code, out, _ = froyo("status", "-n", "web", "-q")
    assert (code, out) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--context", "none"], "there is no context 'none'"),
        (["--context", "prod", "--state", "/tmp"], "--context asks a cluster, and --state names a store"),
        (["-A", "--state", "/tmp"], "--all-namespaces asks a cluster"),
        (["-A", "-n", "web"], "--namespace and --all-namespaces do not go together"),
        (["-n", "a/b"], "--namespace takes the name of a namespace, not 'a/b'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(froyo, words, said):
    for command in ("get", "status"):
        code, out, err = froyo(command, *words)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert said in err


def test_what_no_status_says_is_asked_of_the_operator(froyo):
    for what in ("orphans", "revisions", "alerts"):
        code, _, err = froyo("get", what, "-A")
        assert code == 1
        assert f"deploy/froyo-operator -- froyo get {what}" in err


def test_a_cluster_without_any_of_the_kinds_is_an_error_and_without_some_a_note(froyo, cluster):
    cluster["error"] = Unserved(["files.linux.froyo.dev", "a", "b"], OBJECTS)
    code, out, err = froyo("get", "files", "-n", "web")
    assert (code, "web:w1/File/web:motd" in out) == (0, True)
    assert (
        "left out: kinds that are installed here and the cluster does not serve: files.linux.froyo.dev and 2 more"
        in err
    )
    froyo("get", "-n", "web")
    cluster["error"] = Unserved([f"k{number}" for number in range(cluster["asked"][-1][2])], [])
    code, _, err = froyo("get", "-n", "web")
    assert code == 1
    assert "https://c:6443: the cluster does not serve k0" in err
    cluster["error"] = Unlisted("rights are missing in web")
    assert froyo("status", "-n", "web")[::2] == (1, "froyo: rights are missing in web\n")
    assert "view and edit" in cluster["asked"][-1][3]
