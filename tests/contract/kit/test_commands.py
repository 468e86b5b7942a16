"""`froyo provider validate` and `test`: what people and programs are told."""

import json
from pathlib import Path

import pytest

from reconciler.app.places import Places
from reconciler.cli.app import run


@pytest.fixture(autouse=True)
def _our_places(where: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROYO_CACHE", str(where.cache))
    monkeypatch.setenv("FROYO_ARTIFACTS", str(where.artifacts))
    monkeypatch.setenv("FROYO_STATE", str(where.state))


def test_a_package_that_loads_is_valid(skeleton: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate-provider", str(skeleton)]) == 0
    assert capsys.readouterr().out == "valid: my.marker 0.1.0: Marker; 6 cases\n"
    assert run(["provider", "validate", str(skeleton), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["kinds"] == ["Marker"]


def test_one_that_does_not_load_says_at_which_line(
    skeleton: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (skeleton / "plugin.py").write_text("from froyo_provider import Provder\n")
    assert run(["provider", "validate", str(skeleton)]) == 1
    assert "plugin.py, line 1" in capsys.readouterr().err


def test_a_violation_is_told_with_the_place_of_its_case(
    skeleton: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = skeleton / "plugin.py"
    plugin.write_text(plugin.read_text().replace('        args["mode"] = mode\n', ""))
    assert run(["provider", "test", str(skeleton), "-v"]) == 1
    text = capsys.readouterr().out
    assert "✔ equal         equal worlds give equal states\n" in text
    assert "✘ idempotent    what was applied needs nothing more" in text
    assert (
        "cases/marker.yaml:3: a missing one is made: after it was applied the plan is update (mode from"
        in text
    )
    assert text.splitlines()[-1].startswith(
        "my.marker 0.1.0, 1 kind, 6 cases: does not keep cases, idempotent"
    )
    assert run(["provider", "test", str(skeleton), "-q"]) == 1
    assert "✔" not in capsys.readouterr().out
    assert run(["provider", "test", str(skeleton), "-o", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["passed"], report["world"], report["cases"]) == (False, "memory", 6)
    [broken] = [one for one in report["properties"] if one["name"] == "idempotent"]
    assert broken["findings"][0]["place"] == f"{skeleton}/cases/marker.yaml:3"


def test_a_call_that_nothing_answers_says_what_to_do(
    skeleton: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = skeleton / "manifest.yaml"
    asking.write_text(asking.read_text() + '  - {call: exec.look, argv: [["**"]]}\n')
    plugin = skeleton / "plugin.py"
    text = plugin.read_text().replace(
        "        stats = await",
        '        await batch("exec.look", [{"argv": ["true"]}])\n        stats = await',
    )
    plugin.write_text(text)
    assert run(["provider", "test", str(skeleton)]) == 1
    assert "nothing answers exec.look in memory: put a model of the world" in capsys.readouterr().err
    (skeleton / "cases" / "world.py").write_text("def answer(world, call, args):\n    return [call]\n")
    assert run(["provider", "test", str(skeleton)]) == 1
    assert 'cases/world.py, asked for exec.look: answered ["exec.look"], no object' in capsys.readouterr().err
    (skeleton / "cases" / "world.py").write_text(
        "def answer(world, call, args):\n    return {'obstacles': world['x']}\n"
    )
    assert run(["provider", "test", str(skeleton)]) == 1
    assert "cases/world.py, asked for exec.look: KeyError" in capsys.readouterr().err
    (skeleton / "cases" / "world.py").write_text("def answer(world, call, args)\n")
    assert run(["provider", "test", str(skeleton)]) == 1
    assert "cases/world.py: provider cases.world, load" in capsys.readouterr().err


def test_a_world_that_there_is_not_is_told_with_those_that_there_are(
    skeleton: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test, site = ["provider", "test", str(skeleton)], tmp_path / "site"
    site.mkdir()
    (site / "one.yaml").write_text(
        "apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {name: web-9}\nspec: {local: {}}\n"
    )
    assert run([*test, "--target", "lokal"]) == 1
    assert "--target lokal: is neither memory nor local; did you mean 'local'?" in capsys.readouterr().err
    assert run([*test, "--target", "web-9"]) == 1
    assert "--site has to name the directory that declares it" in capsys.readouterr().err
    assert run([*test, "--target", "local", "--site", str(site)]) == 1
    assert "--site declares the target, and local is none" in capsys.readouterr().err
    assert run([*test, "--target", "web-8", "--site", str(site)]) == 1
    assert "there is no target 'web-8' in" in capsys.readouterr().err
