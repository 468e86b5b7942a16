"""What the tests of linux.text share."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.contract.linux_text.bench import PACKAGE, Bench


@pytest.fixture(scope="session")
def runner() -> None:
    """The runner, up to date."""
    root = PACKAGE.parents[1]
    subprocess.run([sys.executable, "hatch_build.py", "runner"], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module")
def bench(runner: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("state"))
    yield bench
    bench.close()
