"""A machine set up by hand is adopted without a change: what is on it becomes manifests; the first plan is empty."""

import json

import pytest

from tests.e2e.lab import target

pytestmark = [pytest.mark.lab, pytest.mark.slow]

BY_HAND = """
groupadd -g 1500 web; useradd -m -u 1501 -G web,sudo -s /bin/sh -c 'Ann, of operations' ann
echo 'ann:$6$salt$canary.canary.canary.canary.canary' | chpasswd -e
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y cowsay >/dev/null; apt-mark hold cowsay >/dev/null
systemctl mask nginx.service 2>/dev/null
"""
UNDO = """
systemctl unmask nginx.service; apt-mark unhold cowsay
DEBIAN_FRONTEND=noninteractive apt-get -qq purge -y --autoremove cowsay
userdel -r ann; groupdel web
"""


@pytest.fixture
def host(lab):
    found = lab.host("h2")
    found.exec(BY_HAND)
    yield found
    found.exec(UNDO, check=False)


def test_what_is_there_is_declared_and_adopted_without_a_change(lab, site, host):
    site.declare(target(lab, host), file="target.yaml")
    before = host.exec(
        "cat /etc/passwd /etc/group /var/lib/dpkg/status; systemctl list-unit-files --no-legend"
    )
    found = site.froyo("import", host.name, str(site.manifests), "--into", str(site.manifests / "found.yaml"))
    text = (site.manifests / "found.yaml").read_text()
    assert "canary" not in text + found.stderr
    items = json.loads(site.froyo("validate", str(site.manifests), "-o", "json").stdout)
    assert items
    for part in (
        "comment: Ann, of operations",
        "gid: 1500",
        "package: cowsay\n  hold: true",
        "startup: masked",
    ):
        assert part in text, part
    assert "nothing to do" in site.froyo("plan", str(site.manifests)).stdout
    assert "nothing to do" in site.apply().stdout
    after = host.exec(
        "cat /etc/passwd /etc/group /var/lib/dpkg/status; systemctl list-unit-files --no-legend"
    )
    assert after == before
    again = site.froyo("import", host.name, str(site.manifests))
    assert "0 manifests" in again.stderr
    assert again.stdout == ""
