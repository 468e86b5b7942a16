"""What real Debian hosts say of themselves over SSH, to root and to anybody, and how that changes with them."""

import asyncio

import pytest

from reconciler.model.facts import SECTIONS
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target

pytestmark = pytest.mark.lab


@pytest.fixture
def host(lab):
    return lab.host("h1")


@pytest.fixture
def target(lab, host):
    def make(user):
        transport = SshTransport(
            host=host.address,
            user=user,
            identity_file=str(lab.identity_file),
            known_hosts=str(lab.known_hosts),
        )
        return Target(TargetName("h1"), {}, transport, Digest("sha256:h1"))

    return make


async def on(host, command):
    return (await asyncio.to_thread(host.exec, command)).strip()


async def test_a_debian_host_says_what_it_is_to_root_and_to_anybody(world, artifacts, target, host):
    everything = {}
    for user in ("root", "ops"):
        session = await world.open(target(user), artifacts)
        found = await session.facts()
        assert not found.cut
        everything[user] = found.sections
        await session.close()
    facts = everything["root"]
    assert facts.keys() == set(SECTIONS)
    assert everything["ops"] == facts  # nothing needs root

    assert facts["os"]["codename"] == await on(host, ". /etc/os-release; echo $VERSION_CODENAME")
    assert (facts["os"]["family"], facts["packages"]["manager"]) == ("debian", "apt")
    assert facts["init"] == {
        "system": "systemd",
        "version": (await on(host, "systemctl --version | head -1")).split()[1],
    }
    assert facts["kernel"]["release"] == await on(host, "uname -r")
    assert facts["cpu"]["count"] == int(await on(host, "getconf _NPROCESSORS_ONLN"))
    assert facts["memory"]["total"] == int(await on(host, "awk '/MemTotal/ {print $2}' /proc/meminfo")) * 1024
    assert facts["mounts"]["/"]["fstype"] == await on(host, "findmnt -no FSTYPE /")
    assert facts["machine"]["id"] == await on(host, "cat /etc/machine-id")

    network = facts["network"]
    assert network["hostname"] == await on(host, "hostname")
    assert network["fqdn"] == await on(host, "hostname -f")
    assert host.address in network["ipv4"]
    [own] = [name for name, one in network["interfaces"].items() if one["kind"] != "loopback"]
    assert host.address in {one["address"] for one in network["interfaces"][own]["addresses"]}
    assert f"link/ether {network['interfaces'][own]['mac']} " in await on(host, f"ip link show {own}")
    if default := await on(host, "ip -4 route show default"):
        assert network["default"]["ipv4"]["interface"] == default.split()[default.split().index("dev") + 1]


async def test_users_that_come_and_go_are_seen_to(world, artifacts, target, host):
    session = await world.open(target("root"), artifacts)
    before = (await session.facts({"users", "groups"})).sections
    assert "canary" not in before["users"]
    await on(host, "useradd --uid 4711 --shell /bin/sh --groups daemon canary")
    after = (await session.facts({"users", "groups"})).sections
    assert after["users"]["canary"] == {
        "uid": 4711,
        "gid": after["groups"]["canary"]["gid"],
        "groups": ["canary", "daemon"],
        "home": "/home/canary",
        "shell": "/bin/sh",
        "comment": "",
    }
    assert after["groups"]["daemon"]["members"] == ["canary"]
    await on(host, "userdel canary")
    assert (await session.facts({"users", "groups"})).sections == before
