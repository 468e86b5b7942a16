"""Artefacts that were built from other sources than lie here are known to be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reconciler.built import LIST, advice, stale

MADE = {"providers": {"providers/a.py": "one"}, "runner-linux-amd64": {"main.go": "two", "gone.go": "three"}}


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """Those of a checkout in which nothing has changed since."""
    listed: dict[str, dict[str, str]] = {}
    for name, sources in MADE.items():
        for path, text in sources.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_text(text)
            listed.setdefault(name, {})[path] = hashlib.sha256(text.encode()).hexdigest()
    (tmp_path / "hatch_build.py").touch()
    made = tmp_path / "reconciler" / "_artifacts"
    made.mkdir(parents=True)
    (made / LIST).write_text(json.dumps(listed))
    return made


def test_what_was_built_from_what_lies_there_is_not_stale(artifacts: Path) -> None:
    """And nothing is said."""
    assert stale(artifacts) == []
    assert advice(artifacts) == ""


def test_a_source_that_was_changed_or_removed_makes_stale_what_was_made_of_it(artifacts: Path) -> None:
    """Only that, and it is said with what to do."""
    (artifacts.parents[1] / "gone.go").unlink()
    assert stale(artifacts) == ["runner-linux-amd64"]
    assert advice(artifacts, about="providers") == ""
    assert advice(artifacts, about=("providers", "runner")) == (
        "; runner-linux-amd64 was built from other sources than lie here: run `make build`"
    )
    (artifacts.parents[1] / "providers/a.py").write_text("another")
    assert advice(artifacts).startswith("; providers and 1 more was built from other sources")


def test_where_there_are_no_sources_nothing_is_stale(artifacts: Path) -> None:
    """An installed froyo has none, and so has one whose list nobody can read."""
    (artifacts / LIST).write_text("no list")
    assert stale(artifacts) == []
    (artifacts / LIST).unlink()
    assert stale(artifacts) == []
    (artifacts / LIST).write_text('{"runner": {"main.go": "another"}}')
    assert stale(artifacts) == ["runner"]
    (artifacts.parents[1] / "hatch_build.py").unlink()
    assert stale(artifacts) == []
