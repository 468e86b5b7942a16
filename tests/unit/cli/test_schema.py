"""`froyo schema export`."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from reconciler.cli.app import run

EXAMPLES = Path(__file__).parents[3] / "examples"
FILE = {
    "apiVersion": "linux.froyo.dev/v1alpha1",
    "kind": "File",
    "metadata": {"name": "motd"},
    "spec": {"target": "web-1", "path": "/etc/motd", "mode": "0644"},
}


@pytest.fixture
def exported(tmp_path, capsys):
    def export():
        assert run(["schema", "export", str(tmp_path), "-o", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return export


@pytest.fixture
def everything(tmp_path, exported):
    exported()
    schema = json.loads((tmp_path / ".froyo/schemas/all.json").read_text())
    assert jsonschema_rs.meta.is_valid(schema)
    return jsonschema_rs.Draft7Validator(schema)


def test_there_is_one_for_each_kind_and_one_of_all_and_they_are_written_once(tmp_path, exported, capsys):
    first = exported()
    assert first["written"] == first["files"]
    assert {".froyo/schemas/all.json", ".froyo/schemas/file.json"} <= set(first["files"])
    assert exported()["written"] == []
    (tmp_path / ".froyo/schemas/file.json").unlink()
    assert run(["schema", "export", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "wrote 1 schemas to" in said
    assert "# yaml-language-server: $schema=.froyo/schemas/all.json" in said
    assert run(["schema", "export", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "all of it was there already\n"
    assert run(["schema", "export", str(tmp_path / "none")]) == 1
    assert "there is no such directory" in capsys.readouterr().err


def test_all_examples_are_as_they_say(everything):
    count = 0
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if isinstance(document, dict) and "froyo.dev" in str(document.get("apiVersion")):
                assert list(everything.iter_errors(document)) == [], path
                count += 1
    assert count > 50


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({}, None),
        ({"mode": "rw"}, "mode"),
        ({"mode": "${vars.mode}"}, None),
        ({"owner": 0}, None),
        ({"force": "yes"}, "force"),
        ({"force": "${vars.force}"}, None),
        ({"colour": "red"}, "spec"),
        ({"policy": "${vars.policy}"}, "policy"),
    ],
)
def test_what_loading_refuses_an_editor_shows(everything, spec, wrong):
    document = {**FILE, "spec": {**FILE["spec"], **spec}}
    found = [str(error.instance_path[-1]) for error in everything.iter_errors(document)]
    assert found == ([] if wrong is None else [wrong])


def test_a_kind_that_is_none_is_refused(everything):
    assert not everything.is_valid({**FILE, "kind": "Fiel"})
    assert not everything.is_valid({**FILE, "kind": "Vars"})
