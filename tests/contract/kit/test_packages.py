"""What comes with froyo, and what `provider new` writes, keeps what the interface promises."""

import shutil
from pathlib import Path

import pytest

from reconciler.conformance.cases import read_cases
from reconciler.conformance.trials import trials_of
from reconciler.conformance.verdicts import PROPERTIES
from reconciler.plugins.packages import catalog, load_packages
from tests.contract.kit.conftest import BUILT_IN, ROOT, Try, findings

WITH_THE_RUNNER = {"linux.text"}
"""What nothing but the runner can do."""


@pytest.mark.parametrize("package", BUILT_IN, ids=lambda path: path.name)
def test_every_kind_of_a_built_in_package_keeps_what_it_promises(package: Path, trial: Try) -> None:
    verdicts = trial(package, local=package.name in WITH_THE_RUNNER)
    assert findings(verdicts) == {}
    assert verdicts["kinds"].looked, verdicts["kinds"].note


def test_what_is_written_to_begin_with_keeps_it_too_and_shows_every_property(
    trial: Try, skeleton: Path
) -> None:
    verdicts = trial(skeleton)
    assert findings(verdicts) == {}
    assert [name for name, verdict in verdicts.items() if not verdict.looked] == []
    assert list(verdicts) == [name for name in PROPERTIES if name != "clean"]


def test_it_keeps_it_with_the_real_runner_and_real_files(trial: Try, skeleton: Path) -> None:
    verdicts = trial(skeleton, local=True)
    assert findings(verdicts) == {}
    assert verdicts["idempotent"].looked


def test_what_real_files_cannot_show_is_left_out_and_said(trial: Try, skeleton: Path) -> None:
    cases = skeleton / "cases" / "marker.yaml"
    cases.write_text(
        cases.read_text()
        + "- {name: mounted, kind: Marker, spec: {path: /srv/m}, world: {files: {/srv/m: {mountpoint: true}}}}\n"
        + "- {name: modelled, kind: Marker, spec: {path: /srv/n}, world: {packages: {nginx: 1}}}\n"
    )
    assert trial(skeleton, local=True)["cases"].note.startswith("2 cannot be here, such as mounted: /srv/m")
    assert findings(trial(skeleton)) == {}


def test_a_package_without_cases_is_told_so_and_nothing_else(trial: Try, skeleton: Path) -> None:
    (skeleton / "cases" / "marker.yaml").unlink()
    assert findings(trial(skeleton)) == {
        "cases": [f"there are no cases in {skeleton / 'cases'}"],
        "kinds": ["no case of Marker could be tried here: give it one"],
    }


def test_a_package_that_fails_as_a_whole_fails_its_cases(trial: Try, skeleton: Path) -> None:
    plugin = skeleton / "plugin.py"
    plugin.write_text(plugin.read_text().replace('Operation("none")', 'Operation("noen")'))
    [message] = findings(trial(skeleton))["cases"][:1]
    assert "an action 'noen'" in message


def test_capabilities_are_those_that_are_used_and_no_others(trial: Try, skeleton: Path) -> None:
    manifest = skeleton / "manifest.yaml"
    manifest.write_text(
        manifest.read_text().replace("file.remove", "dir.remove").replace("/srv/**", "/srv/note")
    )
    found = findings(trial(skeleton))["capabilities"]
    assert "in apply: its manifest does not ask for file.remove of path:/srv/note" in found
    assert "in read: its manifest does not ask for file.stat of path:/srv/key" in found
    assert "it asks for dir.remove, which no case has it make: take it away, or add a case" in found


def test_the_example_in_javascript_is_a_package_whose_cases_can_be_declared(tmp_path: Path) -> None:
    """It is built and tried in tests/e2e: that takes a toolchain of its own."""
    example = tmp_path / "example.marker"
    shutil.copytree(
        ROOT / "examples" / "javascript-provider", example, ignore=shutil.ignore_patterns("node_modules")
    )
    (example / "plugin.wasm").write_bytes(b"")
    [package] = load_packages([example])
    kinds = {kind.kind: kind for kind in package.kinds}
    assert len(trials_of(read_cases(example, kinds), catalog([package]))) == 5
