"""The custom resource definitions on a real API server: it takes them, and refuses what loading refuses."""

from pathlib import Path

import pytest
import yaml

from tests.lab.control_plane import ClusterError

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

GOOD = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd}
spec: {target: web-1, path: /etc/motd, content: "hello ${target.name}\\n", mode: "${vars.mode}", owner: 0}
"""
REFUSED = {
    "an unknown field": ({"pth": "/x"}, ".spec.pth: field not declared in schema"),
    "a mode that is none": ({"mode": "rw"}, "spec.mode"),
    "no path": ({"path": None}, "spec.path: Required value"),
    "a policy that there is not": ({"policy": "yes"}, "Unsupported value"),
    "two contents": ({"source": "x"}, "spec"),
    "neither one machine nor some": ({"target": None}, "either `target` or `targets`"),
    "both": ({"targets": {}}, "either `target` or `targets`"),
    "a number for a boolean that is a word": ({"template": "yes"}, "spec.template"),
    "an owner below zero": ({"owner": -1}, "spec.owner"),
    "an interval that is none": ({"interval": "soon"}, "spec.interval"),
    "a reference that is none": ({"require": ["motd"]}, "spec.require[0]"),
}


def with_spec(changes):
    document = yaml.safe_load(GOOD)
    document["spec"] |= changes
    document["spec"] = {key: value for key, value in document["spec"].items() if value is not None}
    return yaml.safe_dump(document)


def test_an_api_server_takes_all_and_refuses_what_loading_refuses(known):
    problems = {}
    for one in known.get("crd", "-l", "app.kubernetes.io/part-of=openfroyo")["items"]:
        conditions = {c["type"]: c for c in one["status"]["conditions"]}
        if conditions.get("NonStructuralSchema", {}).get("status") == "True":
            problems[one["metadata"]["name"]] = conditions["NonStructuralSchema"]["message"]
    assert problems == {}

    known.kubectl("apply", "--server-side", "-f", "-", given=GOOD)
    stored = known.get("ffile", "motd")["spec"]
    # And the defaults, as in a file.
    assert stored == yaml.safe_load(GOOD)["spec"] | {"state": "present", "force": False}
    said = {}
    for what, (changes, message) in REFUSED.items():
        try:
            known.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", given=with_spec(changes))
        except ClusterError as error:
            said[what] = "" if message in str(error) else str(error)
        else:
            said[what] = "it was taken"
    assert {what: why for what, why in said.items() if why} == {}

    assert "motd" in known.kubectl("get", "froyo", "-A")


def test_every_example_is_taken_as_it_stands(known):
    """What is loaded from a directory is what `kubectl apply` takes, but for bodies that are files."""
    documents = []
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            group = (
                str(document.get("apiVersion", "")).partition("/")[0] if isinstance(document, dict) else ""
            )
            if group.endswith("froyo.dev"):
                document["metadata"].pop("namespace", None)  # whether there is one is not what is asked
                documents.append(document)
    assert len(documents) > 100
    # All of them at once: kubectl goes on after one that is refused, and says each.
    known.kubectl("create", "--dry-run=server", "-f", "-", given=yaml.safe_dump_all(documents))
