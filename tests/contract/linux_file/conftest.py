"""What the tests of linux.file share."""

from types import ModuleType

import pytest

from tests.contract.linux_file.table import load_module


@pytest.fixture(scope="session")
def plugin() -> ModuleType:
    return load_module()
