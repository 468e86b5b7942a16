"""Fixtures that any test may ask for: a server that is shared, or one for itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgresql.server import Server, server


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """One for all tests of this process; nothing may happen to it."""
    with server() as one:
        yield one


@pytest.fixture
def own_server() -> Iterator[Server]:
    """One that the test may do anything to."""
    with server() as one:
        yield one
