"""A host whose systemd does not answer: what is known of services is said to be out of reach, and all else goes on."""

import os
import signal
from pathlib import Path

import pytest

from tests.contract.linux_service.test_on_a_host import unit
from tests.e2e.lab import on, target
from tests.e2e.site import instance, until

pytestmark = [pytest.mark.e2e, pytest.mark.lab]


def init_of(host):
    """The host's systemd, as this machine knows it."""
    pid = (host.path.parent / "pid").read_text().strip()
    for _ in range(2):  # of the keeper's child, which is systemd-nspawn, the child
        pid = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
    return int(pid)


@pytest.fixture
def host(lab):
    """A host whose systemd runs again afterwards."""
    found = lab.host("h1")
    yield found
    os.kill(init_of(found), signal.SIGCONT)
    found.exec("systemctl start nginx; rm -f /etc/hung.conf", check=False)


def test_services_are_out_of_reach_and_files_are_kept_until_it_answers_again(lab, site, host):
    nginx = unit("Service", "nginx", host, unit="nginx.service", state="running")
    page = instance("File", "page", "/etc/hung.conf", content="kept\n", interval="5s", **on(host))
    nginx["spec"]["interval"] = "5s"
    site.declare(target(lab, host), nginx, page)
    daemon = site.up()
    daemon.until_ready(2)
    os.kill(init_of(host), signal.SIGSTOP)

    def unreachable():
        view = daemon.resources()["h1/Service/nginx"]
        return view["ready"] != "True" and "systemd" in view["message"] and view

    view = until("the service is said to be out of reach", unreachable, patience=75)
    assert "answer" in view["message"], view
    assert view["ready"] in {"Unknown", "False"}
    for _ in range(3):
        (host.path / "etc/hung.conf").write_text("spoiled\n")
        until("the file is right again", lambda: (host.path / "etc/hung.conf").read_text() == "kept\n")
    os.kill(init_of(host), signal.SIGCONT)
    daemon.until_ready(2)
    host.exec("systemctl stop nginx")
    until("it runs again", lambda: host.exec("systemctl is-active nginx", check=False) == "active")
    assert daemon.terminate() == 0
