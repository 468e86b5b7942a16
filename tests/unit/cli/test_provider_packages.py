"""`froyo provider list` and `new`, and how the rest of it is called."""

import json

import pytest

from reconciler.cli.app import run
from reconciler.cli.completing import candidates


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "state"
    (directory / "packages").mkdir(mode=0o700, parents=True)
    return directory


def provider(capsys, *words, status=0):
    assert run(["provider", *map(str, words)]) == status
    return capsys.readouterr()


def test_what_is_built_in_and_what_it_may_do_is_listed(capsys, state):
    text = provider(capsys, "list", "--state", state).out
    assert "linux.file 0.1.0  sha256:" in text
    assert "  kinds    File, Directory, Symlink\n" in text
    assert "  granted  all of it\n" in text
    [item] = [
        one
        for one in json.loads(provider(capsys, "list", "--state", state, "-o", "json").out)["items"]
        if one["name"] == "linux.exec"
    ]
    assert (item["builtIn"], item["entry"], [one["kind"] for one in item["kinds"]]) == (
        True,
        "plugin.py",
        ["Exec"],
    )
    assert {one["call"] for one in item["asks"]} - {one["call"] for one in item["granted"]} == {
        "exec.check.unconfined"
    }


def test_an_installed_package_is_told_what_to_grant_and_that_can_be_written_so(capsys, state):
    provider(capsys, "new", state / "packages" / "my.marker", "-q")
    text = provider(capsys, "list", "--state", state).out
    assert f"installed in {state}/packages/my.marker" in text
    _, _, hint = text.partition("write into ")
    path, asked = hint.split(":\n           ")[0], hint.split(":\n           ")[1].split("\n")[0]
    with open(path, "x", encoding="utf-8") as file:
        file.write(asked)
    items = json.loads(provider(capsys, "list", "--state", state, "-o", "json").out)["items"]
    [item] = [one for one in items if one["name"] == "my.marker"]
    assert (item["granted"], item["builtIn"]) == (item["asks"], False)
    (state / "grants.json").write_text('{"my.marker": [{"call": "file.stat", "subjects": ["path:/srv/a"]}]}')
    assert "granted  file.stat path:/srv/a\n" in provider(capsys, "list", "--state", state).out


def test_a_new_package_is_written_once(capsys, tmp_path):
    directory = tmp_path / "my-own.marker"
    out = provider(capsys, "new", directory).out
    assert f"wrote {directory}/manifest.yaml\n" in out
    assert "kind: Marker" in (directory / "manifest.yaml").read_text()
    assert "my.own.example/v1alpha1" in (directory / "manifest.yaml").read_text()
    err = provider(capsys, "new", directory, status=1).err
    assert err == f"froyo: {directory}: something is there already; nothing was written\n"
    document = json.loads(provider(capsys, "new", tmp_path / "other", "-o", "json").out)
    assert (document["kind"], "plugin.py" in document["files"]) == ("ProviderWritten", True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new", "My_Marker"], "'My_Marker' is no name of a package: lower-case letters"),
        (["new"], "DIR is missing: which package; it is: froyo provider new DIR"),
        (["list", "x"], "`provider list` takes no directory"),
        (["lst"], "ACTION is list, new, validate or test, not 'lst'; did you mean 'list'?"),
        (["test", "linux.fil"], "no installed package of that name; did you mean 'linux.file'?"),
        (
            ["test", "linux.file", "--target", "web-1"],
            "--target web-1: is neither memory nor local; where it",
        ),
    ],
)
def test_how_it_is_not_called(words, says, capsys, state):
    assert says in provider(capsys, *words, "--state", state, status=1).err


def test_a_broken_package_is_said_to_be_so_with_its_place(capsys, tmp_path):
    provider(capsys, "new", tmp_path / "my.marker", "-q")
    manifest = tmp_path / "my.marker" / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("plural:", "plurl:"))
    assert run(["validate-provider", str(tmp_path / "my.marker")]) == 1
    assert "unknown field 'plurl'" in capsys.readouterr().err


def test_a_shell_completes_what_can_be_done():
    assert [word for word, _ in candidates(["provider", ""])] == ["list", "new", "validate", "test"]
    assert [word for word, _ in candidates(["provider", "test", "x", "--target", "l"])] == ["local"]
    assert candidates(["provider", "test", "x"]) == []
