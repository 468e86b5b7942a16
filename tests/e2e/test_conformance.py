"""`froyo provider test --target` of all that comes with froyo, as a person has it: calls fail, and worlds are mixed."""

import subprocess
from pathlib import Path

import pytest

from tests.contract.kit.conftest import BUILT_IN
from tests.contract.kit.hosts import WRITABLE, declare, looks
from tests.lab.fixture import Lab

pytestmark = [pytest.mark.e2e, pytest.mark.lab]


@pytest.mark.parametrize("package", BUILT_IN, ids=lambda path: path.name)
def test_a_package_keeps_all_that_it_shows_on_a_host_and_gives_that_back(
    package: Path, lab: Lab, tmp_path: Path
) -> None:
    host, site = lab.host("h1"), tmp_path / "site"
    site.mkdir()
    declare(site, lab, host)
    host.exec(WRITABLE)
    before = looks(host)
    try:
        done = subprocess.run(
            [
                "froyo",
                "provider",
                "test",
                package,
                "--target",
                "h1",
                "--site",
                site,
                "--state",
                tmp_path / "s",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "✔ kinds " in done.stdout
        assert (
            "✔ recovery " in done.stdout or package.name.startswith("probe.") or package.name == "linux.boot"
        )
        assert looks(host) == before
    finally:
        host.exec("umount /proc/sys/net")
