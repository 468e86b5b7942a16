"""The lab's hosts do to a test what the machines of the world do to us."""

import os
import subprocess

import pytest

from tests.lab.fixture import COMMAND, UNAVAILABLE, Lab

pytestmark = pytest.mark.lab


def test_each_host_is_a_system_of_its_own(lab: Lab):
    assert [host.ssh("hostname") for host in lab.hosts] == ["h1", "h2", "h3", "h4"][: len(lab.hosts)]
    assert len({host.ssh("cat /etc/machine-id") for host in lab.hosts}) == len(lab.hosts)


def test_ops_becomes_root_without_a_password(lab: Lab):
    assert lab.host("h1").ssh("sudo -n id -u", user="ops") == "0"


def test_no_login_waits_for_the_users_systemd_to_start_or_to_stop(lab: Lab):
    # To stop one may take a minute and a half here, in which the next login of the same user has to wait.
    for host in lab.hosts:
        host.ssh("true")
        host.ssh("true", user="ops")
        for user in ("0", "1000"):
            shown = host.exec(f"loginctl show-user {user} --property=Linger --property=State --value").split()
            assert shown[-1] == "yes", (host, shown)
            assert host.exec(f"systemctl is-active user@{user}.service") == "active"


def test_files_of_a_host_are_seen_from_here(lab: Lab):
    host = lab.host("h1")
    host.ssh("cat >/root/seen", stdin="there")
    try:
        assert (host.path / "root/seen").read_text() == "there"
    finally:
        host.ssh("rm /root/seen")


def test_a_partitioned_host_answers_only_out_of_band_until_it_is_healed(lab: Lab):
    host = lab.host("h4")
    host.partition()
    assert host.state == "partitioned"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["ssh", "-F", lab.ssh_config, host.name, "true"], check=True, timeout=2)
    assert host.exec("hostname") == "h4"
    host.heal()
    assert host.ssh("hostname") == "h4"


def test_a_killed_host_keeps_its_disk(lab: Lab):
    host = lab.host("h4")
    host.ssh("echo kept >/root/kept")
    host.kill()
    assert host.state == "off"
    host.start()
    assert host.ssh("cat /root/kept && rm /root/kept") == "kept"


def test_a_host_that_a_test_left_cut_off_is_healed_before_the_next(lab: Lab):
    lab.host("h4").partition()


def test_the_next_test_finds_it_running(lab: Lab):
    assert lab.host("h4").state == "running"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can stop being root")
def test_without_root_the_lab_says_that_it_needs_it():
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "bash", "-s", "up", "1"],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        input=COMMAND.read_text(),
    )
    assert (done.returncode, "needs root" in done.stderr) == (UNAVAILABLE, True)


@pytest.mark.e2e
def test_every_command_of_the_lab_does_what_it_says():
    done = subprocess.run([COMMAND.with_name("selftest")], check=False, capture_output=True, text=True)
    if done.returncode == UNAVAILABLE:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
