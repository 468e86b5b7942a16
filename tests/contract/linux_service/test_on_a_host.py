"""Units of a real host, spoiled as people spoil them, with the real commands."""

import pytest

from tests.e2e.lab import on, target
from tests.e2e.site import instance, until

pytestmark = pytest.mark.lab

APP = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
BROKEN = (
    "[Service]\nExecStart=/bin/sh -c 'echo \"the port is taken: bind() to 0.0.0.0:22 failed"
    " (98: Address already in use)\"; exit 3'\n"
)


def unit(kind, name, host, **spec):
    document = instance(kind, name, "", **on(host), **spec)
    del document["spec"]["path"]
    return document


@pytest.fixture
def host(lab):
    """A host with nginx as it came, before and after."""
    found = lab.host("h1")
    clean(found)
    yield found
    clean(found)


def clean(host):
    host.exec(
        "systemctl unmask -q nginx cron; systemctl stop -q app broken; systemctl disable -q app;"
        " rm -rf /etc/systemd/system/app.service* /etc/systemd/system/broken.service /etc/nginx/conf.d/t.conf;"
        " systemctl daemon-reload; systemctl reset-failed; systemctl enable -q nginx; systemctl restart nginx cron",
        check=False,
    )


def repaired(daemon, after, name, *words):
    """Wait until it is told of something that it was put right, in these words among others."""

    def told():
        events = daemon.events(after=after, reason="Repaired")
        return [
            one for one in events if name in one["object"] and all(word in one["message"] for word in words)
        ]

    until(f"{name} was repaired", told)


def is_so(host, question, name="nginx"):
    return host.exec(f"systemctl {question} {name}", check=False)


def test_a_host_set_up_by_hand_is_adopted_and_what_fails_says_why(lab, site, host):
    nginx = unit("Service", "nginx", host, unit="nginx.service", state="running", startup="enabled")
    site.declare(target(lab, host), nginx)
    before = host.exec("systemctl show -P MainPID nginx")
    assert "nothing to do" in site.apply().stdout
    found = site.froyo("import", "h1", str(site.manifests), "--kind", "Service").stdout
    assert "unit: cron.service" in found
    assert "unit: nginx.service" not in found  # which is declared already
    broken = unit("Unit", "broken", host, unit="broken.service", content=BROKEN)
    running = unit("Service", "broken", host, unit="broken.service", state="running")
    missing = unit("Service", "missing", host, unit="missing.service", state="running")
    site.declare(target(lab, host, user="root", become=None), nginx, broken, running, missing)
    said = site.apply(check=False)
    assert said.returncode != 0
    assert "its process exited with status 3; port 22 is held by `sshd" in said.stdout
    assert "root, ssh.service); the end of its journal" in said.stdout
    assert "the port is taken" in said.stdout
    assert "there is no unit missing.service here" in said.stdout
    page = instance(
        "File", "page", "/etc/nginx/conf.d/t.conf", content="no_such;\n", notify=["Service/nginx"], **on(host)
    )
    site.declare(target(lab, host), nginx, page)
    said = site.apply(check=False)
    assert (
        "nginx.service: its reload has failed, and it runs on with what it had; the end of its" in said.stdout
    )
    assert 'unknown directive "no_such"' in said.stdout
    assert "Started nginx" not in said.stdout  # which went well, and long ago
    assert host.exec("systemctl show -P MainPID nginx") == before


def test_what_froyo_has_started_stops_when_it_is_dropped_together_with_its_unit(lab, site, host):
    gone = {"deletion": "delete"}
    app = unit("Unit", "app", host, unit="app.service", content=APP, notify=["Service/app"], **gone)
    runs = unit(
        "Service", "app", host, unit="app.service", state="running", startup="enabled", settle=0, **gone
    )
    nginx = unit("Service", "nginx", host, unit="nginx.service", state="running", startup="enabled", **gone)
    host.exec("systemctl stop nginx")
    site.declare(target(lab, host), app, runs, nginx)
    site.apply()
    assert (is_so(host, "is-active", "app"), is_so(host, "is-enabled", "app")) == ("active", "enabled")
    site.declare(target(lab, host))
    site.apply()
    assert is_so(host, "show -P ActiveState", "app") == "inactive"
    assert is_so(host, "show -P LoadState", "app") == "not-found"
    assert not host.exec("find /etc/systemd/system -name 'app.service*'")
    # It was enabled before froyo, and not as its absence is: it stays.
    assert (is_so(host, "is-active"), is_so(host, "is-enabled")) == ("active", "enabled")
    site.declare(target(lab, host))
    assert "nothing to do" in site.apply().stdout


