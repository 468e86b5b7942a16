"""`froyo explain`, on the packages that come with froyo."""

import json

import pytest

from reconciler.cli.app import run
from reconciler.cli.completing import candidates


def explain(capsys, *words):
    assert run(["explain", *words]) == 0
    return capsys.readouterr().out


def test_without_a_kind_there_are_all_of_them(capsys):
    lines = [line.split() for line in explain(capsys).splitlines()]
    assert ["Target", "froyo.dev/v1alpha1", "froyo"] in [line[:3] for line in lines]
    found = {one["kind"]: one["package"] for one in json.loads(explain(capsys, "-o", "json"))["items"]}
    assert (found["File"], found["Target"]) == ("linux.file", "")


def test_a_kind_is_told_with_its_own_fields_and_those_of_every_kind_by_name(capsys):
    text = explain(capsys, "file")
    assert text.startswith(
        "KIND:     File\nVERSION:  linux.froyo.dev/v1alpha1\nPACKAGE:  linux.file\n\nA regular file"
    )
    assert "  path  <string> required\n      Where the file is on the target" in text
    assert "      one of: present, absent\n      default: present\n" in text
    assert "provides: path:{path}" in text
    assert "Of every kind: target, targets, require" in text
    assert max(map(len, text.split("\n"))) <= 100


def test_a_field_is_told_alone(capsys):
    text = explain(capsys, "Exec.argv")
    assert "FIELD:    spec.argv  <[]string> required" in text
    assert "FIELDS" not in text
    assert "in sync" in explain(capsys, "file.require")
    assert "a duration such as 30s" in explain(capsys, "File.interval")
    assert "can be named in `notify`" in explain(capsys, "exec")


def test_where_a_secret_may_stand_is_told(capsys):
    assert "content  <string>, may hold a secret\n" in explain(capsys, "file")
    assert "<map of string>, may hold a secret" in explain(capsys, "Exec.environment")
    [item] = json.loads(explain(capsys, "user", "-o", "json"))["items"]
    assert [one["name"] for one in item["fields"] if one.get("secret")] == ["passwordHash"]


def test_all_fields_at_once_are_names_and_types(capsys):
    text = explain(capsys, "Target", "--recursive")
    assert "  ssh  <object>\n    host  <string> required\n    port  <integer>\n" in text
    [item] = json.loads(explain(capsys, "Target", "--recursive", "-o", "json"))["items"]
    [ssh] = [one for one in item["fields"] if one["name"] == "ssh"]
    assert {"name": "port", "type": "integer", "required": False, "minimum": 1, "maximum": 65535}.items() <= {
        **ssh["fields"][1]
    }.items()


def test_a_document_has_what_the_schema_says(capsys):
    [item] = json.loads(explain(capsys, "file.state", "-o", "json"))["items"]
    assert (item["path"], item["enum"], item["default"]) == ("spec.state", ["present", "absent"], "present")
    [item] = json.loads(explain(capsys, "file", "-o", "json"))["items"]
    assert item["provides"] == ["path:{path}", "path:{path}{backup}"]


def test_what_there_is_none_of_is_an_error(capsys):
    assert run(["explain", "fille"]) == 1
    assert capsys.readouterr().err == "froyo: there is no kind 'fille'; did you mean 'File'?\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("Fi", ["File"]),
        ("File.mo", ["File.mode"]),
        ("File.metadata.na", ["File.metadata.name", "File.metadata.namespace"]),
    ],
)
def test_a_shell_completes_kinds_and_their_fields(typed, offered):
    assert [word for word, _ in candidates(["explain", typed])] == offered
