"""Jobs of cron, settings of the kernel and the name of a real Debian host, under the real commands."""

import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[3] / "examples" / "system"
TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {{name: web-1}}
spec: {{ssh: {{host: "{host}", user: root, identityFile: "{key}", knownHosts: "{known}"}}}}
"""
WRITABLE = "mount --bind /proc/sys/net /proc/sys/net && mount -o remount,rw,bind /proc/sys/net"


@pytest.fixture
def host(lab):
    """A host with a kernel of which the network can be set, as it is outside of a lab."""
    host = lab.host("h1")
    host.exec(WRITABLE)
    yield host
    host.exec(
        "sysctl -qw net.ipv4.ip_forward=0; umount /proc/sys/net; hostname h1; echo h1 > /etc/hostname;"
        " rm -f /etc/cron.d/tidy /etc/sysctl.d/zz-*",
        check=False,
    )


@pytest.fixture
def site(person, lab, host):
    shutil.rmtree(person.site)
    shutil.copytree(EXAMPLE, person.site)
    key, known = lab.identity_file, lab.known_hosts
    person.write("target.yaml", TARGET.format(host=host.address, key=key, known=known))
    return person.site


def test_settings_are_made_kept_and_removed(person, site, host):
    plan = person.froyo("plan", site, status=2).stdout
    assert "net.ipv4.ip_forward" in plan
    assert host.exec("cat /proc/sys/net/ipv4/ip_forward; hostname") == "0\nh1"
    person.froyo("apply", site)
    assert host.exec("cat /proc/sys/net/ipv4/ip_forward; hostname; cat /etc/hostname") == "1\nweb-1\nweb-1"
    assert "nothing to do: 4 instances" in person.froyo("apply", site).stdout
    host.exec(
        "sysctl -qw net.ipv4.ip_forward=0; sysctl -q --system 2>&1; sysctl -n net.ipv4.ip_forward | grep 1"
    )

    job, boot = host.path / "etc/cron.d/tidy", host.path / "etc/sysctl.d/zz-net.ipv4.ip_forward.conf"
    declared = job.read_text()
    assert r"root find /var/tmp -mtime +30 -delete; date +\%F > /run/tidied" in declared
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        person.froyo("reconcile", "--wait")
        host.exec("sysctl -qw net.ipv4.ip_forward=0")
        person.until(lambda: host.exec("cat /proc/sys/net/ipv4/ip_forward") == "1")
        host.exec("rm /etc/cron.d/tidy")
        person.until(job.exists)
        host.exec("sed -i s/30/45/ /etc/cron.d/tidy")
        person.until(lambda: job.read_text() == declared)
        host.exec("echo net.ipv4.ip_forward=0 > /etc/sysctl.d/zz-net.ipv4.ip_forward.conf")
        person.until(lambda: "ip_forward = 1" in boot.read_text())
        host.exec("echo other > /etc/hostname; hostname other")
        person.until(lambda: host.exec("hostname; cat /etc/hostname") == "web-1\nweb-1")
    events = person.froyo("events", "-v").stdout
    assert "Sysctl/forwarding  sysctl:net.ipv4.ip_forward  value (1 → 0) changed by" in events

    text = (site / "system.yaml").read_text()
    name, _, rest = text.partition("---\n")
    rest = rest.replace("{target: web-1, name: net", "{target: web-1, state: absent, name: net")
    (site / "system.yaml").write_text(
        name + "---\n" + rest.replace("  name: tidy\n  sch", "  name: tidy\n  state: absent\n  sch")
    )
    person.froyo("apply", site)
    assert not job.exists()
    assert not boot.exists()
    assert host.exec("cat /proc/sys/net/ipv4/ip_forward") == "1"


def test_what_was_set_by_hand_is_adopted_and_what_the_kernel_does_not_take_is_told(person, site, host):
    host.exec(
        "echo 'net.ipv4.ip_forward=1' > /etc/sysctl.d/zz-net.ipv4.ip_forward.conf; sysctl -qw net.ipv4.ip_forward=1;"
        " sysctl -qw 'net.ipv4.tcp_rmem=4096 131072 16777216'; hostname web-1; printf web-1 > /etc/hostname;"
        " echo net.ipv4.tcp_rmem = 4096 131072 16777216 > /etc/sysctl.d/zz-net.ipv4.tcp_rmem.conf;"
        " printf 'MAILTO=ops@example.net\\n30 3 * * mon-fri root find /var/tmp -mtime +30 -delete; "
        "date +\\\\%%F > /run/tidied\\n' > /etc/cron.d/tidy"
    )
    before = host.exec("cat /etc/sysctl.d/zz* /etc/cron.d/tidy /etc/hostname")
    assert "nothing to do: 4 instances" in person.froyo("apply", site).stdout
    assert host.exec("cat /etc/sysctl.d/zz* /etc/cron.d/tidy /etc/hostname") == before

    text = (site / "system.yaml").read_text()
    (site / "system.yaml").write_text(
        text.replace("ip_forward, value: 1", "ip_forward, value: many").replace(
            "net.ipv4.tcp_rmem", "net.none"
        )
    )
    failed = person.froyo("apply", site, status=1)
    said = failed.stdout + failed.stderr
    assert 'the kernel does not take "many"' in said
    assert "there is no setting net.none on this target" in said


def test_an_order_to_the_kernel_is_no_setting_and_a_wrong_value_is_said_to_be_one(person, site):
    person.write(
        "system.yaml",
        """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Sysctl
metadata: {name: flush}
spec: {target: web-1, name: net.ipv4.route.flush, value: 1}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: Sysctl
metadata: {name: wrong}
spec: {target: web-1, name: net.ipv4.tcp_fin_timeout, value: abc}
""",
    )
    said = person.froyo("apply", site, status=1).stdout
    assert "net.ipv4.route.flush can only be written: it is an order to the kernel, and no setting" in said
    assert 'the kernel does not take "abc": invalid argument; declare a value that this setting takes' in said
