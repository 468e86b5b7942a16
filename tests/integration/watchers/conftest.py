"""A repository, and what fetches from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.watchers.origins import Fetched, Origin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path / "origin")


@pytest.fixture
def fetched(tmp_path: Path) -> Iterator[Fetched]:
    found = Fetched(tmp_path / "state")
    yield found
    found.lanes.close()
