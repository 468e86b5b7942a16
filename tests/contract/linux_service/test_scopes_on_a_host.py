"""Units of a real user's manager, spoiled as that user would, and a user who wishes root ill."""

import pytest

from tests.contract.linux_service.test_on_a_host import unit
from tests.e2e.lab import target
from tests.e2e.site import until

pytestmark = pytest.mark.lab

APP = (
    "[Service]\nExecStart=/usr/bin/sleep infinity\nExecReload=/bin/true\n[Install]\nWantedBy=default.target\n"
)
ANN = "/home/ann"
PLACE = f"{ANN}/.config/systemd/user"


@pytest.fixture
def host(lab):
    """A host with the user ann, who lingers."""
    found = lab.host("h1")
    clean(found)
    found.exec("useradd -m -s /bin/bash ann && loginctl enable-linger ann")
    until("her manager runs", lambda: is_so(found, "is-system-running") in {"running", "degraded"})
    yield found
    clean(found)


def clean(host):
    host.exec(
        "loginctl disable-linger ann; loginctl terminate-user ann; systemctl stop user@$(id -u ann).service;"
        " pkill -9 -u ann; userdel -f -r ann; rm -f /etc/systemd/user/all.service /tmp/of-root; true",
        check=False,
    )


def as_ann(command):
    return f"runuser -u ann -- sh -c '{command}'"


def systemctl(words):
    return as_ann(f"XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user {words}")


def is_so(host, question, name=""):
    return host.exec(systemctl(f"{question} {name}"), check=False).strip()


def test_units_of_a_user_are_kept_and_whoever_spoils_them_is_named(lab, site, host):
    mine = {"scope": "user", "user": "ann"}
    app = unit("Unit", "app", host, unit="app.service", content=APP, notify=["Service/app"], **mine)
    runs = unit(
        "Service", "app", host, unit="app.service", state="running", startup="enabled", settle=0, **mine
    )
    everybody = unit("Unit", "all", host, unit="all.service", content=APP, scope="global")
    tidy = unit("Timer", "tidy", host, **mine, schedule="daily", command=["/usr/bin/true", "100%"])
    tidy["spec"]["name"] = "tidy"
    site.declare(target(lab, host), app, runs, everybody, tidy)
    daemon = site.up()
    daemon.until_ready(4)
    assert is_so(host, "is-active", "app") == "active"
    assert is_so(host, "is-enabled", "app") == "enabled"
    assert is_so(host, "is-active", "tidy.timer") == "active"
    owners = f"stat -c %U:%a {ANN}/.config {ANN}/.config/systemd {PLACE} {PLACE}/app.service"
    assert host.exec(owners).split() == [*3 * ["ann:755"], "ann:644"]
    assert host.exec("stat -c %U:%a /etc/systemd/user/all.service").strip() == "root:644"

    def repaired(after, name, *words):
        def told():
            events = daemon.events(after=after, reason="Repaired")
            return [
                one
                for one in events
                if name in one["object"] and all(word in one["message"] for word in words)
            ]

        return until(f"{name} was repaired", told)

    def stopped():
        """Whether it was told who stopped it: `systemctl` may have ended before it is looked for."""
        last = daemon.last_event()
        host.exec(systemctl("stop app.service"))
        (told, *_) = repaired(last, "Service/app")
        return "systemctl --user stop app.service" in told["message"] and "ann" in told["message"]

    assert any(stopped() for _ in range(4))
    assert is_so(host, "is-active", "app") == "active"

    last = daemon.last_event()
    before = is_so(host, "show -P MainPID", "app")
    host.exec(as_ann(f"echo [Service] >{PLACE}/app.service"))
    repaired(last, "Unit/app", "content")
    until("it was restarted once", lambda: is_so(host, "show -P MainPID", "app") not in {before, "0"})
    assert is_so(host, "show -P NeedDaemonReload", "app") == "no"

    last = daemon.last_event()
    host.exec("systemctl kill -s KILL --kill-whom=main user@$(id -u ann).service")
    until(
        "her manager is gone",
        lambda: is_so(host, "is-active", "app") != "active" or daemon.events(after=last),
    )
    host.exec("systemctl start user@$(id -u ann).service")
    until("it runs again", lambda: is_so(host, "is-active", "app") == "active")
    daemon.until_ready(4)
    assert "nothing to do" in site.froyo("plan", str(site.manifests), check=False).stdout
    assert daemon.terminate() == 0


