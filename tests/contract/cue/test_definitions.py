"""The definitions of all kinds, as the compiler has them: CUE, formatted, and taking what a schema takes."""

import json
from pathlib import Path

import pytest

from reconciler.config.compiler import compiler
from reconciler.config.schemas import Kinds
from reconciler.documents.reading import read_documents
from reconciler.languages.cue.definitions import library
from reconciler.languages.cue.exporting import MODULE, MODULE_OF_ITS_OWN, exported
from reconciler.plugins.packages import catalog, load_packages

ROOT = Path(__file__).parents[3]
KINDS = Kinds(catalog(load_packages([ROOT / "providers"]), artifacts=ROOT))
LIBRARY = library(KINDS.known.values())


@pytest.fixture(autouse=True, scope="module")
def there():
    """Where the compiler could not be built, each test says so."""
    if compiler().missing:
        pytest.skip(compiler().missing)


def evaluated(files, library):
    return compiler().ask("cue.evaluate", {"files": files, "library": library, "tags": {}})


def test_they_are_written_as_cue_formats_them():
    files = {f"{path}.cue": text for path, text in LIBRARY.items()}
    assert compiler().ask("cue.format", {"files": files}) == {"files": files, "problems": []}


def test_so_are_the_examples():
    files = {str(path): path.read_text() for path in (ROOT / "examples").rglob("*.cue")}
    assert files
    assert compiler().ask("cue.format", {"files": files})["files"] == files


def manifests():
    """Every manifest of the examples that is right, by what it is."""
    for path in sorted((ROOT / "examples").rglob("*.yaml")):
        for document in read_documents(path.name, path.read_bytes()).documents:
            value = document.value
            kind = isinstance(value, dict) and KINDS.get(value.get("apiVersion"), value.get("kind"))
            if kind and kind.accepts(value):
                yield f"{path.relative_to(ROOT)}:{document.line}", value


def test_they_take_every_manifest_of_the_examples_as_it_is():
    written, found = {}, dict(manifests())
    paths = list(LIBRARY)
    head = "".join(f'import p{number} "{path}"\n' for number, path in enumerate(paths))
    body = "".join(
        f"{json.dumps(name)}: p{paths.index(value['apiVersion'])}.#{value['kind']} & {json.dumps(value)}\n"
        for name, value in found.items()
    )
    answer = evaluated({"a.cue": head + body}, LIBRARY)
    assert answer["problems"] == []
    [program] = answer["programs"]
    for one in program["objects"]:
        written[json.loads(one["path"])] = one["value"]
    assert written == found
    assert len(found) > 50


@pytest.mark.parametrize("loose", [False, True], ids=["strict", "loose"])
def test_they_may_be_imported_with_and_without_a_module_and_where_they_are_exported(loose):
    made = library(KINDS.known.values(), loose=loose)
    text = (
        'import "linux.froyo.dev/v1alpha1"\n\nx: v1alpha1.#File & {metadata: name: "x", spec: path: "/x"}\n'
    )
    exports = exported(KINDS.known.values())
    for files in ({}, {MODULE: MODULE_OF_ITS_OWN}, {MODULE: MODULE_OF_ITS_OWN, **exports}):
        answer = evaluated({"a.cue": text, **files}, made)
        assert answer["problems"] == []
        assert [one["path"] for program in answer["programs"] for one in program["objects"]] == ["x"]


def test_what_was_exported_of_another_version_does_not_count():
    stale = dict.fromkeys(exported(KINDS.known.values()), "package v1alpha1\n\n#File: no: string\n")
    text = (
        'import "linux.froyo.dev/v1alpha1"\n\nx: v1alpha1.#File & {metadata: name: "x", spec: path: "/x"}\n'
    )
    assert evaluated({"a.cue": text, MODULE: MODULE_OF_ITS_OWN, **stale}, LIBRARY)["problems"] == []
