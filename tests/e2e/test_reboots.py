"""A host is started anew once for each cause, whenever the controller is killed or cut off meanwhile."""

import os
import random
import subprocess

import pytest

from tests.e2e.lab import BASE, on, target
from tests.e2e.site import instance, until

pytestmark = [pytest.mark.lab, pytest.mark.e2e]


def boot_of(host):
    return host.exec("cat /proc/sys/kernel/random/boot_id", check=False).strip()


@pytest.fixture
def host(lab, site):
    """A host on which nothing asks for another boot, and that counts its boots."""
    found = lab.host("h1")
    clean(found)
    unit = (
        "[Service]\\nType=oneshot\\nRemainAfterExit=yes\\n"
        "ExecStart=/bin/sh -c 'echo up >>/var/tmp/boots'\\n[Install]\\nWantedBy=multi-user.target\\n"
    )
    found.exec(
        f'mkdir {BASE}; printf "{unit}" >/etc/systemd/system/boots.service; systemctl daemon-reload;'
        " systemctl enable -q boots"
    )
    yield found
    until("it is up", lambda: found.state == "running" and boot_of(found))
    clean(found)


def clean(host):
    host.exec(
        # What is enabled and runs already would not begin: a host may have been given to another test before.
        f"systemctl disable -q --now boots; rm -rf {BASE} /var/lib/froyo /run/reboot-required /var/tmp/boots;"
        " rm -f /etc/systemd/system/boots.service; systemctl daemon-reload",
        check=False,
    )


def boots(host):
    return len(host.exec("cat /var/tmp/boots 2>/dev/null", check=False).splitlines())


def declare(lab, site, host, content, when):
    """What notifies it; then it, and what waits for it."""
    reboot = instance("Reboot", "anew", "", when=when, windows=[{}], **on(host))
    del reboot["spec"]["path"]
    notify = {"notify": ["Reboot/anew"]} if when == "notified" else {}
    watched = instance("File", "watched", f"{BASE}/watched", content=content, **notify, **on(host))
    after = instance("File", "after", f"{BASE}/after", content=content, require=["Reboot/anew"], **on(host))
    ssh = {"connectTimeout": "2s"}
    site.declare(target(lab, host, **ssh), watched, reboot, after)


def come_right(daemon, host, content, times):
    """Wait until all is there; then look whether it is started anew once more."""
    until(
        "it was started anew, and what comes after it is there",
        lambda: boots(host) >= times and host.exec(f"cat {BASE}/after", check=False) == content,
    )
    daemon.until_ready(3)
    daemon.site.froyo("reconcile")
    daemon.until_ready(3)
    assert boots(host) == times


@pytest.mark.parametrize("when", ["notified", "required"])
@pytest.mark.parametrize("kills", [6])
def test_it_is_started_anew_once_whenever_the_daemon_is_killed(lab, site, host, kills, when):
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"FROYO_SEED={seed}")  # noqa: T201 - for who reads the report
    dice = random.Random(seed)
    declare(lab, site, host, "0", "required")
    daemon = site.up()
    daemon.until_ready(3)
    for number in range(1, kills + 1):
        declare(lab, site, host, str(number), when)
        if when == "required":
            host.exec("echo x >/run/reboot-required")
        for _ in range(2):
            try:
                daemon.process.wait(0.2 + dice.random() * 2)
            except subprocess.TimeoutExpired:
                daemon.kill()
            daemon = site.up()
        come_right(daemon, host, str(number), number)
    assert daemon.terminate() == 0


def test_it_is_started_anew_once_although_nobody_saw_it_go(lab, site, host):
    declare(lab, site, host, "0", "required")
    daemon = site.up()
    daemon.until_ready(3)
    first = boot_of(host)
    declare(lab, site, host, "1", "notified")
    until("that is in the record of the host", lambda: host.exec("cat /var/lib/froyo/boot", check=False))
    host.partition()
    until("it is another boot", lambda: boot_of(host) not in ("", first))
    host.heal()
    come_right(daemon, host, "1", 1)
    assert daemon.terminate() == 0


@pytest.fixture
def pair(lab, site):
    """Two hosts that write down when they go down and when they are up again."""
    hosts = [lab.host("h1"), lab.host("h2")]
    script = "\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
    for verb, word in (("ExecStart", "up"), ("ExecStop", "down")):
        script += f"{verb}=/bin/sh -c 'echo {word} $(date +%%s.%%N) >>/var/tmp/boots'\n"
    script += "[Install]\nWantedBy=multi-user.target\n"
    for host in hosts:
        clean(host)
        host.exec(
            f"mkdir {BASE}; cat >/etc/systemd/system/boots.service <<'END'{script}END\n"
            "systemctl daemon-reload; systemctl enable -q --now boots"
        )
    yield hosts
    for host in hosts:
        until("it is up", lambda host=host: host.state == "running" and boot_of(host))
        clean(host)


def away(host):
    """When a host went down, and when it was up again."""
    lines = [line.split() for line in host.exec("cat /var/tmp/boots").splitlines()]
    _, (went, down), (came, up) = lines
    assert (went, came) == ("down", "up")
    return float(down), float(up)


def test_of_two_hosts_one_is_down_at_a_time_also_where_the_daemon_is_killed_meanwhile(lab, site, pair):
    def declare_both(content):
        documents = []
        for host in pair:
            name = host.name
            reboot = instance("Reboot", f"anew-{name}", "", when="notified", windows=[{}], **on(host))
            del reboot["spec"]["path"]
            documents += [
                target(lab, host, connectTimeout="2s"),
                instance(
                    "File",
                    f"watched-{name}",
                    f"{BASE}/watched",
                    content=content,
                    notify=[f"Reboot/anew-{name}"],
                    **on(host),
                ),
                reboot,
                instance("File", f"after-{name}", f"{BASE}/after", content="x", **on(host)),
            ]
        site.declare(*documents)

    declare_both("0")
    for host in pair:
        host.exec(f"printf 0 >{BASE}/watched; printf x >{BASE}/after")
    daemon = site.up()
    daemon.until_ready(6)
    declare_both("1")
    until(
        "one of them goes down",
        lambda: any(host.exec("cat /var/tmp/boots", check=False).count("down") for host in pair),
    )
    daemon.kill()
    daemon = site.up()
    until(
        "both were started anew",
        lambda: all(host.exec("cat /var/tmp/boots", check=False).count("up") == 2 for host in pair),
    )
    daemon.until_ready(6)
    first, second = sorted(away(host) for host in pair)
    assert first[1] < second[0]
    assert daemon.terminate() == 0
