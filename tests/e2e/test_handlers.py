"""A handler on a real host runs once after a change, whatever dies in between, and never without one."""

import os
import random
import subprocess

import pytest

from tests.e2e.lab import BASE, RAN, handler, nothing_is_left, on, ran, target
from tests.e2e.site import instance, until

pytestmark = [pytest.mark.lab, pytest.mark.e2e]


@pytest.fixture
def host(lab, site):
    """A host without anything at BASE, before and after."""
    found = lab.host("h1")
    found.exec(f"rm -rf {BASE}; mkdir {BASE}")
    yield found
    if found.state == "running":
        found.exec(f"rm -rf {BASE}")


def declare(lab, site, host, content, script=""):
    watched = instance(
        "File", "watched", f"{BASE}/watched", content=content, notify=["Exec/note"], **on(host)
    )
    site.declare(target(lab, host), handler(host, script), watched)


def come_right(daemon, host, content, times, of=2):
    """Wait until the change is there and its handler has run; then look whether anything runs it once more."""
    daemon.until_ready(of)
    until("the file is as declared", lambda: host.exec(f"cat {BASE}/watched", check=False) == content)
    until("the handler has run", lambda: ran(host) >= times)
    daemon.until_ready(of)
    daemon.site.froyo("reconcile")
    daemon.until_ready(of)
    assert ran(host) == times


@pytest.mark.parametrize("kills", [40])
def test_it_runs_once_after_each_change_whenever_the_daemon_is_killed(lab, site, host, kills):
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"FROYO_SEED={seed}")  # noqa: T201 - for who reads the report
    dice = random.Random(seed)
    declare(lab, site, host, "0", "sleep 0.3;")
    daemon = site.up()
    come_right(daemon, host, "0", 1)
    for number in range(1, kills + 1):
        declare(lab, site, host, str(number), "sleep 0.3;")
        try:
            daemon.process.wait(dice.random() * 1.2)
        except subprocess.TimeoutExpired:
            daemon.kill()
        daemon = site.up()
        come_right(daemon, host, str(number), number + 1)
    assert daemon.terminate() == 0
    nothing_is_left(host)


WHILE_IT_RUNS = f"touch {BASE}/began; sleep 6; rm {BASE}/began;"


def test_it_runs_once_although_the_host_is_cut_off_while_it_does(lab, site, host):
    declare(lab, site, host, "1", WHILE_IT_RUNS)
    daemon = site.up()
    until("the handler has begun", lambda: host.exec(f"ls {BASE}/began", check=False))
    last = daemon.last_event()
    host.partition()
    until("that is noticed", lambda: daemon.events(after=last, reason="Unreachable"))
    until("the handler has run all the same", lambda: ran(host) == 1)
    host.heal()
    come_right(daemon, host, "1", 1)
    # What is declared while it is cut off comes right when it is back, and with it the handler.
    host.partition()
    declare(lab, site, host, "2", WHILE_IT_RUNS)
    until("that is in force", lambda: daemon.resources()[f"{host.name}/File/watched"]["generation"] == 2)
    host.heal()
    come_right(daemon, host, "2", 2)
    assert daemon.terminate() == 0
    nothing_is_left(host)


def test_it_runs_although_the_host_loses_power_before_it_is_done(lab, site, host):
    declare(lab, site, host, "1", WHILE_IT_RUNS)
    daemon = site.up()
    until("the handler has begun", lambda: host.exec(f"ls {BASE}/began", check=False))
    host.kill()
    host.start()
    assert ran(host) == 0
    come_right(daemon, host, "1", 1)
    host.kill()
    host.start()
    come_right(daemon, host, "1", 1)
    assert daemon.terminate() == 0
    nothing_is_left(host)


SERVICE = f"""[Service]
ExecStart=/usr/bin/sleep infinity
ExecReload=/bin/sh -c 'touch {BASE}/began; sleep PAUSE; rm {BASE}/began; echo ran >>{RAN}'
"""


def serve(lab, site, host, content, pause="0.3"):
    """Declare a service that says each time that it is reloaded, and that takes its time."""
    unit = instance(
        "Unit", "note", "", unit="froyo-note.service", content=SERVICE.replace("PAUSE", pause), **on(host)
    )
    note = instance("Service", "note", "", unit="froyo-note.service", state="running", **on(host))
    for one in (unit, note):
        del one["spec"]["path"]
    watched = instance(
        "File", "watched", f"{BASE}/watched", content=content, notify=["Service/note"], **on(host)
    )
    site.declare(target(lab, host), unit, note, watched)


@pytest.fixture
def served(host):
    """A host without that service afterwards."""
    yield host
    host.exec(
        "systemctl stop froyo-note; rm -f /etc/systemd/system/froyo-note.service; systemctl daemon-reload",
        check=False,
    )


@pytest.mark.parametrize("kills", [40])
def test_a_service_is_reloaded_once_for_each_change_whenever_the_daemon_is_killed(lab, site, served, kills):
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"FROYO_SEED={seed}")  # noqa: T201 - for who reads the report
    dice = random.Random(seed)
    serve(lab, site, served, "0")
    daemon = site.up()
    daemon.until_ready(3)
    already = ran(served)
    for number in range(1, kills + 1):
        serve(lab, site, served, str(number))
        try:
            daemon.process.wait(dice.random() * 1.2)
        except subprocess.TimeoutExpired:
            daemon.kill()
        daemon = site.up()
        come_right(daemon, served, str(number), already + number, of=3)
    assert daemon.terminate() == 0
    nothing_is_left(served)


def test_a_service_is_reloaded_once_although_the_host_is_cut_off_while_it_is(lab, site, served):
    serve(lab, site, served, "0", "6")
    daemon = site.up()
    daemon.until_ready(3)
    already = ran(served)
    serve(lab, site, served, "1", "6")
    until("the reload has begun", lambda: served.exec(f"ls {BASE}/began", check=False))
    last = daemon.last_event()
    served.partition()
    until("that is noticed", lambda: daemon.events(after=last, reason="Unreachable"))
    until("it is reloaded all the same", lambda: ran(served) == already + 1)
    served.heal()
    come_right(daemon, served, "1", already + 1, of=3)
    # Where the host itself loses power, it begins with what is there then.
    serve(lab, site, served, "2", "6")
    until("the reload has begun", lambda: served.exec(f"ls {BASE}/began", check=False))
    served.kill()
    served.start()
    daemon.until_ready(3)
    assert served.exec("systemctl is-active froyo-note") == "active"
    assert ran(served) <= already + 2
    assert daemon.terminate() == 0
    nothing_is_left(served)


def test_it_never_runs_without_a_change(lab, site, host):
    declare(lab, site, host, "1")
    site.apply()
    assert ran(host) == 1
    for _ in range(2):
        site.apply()
        assert ran(host) == 1
    daemon = site.up()
    daemon.until_ready(2)
    host.exec(f"touch {BASE}/watched")
    site.froyo("reconcile")
    daemon.until_ready(2)
    assert ran(host) == 1
    # Nor for a change that fails.
    watched = instance(
        "File",
        "watched",
        f"{BASE}/watched",
        content="2",
        validate=["/bin/false", "%s"],
        notify=["Exec/note"],
        **on(host),
    )
    site.declare(target(lab, host), handler(host), watched)
    failed = f"{host.name}/File/watched"
    until("it has failed", lambda: daemon.resources()[failed]["reason"] == "PermanentError")
    site.froyo("reconcile")
    until("it has failed again", lambda: daemon.resources()[failed]["reason"] == "PermanentError")
    assert ran(host) == 1
    assert daemon.terminate() == 0
