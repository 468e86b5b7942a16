"""`froyo fmt`."""

import json

import pytest

from reconciler.cli.app import run
from reconciler.config.compiler import compiler

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
