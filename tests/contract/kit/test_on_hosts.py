"""Every kind that comes with froyo, and what people begin with, keeps on a real host what the interface promises.

What each case shows; tests/e2e/test_conformance.py lets calls fail besides, and does all that the command does.
"""

from pathlib import Path

import pytest

from reconciler.app.places import Places
from reconciler.conformance.exam import Effort
from reconciler.conformance.verdicts import PROPERTIES
from tests.contract.kit.conftest import BUILT_IN, findings
from tests.contract.kit.hosts import WRITABLE, declare, looks, tried_on
from tests.lab.fixture import Host, Lab

pytestmark = pytest.mark.lab

BRIEF = Effort(mixtures=1, failing=0, finding=1)


@pytest.fixture
def host(lab: Lab):
    """A host that is as before when it is given back."""
    host = lab.host("h1")
    host.exec(f"{WRITABLE}; rm -rf /run/froyo")
    before = looks(host)
    yield host
    after = looks(host)
    host.exec("umount /proc/sys/net")
    assert after == before


@pytest.fixture
def site(tmp_path: Path, lab: Lab, host: Host) -> Path:
    site = tmp_path / "site"
    site.mkdir()
    declare(site, lab, host)
    return site


@pytest.mark.parametrize("package", BUILT_IN, ids=lambda path: path.name)
def test_every_kind_of_a_built_in_package_keeps_it_on_a_host(
    package: Path, where: Places, site: Path, host: Host
) -> None:
    verdicts = tried_on(package, site, host.name, where, BRIEF)
    assert findings(verdicts) == {}
    assert verdicts["kinds"].looked
    assert verdicts["clean"].looked


def test_what_is_written_to_begin_with_keeps_it_on_a_host(
    skeleton: Path, where: Places, site: Path, host: Host
) -> None:
    verdicts = tried_on(skeleton, site, host.name, where, Effort(mixtures=4))
    assert findings(verdicts) == {}
    assert [name for name, verdict in verdicts.items() if not verdict.looked] == []
    assert list(verdicts) == list(PROPERTIES)
