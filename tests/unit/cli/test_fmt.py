"""`froyo fmt`."""

import json

import pytest

from reconciler.app import laying_out
from reconciler.cli.app import run
from reconciler.config.compiler import compiler
from reconciler.documents.formatting import CannotFormat

UGLY = {"site.cue": "x:   1\ny: {z:2}\n", "policies/a.rego": "package a\n\nx  := 1\n", "a.yaml": "a:   1\n"}
WELL = {"site.cue": "x: 1\ny: {z: 2}\n", "policies/a.rego": "package a\n\nx := 1\n", "a.yaml": "a:   1\n"}


@pytest.fixture
def site(tmp_path):
    if compiler().missing:
        pytest.skip(compiler().missing)
    for path, text in UGLY.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def written(site):
    return {path: (site / path).read_text() for path in UGLY}


def test_what_is_laid_out_otherwise_is_written_anew_with_its_mode(site, capsys):
    (site / "site.cue").chmod(0o640)
    assert run(["fmt", str(site)]) == 0
    assert "2 files written anew, of 2" in capsys.readouterr().out
    assert written(site) == WELL
    assert (site / "site.cue").stat().st_mode & 0o777 == 0o640
    assert run(["fmt", str(site), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["others"] == []


def test_a_check_writes_nothing_and_exits_with_1(site, capsys):
    assert run(["fmt", "--check", str(site)]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [f"{site}/policies/a.rego", f"{site}/site.cue"]
    assert written(site) == UGLY
    assert run(["fmt", str(site)]) == 0
    assert run(["fmt", "--check", str(site)]) == 0


def test_what_does_not_parse_is_said_and_nothing_is_written(site, capsys):
    (site / "bad.cue").write_text("x: [\n")
    (site / "empty.rego").write_text("")
    assert run(["fmt", str(site)]) == 1
    told = capsys.readouterr().err
    assert f"{site}/bad.cue:2:1: expected ']'" in told
    assert f"{site}/empty.rego:1:1: the file is empty" in told
    assert written(site) == UGLY


def test_without_a_compiler_that_is_said(site, capsys, monkeypatch, tmp_path):
    none = type(compiler())(tmp_path)
    monkeypatch.setattr("reconciler.app.formatting.compiler", lambda: none)
    assert run(["fmt", str(site)]) == 1
    assert none.missing in " ".join(capsys.readouterr().err.split())


TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata:
    name: here # this one
spec: {local: {}}
"""
FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: app}
spec: {target: here, path: /tmp/app.yaml, source: app.yaml}
"""


def test_manifests_are_laid_out_and_bodies_are_not(tmp_path, capsys, monkeypatch):
    odd = TARGET.replace("here", "odd")
    for name, text in (
        ("t.yaml", TARGET),
        ("f.yaml", FILE),
        ("app.yaml", "a:\n    b: 1\n"),
        ("odd.yaml", odd),
    ):
        (tmp_path / name).write_text(text)
    known = laying_out.formatted

    def unsure(text):
        if "odd" in text:
            raise CannotFormat("it is too odd")
        return known(text)

    monkeypatch.setattr(laying_out, "formatted", unsure)
    assert run(["fmt", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr()
    assert said.out == f"{tmp_path}/t.yaml\n1 file would be written anew, of 3\n"
    assert "left as it is: odd.yaml: it is too odd" in said.err
    assert run(["fmt", str(tmp_path), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["others"] == ["t.yaml"]
    assert (tmp_path / "t.yaml").read_text() == TARGET.replace("    name", "  name")
    assert (tmp_path / "app.yaml").read_text() == "a:\n    b: 1\n"
    (tmp_path / "bad.yaml").write_text("a: [\n")
    assert run(["fmt", str(tmp_path)]) == 1
    assert "bad.yaml:1:4" in capsys.readouterr().err