def test_a_user_gains_nothing_by_links_and_one_without_a_manager_is_told_what_to_do(lab, site, host):
    mine = {"scope": "user", "user": "ann"}
    app = unit("Unit", "app", host, unit="app.service", content=APP, **mine)
    host.exec("echo of root >/tmp/of-root; mkdir -p /root/hers")
    host.exec(as_ann(f"mkdir -p {ANN}/.config/systemd; ln -s /root/hers {PLACE}"))
    site.declare(target(lab, host), app)
    said = site.apply(check=False)
    assert f"the symbolic link {PLACE} belongs to user" in said.stdout
    assert host.exec("ls /root/hers").strip() == ""
    host.exec(as_ann(f"rm {PLACE}; mkdir {PLACE}; ln -s /tmp/of-root {PLACE}/app.service"))
    assert site.apply(check=False).returncode == 0
    assert host.exec("cat /tmp/of-root; stat -c %U /tmp/of-root").split() == ["of", "root", "root"]
    assert host.exec(f"stat -c %F:%U {PLACE}/app.service").strip() == "regular file:ann"

    # Her way to the manager leads to that of root.
    host.exec("systemctl stop user@$(id -u ann).service")
    host.exec("install -d -o ann -m 0700 /run/user/$(id -u ann) /run/user/$(id -u ann)/systemd")
    host.exec(as_ann("ln -sf /run/systemd/private /run/user/$(id -u)/systemd/private"))
    nginx = unit("Service", "nginx", host, unit="nginx.service", state="running", **mine)
    site.declare(target(lab, host), nginx)
    said = site.froyo("plan", str(site.manifests), check=False)
    assert "the manager of ann" in said.stdout
    assert "nginx.service is" not in said.stdout

    host.exec("rm -r /run/user/$(id -u ann)/systemd; loginctl disable-linger ann")
    runs = unit("Service", "app", host, unit="app.service", state="running", settle=0, **mine)
    site.declare(target(lab, host), app, runs)
    said = site.froyo("plan", str(site.manifests), check=False)
    assert "`loginctl enable-linger ann` starts it" in said.stdout

    clean(host)
    said = site.froyo("plan", str(site.manifests), check=False)
    assert "there is no user ann on this host: declare a User" in said.stdout


def test_units_of_all_users_begin_with_their_managers_and_are_given_back(lab, site):
    host = lab.host("h1")
    name = "froyo-all"
    host.exec("find /etc/systemd/user -name 'froyo-*' -delete")
    everybody = unit("Unit", "all", host, unit=f"{name}.service", content=APP, scope="global")
    begins = unit("Service", "all", host, unit=f"{name}.service", scope="global", startup="enabled")
    tidy = unit("Timer", "tidy", host, scope="global", schedule="daily", command=["/usr/bin/true"])
    tidy["spec"]["name"] = "froyo-tidy"
    declared = (everybody, begins, tidy)
    for one in declared:
        one["spec"]["deletion"] = "delete"

    def state(file):
        return host.exec(f"systemctl --global is-enabled {file} 2>&1", check=False).strip()

    site.declare(target(lab, host), *declared)
    assert site.apply(check=False).returncode == 0
    assert (state(f"{name}.service"), state("froyo-tidy.timer")) == ("enabled", "enabled")
    assert "nothing to do" in site.froyo("plan", str(site.manifests), check=False).stdout
    daemon = site.up()
    daemon.until_ready(3)
    host.exec(f"systemctl --global disable {name}.service")
    until("it begins with them again", lambda: state(f"{name}.service") == "enabled")
    assert daemon.terminate() == 0
    site.declare(target(lab, host))
    said = site.apply(check=False).stdout
    found = host.exec(
        "find /etc/systemd/user -name 'froyo-*' -not -path '*/default.target.wants/*'", check=False
    ).strip()
    assert found == "", said


def test_what_a_user_has_set_up_is_found_and_then_there_is_nothing_to_do(lab, site, host):
    units = {
        "app.service": APP,
        "tidy.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/true\n",
        "tidy.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    }
    host.exec(as_ann(f"mkdir -p {PLACE}; ln -s /etc/shadow {PLACE}/evil.service"))
    for name, text in units.items():
        host.exec(as_ann(f"cat >{PLACE}/{name} <<E\n{text}E\n"))
    host.exec(systemctl("daemon-reload"))
    host.exec(systemctl("enable -q --now app.service tidy.timer"))
    site.declare(target(lab, host))
    kinds = ("--kind", "Unit", "--kind", "Service", "--kind", "User")
    found = site.froyo("import", "h1", str(site.manifests), *kinds).stdout
    assert "linger: true" in found
    assert "evil" not in found
    for name in ("ann-app.service", "ann-tidy.timer"):
        assert found.count(f"name: {name}") == 2  # the Unit, and the Service that enables it
    (site.manifests / "found.yaml").write_text(found)
    assert "nothing to do" in site.froyo("plan", str(site.manifests)).stdout
