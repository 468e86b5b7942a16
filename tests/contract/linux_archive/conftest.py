"""What the tests of linux.archive share."""

from pathlib import Path

import pytest

from tests.contract.loading import imported
from tests.e2e.conftest import built, site

__all__ = ["built", "site"]

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.archive"
MODULES = ("archives",)


@pytest.fixture(scope="module")
def plugin():
    """The package's module, as the sandbox loads it."""
    with imported(PACKAGE, MODULES) as module:
        yield module
