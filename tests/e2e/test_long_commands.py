"""A long command on a real host: nothing cuts it in half, it is found again, and nobody waits for it."""

import pytest

from tests.e2e.lab import BASE, RAN, execution, nothing_is_left, on, ran, target
from tests.e2e.site import instance, local, until

pytestmark = [pytest.mark.lab, pytest.mark.e2e]

ROOT = {"user": "ops", "become": "sudo"}
USER = {"user": "ops", "become": None}


@pytest.fixture
def host(lab, site):
    """A host on which everybody may write to BASE, which is empty before and gone after."""
    found = lab.host("h2")
    found.exec(f"rm -rf {BASE}; mkdir {BASE}; chmod 0777 {BASE}")
    yield found
    found.exec(f"rm -rf {BASE}")


def long(host, seconds):
    script = f"echo ran >>{RAN}; sleep {seconds}; cat /proc/self/cgroup >{BASE}/made"
    return execution("long", script, creates=f"{BASE}/made", **on(host))


def kept(site):
    """Something that is always declared, so that a source without the host is not an empty one."""
    return local(), instance("File", "kept", site.world / "kept", content="kept")


def begin(lab, site, host, seconds, **ssh):
    site.declare(target(lab, host, **ssh), *kept(site), long(host, seconds))
    daemon = site.up()
    until("the command has begun", lambda: ran(host) == 1)
    until("that is told", lambda: daemon.resources()[f"{host.name}/Exec/long"]["reason"] == "Applying")
    return daemon


def ends_well(daemon, host, instances=2):
    daemon.until_ready(instances)
    assert ran(host) == 1
    assert host.exec(f"cat {BASE}/made")
    assert daemon.terminate() == 0
    nothing_is_left(host)


def test_as_root_it_is_a_unit_of_its_own(lab, site, host):
    daemon = begin(lab, site, host, 10, **ROOT)
    units = host.exec("systemctl list-units --plain --no-legend 'froyo-op-*' | cut -d' ' -f1").split()
    assert len(units) == 1
    cgroup = until("it has ended", lambda: host.exec(f"cat {BASE}/made", check=False))
    assert units[0] in cgroup
    ends_well(daemon, host)


@pytest.mark.parametrize("ssh", [ROOT, USER], ids=["a unit of systemd", "without systemd"])
@pytest.mark.parametrize("how", ["terminated", "killed"])
def test_a_daemon_that_ends_leaves_it_running_and_the_next_one_has_its_result(lab, site, host, how, ssh):
    daemon = begin(lab, site, host, 12, **ssh)
    if how == "killed":
        daemon.kill()
    else:
        assert daemon.terminate() == 0
    assert host.exec(f"ls {BASE}/made", check=False) == ""
    ends_well(site.up(), host)


def test_dropping_the_target_leaves_it_running_and_its_result_is_had_when_it_is_back(lab, site, host):
    daemon = begin(lab, site, host, 15, **ROOT)
    site.declare(*kept(site))
    until("the target is dropped", lambda: len(daemon.ask("targets")["items"]) == 1)
    assert host.exec(f"ls {BASE}/made", check=False) == ""
    site.declare(target(lab, host, **ROOT), *kept(site), long(host, 15))
    ends_well(daemon, host)


def test_another_way_to_the_same_host_finds_it(lab, site, host):
    daemon = begin(lab, site, host, 15, **ROOT)
    site.declare(target(lab, host, user="root", become=None), *kept(site), long(host, 15))
    until("it is reached so", lambda: "as root" in str(daemon.events(reason="Connected")[-1]["message"]))
    ends_well(daemon, host)


def test_a_spoiled_file_waits_neither_for_a_validation_nor_for_a_command(lab, site, host):
    slow = instance(
        "File",
        "slow",
        f"{BASE}/slow",
        content="slow",
        validate=["/bin/sh", "-c", 'sleep 30; test -s "$0"', "%s"],
        **on(host),
    )
    quick = instance("File", "quick", f"{BASE}/quick", content="quick", **on(host))
    site.declare(target(lab, host, **ROOT), slow, quick, long(host, 30))
    daemon = site.up()

    def reasons():
        return {view["address"].split("/")[2]: view["reason"] for view in daemon.resources().values()}

    begun = {"slow": "Applying", "long": "Applying", "quick": "Applied"}
    until("both are under way", lambda: reasons() == begun)
    for number in range(5):
        host.exec(f"echo {number} >{BASE}/quick")
        until("it is repaired", lambda: host.exec(f"cat {BASE}/quick") == "quick")
        assert host.exec(f"ls {BASE}/slow {BASE}/made 2>/dev/null", check=False) == ""
    assert {reasons()["slow"], reasons()["long"]} == {"Applying"}
    ends_well(daemon, host, 3)
    assert host.exec(f"cat {BASE}/slow") == "slow"
