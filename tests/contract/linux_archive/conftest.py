"""What the tests of linux.archive share."""

import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import built, site

__all__ = ["built", "site"]

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.archive"
MODULES = ("plugin", "archives")


@pytest.fixture(scope="module")
def plugin():
    """The package's module, as the sandbox loads it."""
    sys.path.insert(0, str(PACKAGE))
    kept = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    import plugin

    yield plugin
    sys.path.remove(str(PACKAGE))
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.modules.update(kept)
