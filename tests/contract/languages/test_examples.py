"""The example that is written in each language declares the same twenty objects in all of them."""

import json
import os
from pathlib import Path

import pytest

from reconciler.app.catalogues import installed
from reconciler.app.migrating.matching import canonical
from reconciler.app.places import places
from reconciler.app.watching import take
from reconciler.config import load
from reconciler.config.compiler import compiler
from reconciler.config.loading import declaring
from reconciler.documents.reading import read_documents
from reconciler.languages import LANGUAGES
from reconciler.model.source import DirectoryPlace, Snapshot

EXAMPLES = Path(__file__).parents[3] / "examples" / "languages"
DIRECTORIES = sorted(one.name for one in EXAMPLES.iterdir() if one.is_dir())


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / "state"), "PATH": os.environ["PATH"]}


def objects(snapshot: Snapshot, environ: dict[str, str]) -> dict[str, str]:
    """What is written, or made, by kind and name, as JSON with its keys in order."""
    _, catalog = installed(places(environ))
    found: dict[str, str] = {}
    for path, made in declaring(snapshot, catalog, environ, languages=LANGUAGES).items():
        for one in (made or read_documents(path, snapshot.files[path].read())).documents:
            name = f"{one.value['kind']}/{one.value['metadata']['name']}"
            assert name not in found
            found[name] = json.dumps(one.value, sort_keys=True)
    return found


def test_there_is_one_in_each_language() -> None:
    assert DIRECTORIES == ["cue", "starlark", "yaml"]


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_the_same_twenty_objects_are_declared_in_each_language(
    directory: str, environ: dict[str, str]
) -> None:
    if directory == "cue" and compiler().missing:
        pytest.skip(compiler().missing)
    where = places(environ)
    _, catalog = installed(where)
    said = {}
    for name in ("yaml", directory):
        snapshot = take(DirectoryPlace(str(EXAMPLES / name)), where, environ)
        desired = load(snapshot, catalog, environ=environ, languages=LANGUAGES)
        assert desired.warnings == ()
        whole = json.dumps(canonical(desired), sort_keys=True).encode()
        said[name] = objects(snapshot, environ), whole
    assert len(said["yaml"][0]) == 20
    assert said[directory] == said["yaml"]
