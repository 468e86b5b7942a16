"""Packages on trial, in the real sandbox."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.app.conforming import conform, package_at
from reconciler.app.places import Places, places
from reconciler.app.skeleton import write_skeleton
from reconciler.conformance.verdicts import PropertyVerdict
from tests.contract.providers.conftest import artifacts, cache_dir

__all__ = ["artifacts", "cache_dir"]

ROOT = Path(__file__).parents[3]
BUILT_IN = sorted(path.parent for path in (ROOT / "providers").glob("*/manifest.yaml"))
"""Every package that comes with froyo, whether it has cases or not."""
Try = Callable[..., dict[str, PropertyVerdict]]


@pytest.fixture(scope="session")
def where(artifacts: Path, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    found = places(os.environ, state=str(tmp_path_factory.mktemp("state")))
    return Places(found.state, cache_dir.parent, artifacts)


@pytest.fixture
def trial(where: Places) -> Try:
    """Tries a package; what was found by property."""

    def run(directory: Path, *, local: bool = False) -> dict[str, PropertyVerdict]:
        package = package_at(str(directory), where)
        verdicts, _ = asyncio.run(conform(package, where, notice=lambda _: None, local=local))
        return {verdict.name: verdict for verdict in verdicts}

    return run


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """What `froyo provider new` writes."""
    directory = tmp_path / "my.marker"
    write_skeleton(directory)
    return directory


def findings(verdicts: dict[str, PropertyVerdict]) -> dict[str, list[str]]:
    """What is wrong, by property."""
    return {
        name: [one.message for one in verdict.findings]
        for name, verdict in verdicts.items()
        if verdict.findings
    }
