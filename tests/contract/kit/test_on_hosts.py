"""Every kind that comes with froyo, and what people begin with, keeps on a real host what the interface promises.

What each case shows by itself, as that is quick; tests/e2e/test_conformance.py does all that the command does.
"""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.app.places import Places
from reconciler.conformance.exam import Effort
from reconciler.conformance.hosts import deletion
from reconciler.conformance.verdicts import PROPERTIES
from tests.contract.kit.conftest import BUILT_IN, ROOT, findings
from tests.contract.kit.hosts import WRITABLE, declare, looks, tried_on
from tests.lab.fixture import Host, Lab

pytestmark = pytest.mark.lab

BRIEF = Effort(mixtures=0, failing=0, removing=1, finding=1)


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


LEAVING = """\
look: {note: cat /srv/froyo-kit-note, left: cat /srv/froyo-kit-left}
cases:
- name: left
  kind: Marker
  prepare: echo left > /srv/froyo-kit-left
  spec: {path: /srv/froyo-kit-note, content: hello}
  action: create
  after: {note: other}
- {name: unprepared, kind: Marker, spec: {path: /srv/b, content: b}, prepare: "echo no such thing >&2; exit 1"}
"""


def test_what_a_case_leaves_behind_and_what_cannot_be_prepared_is_told(
    skeleton: Path, where: Places, site: Path, host: Host
) -> None:
    (skeleton / "cases" / "host").mkdir()
    (skeleton / "cases" / "host" / "notes.yaml").write_text(LEAVING)
    found = findings(tried_on(skeleton, site, host.name, where, replace(BRIEF, removing=100)))
    host.exec("rm -f /srv/froyo-kit-*")
    assert found["clean"] == ["it is not as it was before: left"]
    assert 'afterwards note is "hello", not "other"' in found["cases"]
    assert "it cannot be prepared: exit status 1: no such thing" in found["cases"]


def test_what_a_case_leaves_mounted_is_not_deleted_with_the_directory_that_it_is_in(host: Host) -> None:
    host.exec("mkdir -p /srv/froyo-kit-t/a /srv/froyo-kit-of && touch /srv/froyo-kit-of/kept")
    script = shlex.quote(deletion("/srv/froyo-kit-t", "rm -rf /srv/froyo-kit-t"))
    left = f"/bin/sh -c {script} || ls /srv/froyo-kit-t/a"
    said = host.exec(f"mount --bind /srv/froyo-kit-of /srv/froyo-kit-t/a; {left}; umount /srv/froyo-kit-t/a")
    assert "kept" in str(said)
    assert "gone" in str(host.exec(f"/bin/sh -c {script} && test ! -e /srv/froyo-kit-t && echo gone"))
    host.exec("rm -rf /srv/froyo-kit-of")


def test_a_kind_without_a_case_for_hosts_is_told(
    where: Places, site: Path, host: Host, tmp_path: Path
) -> None:
    package = tmp_path / "linux.exec"
    shutil.copytree(ROOT / "providers" / "linux.exec", package)
    shutil.rmtree(package / "cases" / "host")
    verdicts = tried_on(package, site, host.name, where, BRIEF)
    assert findings(verdicts) == {"kinds": ["no case of Exec could be tried here: give it one"]}
    assert verdicts["cases"].note.startswith("8 cannot be here, such as a command that makes something")
