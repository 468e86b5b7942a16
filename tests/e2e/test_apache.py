"""The show-piece on four real hosts: from nothing to a served page, and kept so whatever dies or is done in between."""

import json
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.lab import target
from tests.e2e.site import ROOT, until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

EACH = 9
"""Instances of the example on each host."""
PORTS = {"web-1": 8080, "web-2": 8082, "web-3": 8083, "web-4": 8084}


def everywhere(work, hosts):
    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(work, hosts))


@pytest.fixture
def hosts(lab, site):
    """The example as it stands, with hosts of the lab in the place of its own, clean before and after."""
    found = dict(zip(PORTS, lab.hosts, strict=True))
    everywhere(lambda host: host.reset(), lab.hosts)
    shutil.copytree(ROOT / "examples" / "apache", site.manifests, dirs_exist_ok=True)
    site.declare(*(named(lab, name, host) for name, host in found.items()), file="targets.yaml")
    yield found
    everywhere(lambda host: host.reset(), lab.hosts)


@pytest.fixture
def host(lab, site):
    """One clean host in the place of the four, without what is only for others."""
    found = lab.hosts[0]
    shutil.copytree(ROOT / "examples" / "apache", site.manifests, dirs_exist_ok=True)
    site.declare(named(lab, "web-1", found), file="targets.yaml")
    path = site.manifests / "vars.yaml"
    path.write_text(path.read_text().split("---\n")[0])
    found.reset()
    yield found
    found.reset()


def named(lab, name, host):
    document = target(lab, host)
    document["metadata"]["name"] = name
    return document


def page(host, port):
    return host.exec(f"curl -sS http://127.0.0.1:{port}/", check=False)


def served(hosts):
    return all(f"<h1>{name}.example.org</h1>" in page(host, PORTS[name]) for name, host in hosts.items())


def told(host, what):
    """How often systemd has said something of the service."""
    return host.exec("journalctl -u apache2 -o cat --no-pager", check=False).count(f"{what} apache2.service")


def administrator(host):
    return host.exec("grep Admin /etc/apache2/sites-available/site.conf", check=False)


def change(site, admin):
    path = site.manifests / "vars.yaml"
    first, *rest = path.read_text().split("admin: ")
    _, _, behind = rest[0].partition(",")
    fresh = site.base / "vars.new"
    fresh.write_text(f"{first}admin: {admin},{behind}" + "".join(f"admin: {one}" for one in rest[1:]))
    fresh.replace(path)


def test_one_apply_leads_from_nothing_to_a_page_and_a_change_to_one_reload(site, host):
    done = site.apply()
    assert "on 1 target" in done.stdout
    assert served({"web-1": host})
    started, reloaded = told(host, "Started"), told(host, "Reloaded")
    assert site.apply().stdout == "nothing to do: 9 instances on 1 target are as declared\n"
    assert (told(host, "Started"), told(host, "Reloaded")) == (started, reloaded)
    change(site, "boss@example.org")
    again = site.apply()
    assert "File/site" in again.stdout
    assert "Service/apache" in again.stdout
    assert "boss@" in administrator(host)
    assert (told(host, "Started"), told(host, "Reloaded")) == (started, reloaded + 1)


@pytest.mark.e2e
def test_one_apply_leads_from_nothing_to_a_page_on_each_host_and_each_change_to_one_reload(site, hosts):
    done = site.apply()
    assert f"on {len(hosts)} targets" in done.stdout
    assert served(hosts)
    before = {name: (told(host, "Started"), told(host, "Reloaded")) for name, host in hosts.items()}
    again = site.apply()
    assert again.stdout == "nothing to do: 36 instances on 4 targets are as declared\n"
    assert {name: (told(host, "Started"), told(host, "Reloaded")) for name, host in hosts.items()} == before

    daemon = site.up()
    daemon.until_ready(EACH * len(hosts))
    change(site, "boss@example.org")
    common = {name: host for name, host in hosts.items() if name != "web-4"}  # which has one of its own
    for name, host in common.items():
        until("the change is there", lambda host=host: "boss@" in administrator(host))
        until("it is served", lambda host=host, name=name: told(host, "Reloaded") == before[name][1] + 1)
    daemon.until_ready(EACH * len(hosts))
    assert told(hosts["web-4"], "Reloaded") == before["web-4"][1]

    hosts["web-1"].ssh("systemctl stop apache2")
    hosts["web-2"].ssh("systemctl mask --now apache2")
    hosts["web-3"].ssh("rm /etc/apache2/sites-enabled/site.conf")
    hosts["web-4"].ssh("DEBIAN_FRONTEND=noninteractive apt-get -y remove apache2")
    events = {name: [] for name in hosts}

    def repaired():
        for name, found in events.items():
            found[:] = [e for e in daemon.events(reason="Repaired") if e["object"].startswith(f"{name}/")]
        return all(events.values())

    until("each is put right", repaired)
    until("all is served again", lambda: daemon.ready(EACH * len(hosts)) and served(hosts))
    assert {name: told(host, "Reloaded") for name, host in common.items() if name == "web-3"} == {
        "web-3": before["web-3"][1] + 2
    }
    assert daemon.terminate() == 0
    assert "nothing to do" in site.apply().stdout


@pytest.mark.e2e
def test_a_reload_is_made_although_the_daemon_is_killed_at_any_moment(site, host):
    site.apply()
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - for who reads the report
    dice = random.Random(seed)
    reloads = told(host, "Reloaded")
    daemon = site.up()
    daemon.until_ready(EACH)
    for number in range(12):
        change(site, f"number-{number}@example.org")
        try:
            daemon.process.wait(dice.random() * 1.5)
        except subprocess.TimeoutExpired:
            daemon.kill()
        daemon = site.up()
        until("it is there", lambda n=number: f"number-{n}@" in administrator(host))
        daemon.until_ready(EACH)
        site.froyo("reconcile")
        daemon.until_ready(EACH)
        # Once more where it was killed between the reload and its being on record.
        assert reloads < told(host, "Reloaded") <= reloads + 2, number
        reloads = told(host, "Reloaded")
    assert daemon.terminate() == 0


@pytest.mark.e2e
@pytest.mark.parametrize("trouble", ["partition", "power"])
def test_a_host_that_is_lost_in_the_middle_of_a_transaction_comes_right(site, host, trouble):
    daemon = site.up()
    until("dpkg is at work", lambda: host.exec("pgrep -x dpkg", check=False), patience=60)
    if trouble == "partition":
        last = daemon.last_event()
        host.partition()
        until("that is noticed", lambda: daemon.events(after=last, reason="Unreachable"))
        host.heal()
    else:
        host.kill()
        host.start()
    daemon.until_ready(EACH)
    assert host.exec("dpkg --audit") == ""
    assert served({"web-1": host})
    assert host.exec("grep -c ' install apache2:' /var/log/dpkg.log") == "1"
    assert daemon.terminate() == 0


@pytest.mark.e2e
def test_what_is_planned_says_what_each_host_will_have(site, hosts):
    plans = json.loads(site.froyo("plan", str(site.manifests), "-o", "json", check=False).stdout)
    assert (plans["create"], plans["errors"], plans["fails"]) == (28, 0, 0)
    for plan in plans["items"]:
        [ports] = [unit for unit in plan["units"] if unit["address"].endswith("/File/ports")]
        assert f"+Listen {PORTS[plan['target']]}" in ports["diffs"][1]["unified"]
    assert (
        everywhere(lambda host: host.exec("dpkg -l apache2", check=False).count("ii "), hosts.values())
        == [0] * 4
    )