def test_what_people_do_to_units_is_undone_and_they_are_named(lab, site, host):
    page = instance(
        "File", "page", "/etc/nginx/conf.d/t.conf", content="# one\n", notify=["Service/nginx"], **on(host)
    )
    nginx = unit(
        "Service", "nginx", host, unit="nginx.service", state="running", startup="enabled",
        files=["/etc/nginx/conf.d/t.conf"], packages=["nginx"],
    )  # fmt: skip
    app = unit("Unit", "app", host, unit="app.service", content=APP, notify=["Service/app"])
    limits = unit(
        "Unit", "limits", host, extends="app.service", dropIn="10-limits",
        content="[Service]\nLimitNOFILE=4096\n", notify=["Service/app"],
    )  # fmt: skip
    runs = unit("Service", "app", host, unit="app.service", state="running", startup="enabled", settle=0)
    cron = unit("Service", "cron", host, unit="cron.service", state="running", settle=3)
    site.declare(target(lab, host), page, nginx, app, limits, runs, cron)
    began = host.exec("date +%s")
    daemon = site.up()
    daemon.until_ready(6)
    said = host.exec(f"journalctl -q -o cat -u nginx -u app --since @{began}").splitlines()
    assert sum(line.startswith("Reloaded nginx") for line in said) == 1
    assert sum(line.startswith("Started app") for line in said) == 1

    last = daemon.last_event()
    host.ssh("systemctl stop nginx")
    repaired(daemon, last, "Service/nginx", "`systemctl stop nginx`", "root")
    assert is_so(host, "is-active") == "active"

    # Its program is another one on the disk, as after an upgrade.
    last = daemon.last_event()
    host.exec("cp -p /usr/sbin/nginx /usr/sbin/nginx.new; mv /usr/sbin/nginx.new /usr/sbin/nginx")
    host.exec("touch /var/lib/dpkg/status")
    repaired(daemon, last, "Service/nginx", "/usr/sbin/nginx", "packages")
    assert "deleted" not in host.exec("readlink /proc/$(systemctl show -P MainPID nginx)/exe")

    last = daemon.last_event()
    host.exec("kill -9 $(systemctl show -P MainPID app)")
    repaired(daemon, last, "Service/app", "failed (signal)")
    assert is_so(host, "is-active", "app") == "active"

    last = daemon.last_event()
    host.ssh("sudo systemctl mask --now nginx", user="ops")
    repaired(daemon, last, "Service/nginx", "masked", "ops as root")
    host.exec("systemctl disable -q nginx")
    until("it is enabled", lambda: is_so(host, "is-enabled") == "enabled")

    last = daemon.last_event()
    host.exec("echo '[Service]' >/etc/systemd/system/app.service.d/10-limits.conf")
    repaired(daemon, last, "Unit/limits", "content")
    host.exec("systemctl daemon-reexec")
    host.exec("systemctl stop app")
    until("it runs again", lambda: is_so(host, "is-active", "app") == "active")
    assert is_so(host, "show -P LimitNOFILE", "app") == "4096"
    assert is_so(host, "show -P NeedDaemonReload", "app") == "no"

    # Stopped again while it has to show that it stays up: that is somebody's doing, and no failure of its own.
    last = daemon.last_event()
    host.ssh("systemctl stop cron")
    until("cron runs again", lambda: is_so(host, "is-active", "cron") == "active")
    host.ssh("sudo systemctl stop cron", user="ops")
    repaired(daemon, last, "Service/cron", "`systemctl stop cron`", "ops as root")
    assert not [one for one in daemon.events(after=last) if "after its start" in one["message"]]
    daemon.until_ready(6)
    assert "nothing to do" in site.froyo("plan", str(site.manifests), check=False).stdout
    assert daemon.terminate() == 0
