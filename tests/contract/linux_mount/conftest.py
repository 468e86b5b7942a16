"""What the tests of linux.mount share."""

from pathlib import Path

import pytest

from tests.contract.loading import imported

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.mount"
MODULES = ("mounts", "options", "steps", "tables")


@pytest.fixture(scope="module")
def plugin():
    """The package's module, as the sandbox loads it."""
    with imported(PACKAGE, MODULES) as module:
        yield module
