"""`froyo cue export`."""

import json

from reconciler.cli.app import run


def exported(directory, capsys):
    assert run(["cue", "export", str(directory), "-o", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_definitions_are_written_once_and_again_when_they_are_others(tmp_path, capsys):
    first = exported(tmp_path, capsys)
    assert first["kind"] == "Exported"
    assert first["written"] == first["files"]
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.cue")} == set(first["files"])
    assert exported(tmp_path, capsys)["written"] == []
    stale = tmp_path / "cue.mod/gen/linux.froyo.dev/v1alpha1/definitions.cue"
    stale.write_text("package v1alpha1\n")
    assert exported(tmp_path, capsys)["written"] == [str(stale.relative_to(tmp_path))]


def test_a_module_stays_as_it_is(tmp_path, capsys):
    module = tmp_path / "cue.mod/module.cue"
    module.parent.mkdir()
    module.write_text('module: "example.com/site@v0"\nlanguage: version: "v0.12.0"\n')
    written = exported(tmp_path, capsys)["written"]
    assert "cue.mod/module.cue" not in written
    assert "example.com" in module.read_text()


def test_it_says_what_it_wrote(tmp_path, capsys):
    assert run(["cue", "export", str(tmp_path)]) == 0
    assert f"wrote {tmp_path}/cue.mod/module.cue\n" in capsys.readouterr().out
    assert run(["cue", "export", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "all of it was there already\n"


def test_a_directory_that_is_not_there_is_not_made(tmp_path, capsys):
    assert run(["cue", "export", str(tmp_path / "site")]) == 1
    assert "there is no such directory" in capsys.readouterr().err
