"""Packages on real hosts: what is spoiled comes back, and whatever dies in a transaction, dpkg is whole in the end."""

import pytest

from tests.e2e.lab import on, target
from tests.e2e.site import Document, until

pytestmark = [pytest.mark.lab, pytest.mark.e2e]

NAMES = ("apache2", "cowsay", "hello", "jq", "lab-app", "sl", "tree")
CLEAN = f"""
export DEBIAN_FRONTEND=noninteractive
dpkg --configure -a; apt-get install -f -y -q; apt-mark unhold {" ".join(NAMES)}
apt-get purge -y -q {" ".join(NAMES)}; apt-get autoremove -y -q --purge
"""


def package(name: str, *names: str, **spec: object) -> Document:
    return {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "Package",
        "metadata": {"name": name},
        "spec": {"packages": list(names), **spec},
    }


@pytest.fixture
def host(lab):
    found = lab.host("h1")
    found.exec(CLEAN, check=False)
    yield found
    found.exec(CLEAN, check=False)


def declare(lab, site, host, *more: Document) -> None:
    site.declare(
        target(lab, host),
        package("jq", "jq", **on(host)),
        package("app", "lab-app", version="<2", hold=True, **on(host)),
        *more,
    )


def whole(host) -> bool:
    return not host.exec("dpkg --audit; ls /var/lib/dpkg/updates", check=False)


def installed(host, *names: str) -> set[str]:
    said = host.exec(
        f"dpkg-query -W -f '${{Package}} ${{Status}}\\n' {' '.join(names)} 2>/dev/null", check=False
    )
    return {line.split()[0] for line in said.splitlines() if line.endswith("install ok installed")}


def test_what_somebody_does_by_hand_is_put_back_and_he_is_named(lab, site, host):
    declare(lab, site, host)
    daemon = site.up()
    daemon.until_ready(2)
    for spoil, address in (
        ("apt-get remove -y -q jq", "h1/Package/jq"),
        ("apt-get install -y -q --allow-change-held-packages lab-app=2.0", "h1/Package/app"),
        ("apt-mark unhold lab-app", "h1/Package/app"),
    ):
        last = daemon.last_event()
        host.ssh(f"sudo {spoil}", user="ops")
        [told, *_] = until(
            f"it is put back after {spoil}",
            lambda last=last, address=address: [
                one
                for one in daemon.events(after=last)
                if one["reason"] == "Repaired" and one["object"] == address
            ],
        )
        assert "dpkg" in told["message"], told
        assert "froyo-op" not in told["message"], told
        daemon.until_ready(2)
    assert host.exec("dpkg-query -W -f '${Version} ${Status}' lab-app") == "1.0 hold ok installed"
    assert daemon.terminate() == 0


SLOW = ("apache2", "cowsay", "sl")


def begun(lab, site, host):
    """A daemon in the middle of a transaction of dpkg."""
    declare(lab, site, host)
    daemon = site.up()
    daemon.until_ready(2)
    declare(lab, site, host, package("slow", *SLOW, "tree", **on(host)))
    until("dpkg is at work", lambda: host.exec("pgrep -x dpkg", check=False))
    until(
        "something is unpacked",
        lambda: host.exec("ls /usr/games/cowsay /usr/games/sl 2>/dev/null", check=False),
    )
    return daemon


def comes_to_its_end(daemon, host):
    daemon.until_ready(3)
    assert installed(host, *SLOW, "tree") == {*SLOW, "tree"}
    until("dpkg has nothing left to do", lambda: whole(host))  # such as triggers of other packages
    assert daemon.terminate() == 0


def test_a_controller_that_is_killed_leaves_the_transaction_running_and_the_next_one_sees_what_came_of_it(
    lab, site, host
):
    daemon = begun(lab, site, host)
    daemon.kill()
    comes_to_its_end(site.up(), host)


def test_a_partition_in_the_middle_does_not_end_it(lab, site, host):
    daemon = begun(lab, site, host)
    host.partition()
    until("the session is lost", lambda: daemon.resources()["h1/Package/slow"]["reason"] == "Unreachable")
    until("the transaction is over", lambda: installed(host, *SLOW, "tree") == {*SLOW, "tree"})
    host.heal()
    comes_to_its_end(daemon, host)


def test_a_host_that_loses_its_power_in_the_middle_is_mended(lab, site, host):
    daemon = begun(lab, site, host)
    host.kill()
    host.start()
    comes_to_its_end(daemon, host)
