"""A host that is really started anew."""

import pytest

from tests.e2e.lab import BASE, on, target
from tests.e2e.site import instance, until

pytestmark = pytest.mark.lab

ALWAYS = [{}]


def reboot(host, **spec):
    document = instance("Reboot", "anew", "", **on(host), **spec)
    del document["spec"]["path"]
    return document


def told(daemon, host):
    """What holds of the Reboot."""
    return daemon.resources().get(f"{host.name}/Reboot/anew", {"reason": "", "message": ""})


def boot_of(host):
    return host.exec("cat /proc/sys/kernel/random/boot_id", check=False).strip()


@pytest.fixture
def host(lab):
    found = lab.host("h1")
    clean(found)
    yield found
    until("it is up", lambda: found.state == "running" and boot_of(found))
    clean(found)


def clean(host):
    host.exec(f"rm -rf {BASE} /var/lib/froyo /run/reboot-required; shutdown -c; mkdir {BASE}", check=False)


def test_a_host_is_started_anew_once_and_what_comes_after_waits_for_its_return(lab, site, host):
    after = instance("File", "after", f"{BASE}/after", content="x\n", require=["Reboot/anew"], **on(host))
    host.exec(
        "echo '*** System restart required ***' >/run/reboot-required; echo libc6 >/run/reboot-required.pkgs"
    )
    first = boot_of(host)
    site.declare(target(lab, host), reboot(host), after)
    # Without a window, nobody starts a host anew but who has approved it.
    said = site.froyo("plan", str(site.manifests), check=False).stdout
    assert "asked for by libc6" in said
    assert "no `windows` say when it may" in said
    daemon = site.up()
    until("it is held", lambda: told(daemon, host)["reason"] == "Held")
    assert host.exec(f"ls {BASE}", check=False) == ""
    assert boot_of(host) == first
    # Somebody else is about to shut it down: that is said, and waited for.
    host.exec("shutdown -h +60")
    site.declare(target(lab, host), reboot(host, windows=ALWAYS), after)
    until("that is said", lambda: "scheduled" in told(daemon, host)["message"])
    assert boot_of(host) == first
    host.exec("shutdown -c")
    until("the host is another boot", lambda: boot_of(host) not in ("", first))
    second = boot_of(host)
    until("what comes after it is there", lambda: host.exec(f"cat {BASE}/after", check=False) == "x")
    daemon.until_ready(2)
    assert boot_of(host) == second
    assert daemon.terminate() == 0


def test_a_single_apply_waits_for_the_return(lab, site, host):
    after = instance("File", "after", f"{BASE}/after", content="x\n", require=["Reboot/anew"], **on(host))
    host.exec("echo x >/run/reboot-required")
    first = boot_of(host)
    site.declare(target(lab, host), reboot(host, windows=ALWAYS, deletion="delete"), after)
    assert "created" in site.apply().stdout
    assert (boot_of(host) == first, host.exec(f"cat {BASE}/after")) == (False, "x")
    assert "nothing to do" in site.apply().stdout
    assert host.exec("ls /var/lib/froyo") == "boot"
    del after["spec"]["require"]
    site.declare(target(lab, host), after)
    site.apply()
    assert host.exec("ls /var/lib/froyo") == ""
