"""What of an object of a cluster is declared, and what is the server's and ours."""

import json

import pytest

from reconciler.model.names import SourceName
from watchers.kubernetes.listing import Unlisted, login
from watchers.kubernetes.objects import Definition, snapshot

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
NAME = SourceName("cluster")


def found(name="motd", spec=None, **metadata):
    return FILES, {"metadata": {"name": name, "namespace": "web", **metadata}, "spec": spec or {"path": "/x"}}


def test_an_object_is_the_manifest_that_a_person_would_have_written():
    taken = snapshot(NAME, [found(labels={"a": "b"}, annotations={"team": "web"}, uid="7", generation=3)])
    (path,) = taken.files
    assert path == "web/File.linux.froyo.dev/motd.json"
    assert json.loads(taken.files[path].read()) == {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "File",
        "metadata": {
            "name": "motd",
            "namespace": "web",
            "labels": {"a": "b"},
            "annotations": {"team": "web"},
        },
        "spec": {"path": "/x"},
    }


def test_what_the_server_kubectl_and_froyo_write_is_no_other_revision():
    plain = snapshot(NAME, [found()])
    noted = found(
        resourceVersion="9",
        managedFields=[{}],
        annotations={
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "reconcile.froyo.dev/requestedAt": "now",
        },
    )
    noted[1]["status"] = {"target": "web-1"}
    assert snapshot(NAME, [noted]) == plain
    assert snapshot(NAME, [found(spec={"path": "/y"})]).digest != plain.digest


def test_the_order_of_a_list_is_none_and_what_is_being_deleted_is_no_part():
    a, b = found("a"), found("b")
    assert snapshot(NAME, [a, b]) == snapshot(NAME, [b, a])
    assert list(snapshot(NAME, [b, a]).files) == [
        "web/File.linux.froyo.dev/a.json",
        "web/File.linux.froyo.dev/b.json",
    ]
    gone = found("b", deletionTimestamp="2026-01-01T00:00:00Z")
    assert snapshot(NAME, [a, gone]) == snapshot(NAME, [a])


async def test_without_a_cluster_it_is_said_how_one_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(Unlisted, match="set KUBECONFIG"):
        await login()
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(Unlisted, match="no access to a cluster"):
        await login()


def test_names_are_of_the_objects_own_namespace_where_they_say_of_none():
    spec = {"target": "web-1", "require": ["File/a", "File/db:b"], "notify": ["Service/default:c"]}
    taken = snapshot(NAME, [found(spec=spec)])
    declared = json.loads(next(iter(taken.files.values())).read())["spec"]
    assert declared == {
        "target": "web:web-1",
        "require": ["File/web:a", "File/db:b"],
        "notify": ["Service/c"],
    }
    home = found(spec=spec)
    home[1]["metadata"]["namespace"] = "default"
    declared = json.loads(next(iter(snapshot(NAME, [home]).files.values())).read())["spec"]
    assert declared == {"target": "web-1", "require": ["File/a", "File/db:b"], "notify": ["Service/c"]}
    odd = {"require": "File/a", "before": [7]}
    assert json.loads(next(iter(snapshot(NAME, [found(spec=odd)]).files.values())).read())["spec"] == odd
