"""What a target reaches by itself, over a real sshd: a port that listens on its 127.0.0.1 alone."""

import asyncio

import pytest

from reconciler.errors import ErrorClass, RunnerError, TransportError
from reconciler.model.calls import Call, Failure, Ok
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.outside.calls import Outside

pytestmark = pytest.mark.lab

SITE = """
server { listen 127.0.0.1:8081; root /var/www/html; location / { return 200 "only here\\n"; } }
server {
    listen 127.0.0.1:8443 ssl;
    ssl_certificate /root/c.pem;
    ssl_certificate_key /root/k.pem;
    return 200 "secret\\n";
}
"""


@pytest.fixture
def target(lab, host):
    """A target on that host."""
    transport = SshTransport(
        host=host.address,
        user="root",
        identity_file=str(lab.identity_file),
        known_hosts=str(lab.known_hosts),
    )
    return lambda: Target(TargetName(host.name), {}, transport, Digest("sha256:1"))


@pytest.fixture
def host(lab):
    host = lab.host("h1")
    host.ssh(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /root/k.pem"
        " -out /root/c.pem -days 5 -subj /CN=site.example -addext subjectAltName=DNS:site.example 2>/dev/null"
    )
    host.ssh("cat > /etc/nginx/conf.d/here.conf", stdin=SITE)
    host.ssh("systemctl restart nginx")
    yield host
    host.ssh("rm -f /etc/nginx/conf.d/here.conf /root/c.pem /root/k.pem /etc/ssh/sshd_config.d/no.conf")
    host.ssh("systemctl stop nginx; systemctl restart ssh")


async def ask(session, name, **args):
    reply = await Outside(now=lambda: 0.0)(Call(name, args), session.reach)
    return reply.value if isinstance(reply, Ok) else reply


async def test_what_only_the_target_reaches(world, artifacts, host, target):
    session = await world.open(target(), artifacts)
    url = "http://127.0.0.1:8081/"
    answers = await asyncio.gather(*(ask(session, "http.get.forwarded", url=url) for _ in range(20)))
    assert [one["body"] for one in answers] == ["only here\n"] * 20
    assert (await ask(session, "http.get", url=url)).code == "no_connection"
    ca = host.ssh("cat /root/c.pem")
    answer = await ask(
        session, "http.get.forwarded", url="https://127.0.0.1:8443/", ca=ca, server_name="site.example"
    )
    assert answer["body"] == "secret\n"
    assert answer["tls"]["names"] == ["site.example"]
    said = await ask(session, "tcp.connect.forwarded", address="localhost:22", max_read=100, until="SSH")
    assert said["data"].startswith("SSH-2.0-OpenSSH")
    nobody = await ask(session, "tcp.connect.forwarded", address="127.0.0.1:9")
    assert isinstance(nobody, Failure)
    assert (nobody.code, nobody.error_class) == ("no_connection", ErrorClass.TRANSIENT)
    assert "127.0.0.1:9, from the target: connection refused" in nobody.message
    nowhere = await ask(session, "tcp.connect.forwarded", address="no.such.name.invalid:9")
    assert nowhere.code == "no_connection"
    # The runner goes on as if nothing had been.
    assert await session.command("facts", [{}])


async def test_a_server_that_forwards_nothing_says_so_and_keeps_its_session(world, artifacts, host, target):
    host.ssh("echo 'AllowTcpForwarding no' > /etc/ssh/sshd_config.d/no.conf; systemctl restart ssh")
    session = await world.open(target(), artifacts)
    with pytest.raises(RunnerError, match="forwards no connections to there: allow it") as caught:
        await session.reach("127.0.0.1", 22)
    assert (caught.value.code, caught.value.error_class) == ("no_forwarding", ErrorClass.PERMANENT)
    assert await session.command("facts", [{}])


async def test_a_lost_session_ends_what_it_carried(world, artifacts, host, target):
    session = await world.open(target(), artifacts)
    carried = await session.reach("127.0.0.1", 22)
    assert (await asyncio.get_running_loop().sock_recv(carried, 4)) == b"SSH-"
    await session.close()
    while await asyncio.get_running_loop().sock_recv(carried, 4096):
        pass
    carried.close()
    with pytest.raises(TransportError):
        await session.reach("127.0.0.1", 22)
