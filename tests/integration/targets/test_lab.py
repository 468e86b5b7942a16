"""Sessions with real Debian hosts over SSH, and what is left of them there: nothing."""

import asyncio
import base64
import hashlib
import os
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.errors import TransportError
from reconciler.model.blob import Blob
from reconciler.model.calls import Ok
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.targets import ssh_channel
from reconciler.targets.artifacts import Artifacts
from tests.unit.targets.conftest import Build

pytestmark = pytest.mark.lab

BODY = random.Random(7).randbytes(20_000_000)
# What a login leaves by itself, whoever it was.
LOGIN = (
    *("/run/systemd/", "/run/user/", "/run/log/", "/run/sudo/", "/run/utmp"),
    *("/var/log/", "/var/lib/systemd/"),
)


@pytest.fixture
def host(lab):
    return lab.host("h1")


@pytest.fixture
def target(lab, host):
    """A target on that host, with changes."""

    def make(on=host, **changes):
        transport = {
            "host": on.address,
            "user": "root",
            "identity_file": str(lab.identity_file),
            "known_hosts": str(lab.known_hosts),
        }
        return Target(
            TargetName(on.name), {}, SshTransport(**(transport | changes)), Digest(f"sha256:{on.name}")
        )

    return make


def processes(host):
    """Those of ours that run on a host."""
    return host.exec("ps -eo args | grep -e 'serve --sha256' -e froyo-bootstrap | grep -v grep", check=False)


def files(host):
    """The names of everything on a host's disks and memory disks."""
    found = host.exec(
        "find / /run /dev/shm /tmp -xdev ! -path '/proc/*' 2>/dev/null; ls -d /run/user/*/.froyo*",
        check=False,
    )
    return {name for name in found.splitlines() if not name.startswith(LOGIN)}


async def until_nothing_is_left(host, before):
    """Wait until no process of ours is left, and see that no file is."""
    while await asyncio.to_thread(processes, host):
        pass
    assert await asyncio.to_thread(files, host) == before


async def on(host, command, *, check=True):
    return await asyncio.to_thread(host.exec, command, check=check)


WAYS = pytest.mark.parametrize(
    "way", [{"user": "root"}, {"user": "ops"}, {"user": "ops", "become": "sudo"}], ids=["root", "ops", "sudo"]
)


@WAYS
async def test_nothing_is_left_after_a_session(world, artifacts, target, host, way):
    before = files(host)
    session = await world.open(target(**way), artifacts)
    assert session.ready.uid == (1000 if way == {"user": "ops"} else 0)
    facts = (await session.facts()).sections
    assert (facts["network"]["hostname"], facts["os"]["id"]) == ("h1", "debian")
    assert processes(host)
    # Not even while it runs is there a file of it.
    assert files(host) == before
    await session.close()
    await until_nothing_is_left(host, before)


@pytest.mark.parametrize("user", ["", "ops"])
async def test_a_check_of_a_host_sees_all_of_it_and_changes_nothing(world, artifacts, target, host, user):
    """Whatever the kernel of the host has for that; as root it takes nothing but mounts."""
    marker = "/home/ops/marker"
    host.exec(f"echo kept >{marker}; chown ops {marker}; chmod 755 /home/ops")
    session = await world.open(target(user="root"), artifacts)
    looking = [f"grep -q kept {marker}", "systemctl is-active dbus >/dev/null", "pgrep -x systemd >/dev/null"]
    changing = [
        f"echo spoiled >{marker}",
        f"rm {marker}",
        f"chmod 600 {marker}",
        f"touch -d yesterday {marker}",
        "mkdir /home/ops/new",
        f"mount -o remount,bind,rw / && rm {marker}",
        f"echo spoiled >/proc/1/root{marker}",
    ]
    scripts = [*looking, *changing]
    items = [{"argv": ["sh", "-c", f"{script} 2>/dev/null"], "user": user or "root"} for script in scripts]
    replies = await session.command("exec.check", items)
    done = [script for script, reply in zip(scripts, replies, strict=True) if reply.value["exit"] == 0]
    assert done == looking
    assert host.exec(f"cat {marker}").strip() == "kept"
    await session.close()


CONTROLLER = """
import asyncio, os, sys
from pathlib import Path
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets import ssh_channel
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
state, host, user, become, identity, known_hosts, half = sys.argv[1:]
if half:
    real = ssh_channel.SshChannel.ship
    def ship(self, content):
        real(self, content[:len(content) // 2])
        print("half", flush=True)
    ssh_channel.SshChannel.ship = ship
async def main():
    lanes = ThreadLanes()
    runtime = Runtime(connect=make_connect(state=Path(state), offload=lanes, environ=os.environ), offload=lanes)
    transport = SshTransport(
        host=host, user=user, become=become, identity_file=identity, known_hosts=known_hosts
    )
    target = Target(TargetName("h1"), {}, transport, Digest("sha256:0"))
    session = await Session.open(target, runtime=runtime, on_event=print)
    print("open", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


def start_controller(tmp_path, target, half=""):
    transport = target.transport
    return subprocess.Popen(
        [
            *(sys.executable, "-c", CONTROLLER, str(tmp_path), transport.host, transport.user),
            *(transport.become, transport.identity_file, transport.known_hosts, half),
        ],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )


@WAYS
@pytest.mark.parametrize("moment", ["half", "open"])
async def test_nothing_is_left_after_the_controller_was_killed(
    artifacts, target, host, tmp_path, way, moment
):
    before = files(host)
    with start_controller(tmp_path, target(**way), "half" if moment == "half" else "") as controller:
        assert await asyncio.to_thread(controller.stdout.readline) == f"{moment}\n".encode()
        assert await asyncio.to_thread(files, host) == before
        controller.kill()
    await until_nothing_is_left(host, before)


@WAYS
async def test_nothing_is_left_after_a_partition(world, artifacts, target, host, way):
    before = files(host)
    session = await world.open(target(**way), artifacts, ttl=3, heartbeat=1, silence=3, farewell=0.1)
    calls = [asyncio.ensure_future(session.command("exec", [{"argv": ["sleep", "60"]}])) for _ in range(3)]
    await on(host, "true")
    await asyncio.to_thread(host.partition)
    for call in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(call, TransportError)
    assert "silent for 3 s" in await session.wait_closed()
    # Nobody can tell the runner; it ends by itself.
    await until_nothing_is_left(host, before)
    await asyncio.to_thread(host.heal)
    again = await world.open(target(**way), artifacts)
    assert (await again.facts()).sections["network"]["hostname"] == "h1"


async def test_a_partition_in_the_middle_of_the_transfer_leaves_no_file(artifacts, target, host, tmp_path):
    before = files(host)
    with start_controller(tmp_path, target(), "half") as controller:
        assert await asyncio.to_thread(controller.stdout.readline) == b"half\n"
        await asyncio.to_thread(host.partition)
        controller.kill()
    assert await asyncio.to_thread(files, host) == before
    # The shell would give up in some minutes; here it is told so.
    assert "timeout 300 sh -c read -r guard; exec head -c" in await on(host, "ps -eo args")
    await on(host, "pkill -f '^timeout 300 sh'")
    await until_nothing_is_left(host, before)


async def test_a_session_that_is_lost_in_the_middle_of_a_frame_fails_every_call(
    world, artifacts, target, host
):
    session = await world.open(target(), artifacts)
    await on(host, "head -c 50000000 /dev/urandom >/root/large")
    calls = [
        asyncio.ensure_future(call)
        for call in (
            session.read_file("/root/large"),
            session.command("exec", [{"argv": ["sleep", "60"]}]),
            session.command("exec", [{"argv": ["sleep", "60"]}]),
        )
    ]
    # As soon as the file is on its way: a part of a frame has arrived.
    while not session._link._connection._reader.incomplete:
        await asyncio.wait([calls[0]], timeout=0)
    await on(host, f"kill -9 $(ps -o ppid= -p {session.ready.pid})")
    for call in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(call, TransportError)
        assert "h1: the session was lost" in str(call)
    await on(host, "rm /root/large")
    again = await world.open(target(), artifacts)
    assert (await again.facts()).sections["network"]["hostname"] == "h1"


async def test_large_bodies_go_both_ways_also_across_new_keys(world, artifacts, target, host):
    with sshd(host, "RekeyLimit=1M") as port:
        session = await world.open(target(port=port, known_hosts=trusting(world, host, port)), artifacts)
        blob = Blob(Digest(f"sha256:{hashlib.sha256(BODY).hexdigest()}"), len(BODY), lambda: BODY)
        await session.send_blob(blob)
        (reply,) = await session.command("file.write", [{"path": "/root/body", "blob": blob.digest}])
        assert reply.value["size"] == len(BODY)
        assert await session.read_file("/root/body") == (BODY, blob.digest)
        await session.command("file.remove", [{"path": "/root/body"}])
        await session.close()


async def test_a_change_on_a_host_is_noticed(world, artifacts, target, host):
    events = asyncio.Queue()
    session = await world.open(target(), artifacts, on_event=events.put_nowait)
    status = await session.watch(["path:/etc/motd"])
    assert (status.watching, status.mode) in {(1, "fanotify"), (1, "inotify")}
    await on(host, "echo changed >/etc/motd")
    event = await events.get()
    assert [change.subject for change in event.changes] == ["path:/etc/motd"]


# --- What must not run --------------------------------------------------------------------------------


@WAYS
async def test_a_binary_that_is_tampered_with_on_its_way_is_not_started(
    world, artifacts, target, host, monkeypatch, way
):
    before = files(host)
    real = ssh_channel.SshChannel.ship
    monkeypatch.setattr(
        ssh_channel.SshChannel, "ship", lambda self, content: real(self, content[:-100] + bytes(100))
    )
    with pytest.raises(TransportError, match=r"did not arrive as it was sent, .*and was not started"):
        await world.open(target(**way), artifacts)
    await until_nothing_is_left(host, before)


@WAYS
async def test_a_binary_that_somebody_else_has_signed_refuses_itself(
    world, artifacts, target, host, tmp_path, way
):
    before = files(host)
    directory = tmp_path / "evil"
    directory.mkdir()
    evil = Build(directory)
    evil.make("amd64", (artifacts.directory / "runner-linux-amd64").read_bytes() + b"\0")
    with pytest.raises(TransportError, match=r"h1: .*not the binary that was signed, and refused to run"):
        await world.open(target(**way), Artifacts(directory))
    await until_nothing_is_left(host, before)


# --- Many at once -------------------------------------------------------------------------------------


@contextmanager
def sshd(host, *options):
    """A second sshd on the host, with other settings."""
    port = 2222
    said = " ".join(f"-o {option}" for option in ("PidFile=/run/second.pid", *options))
    host.exec(f"mkdir -p /run/sshd; /usr/sbin/sshd -p {port} {said}")
    # It goes into the background before it listens and writes the file after that; it closes its port, then removes it.
    host.exec("until [ -s /run/second.pid ]; do sleep 0.01; done")
    try:
        yield port
    finally:
        host.exec("kill $(cat /run/second.pid); while [ -e /run/second.pid ]; do sleep 0.01; done")


def trusting(world, host, port):
    """A known_hosts file for it."""
    key = " ".join((host.path / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])
    world.state.mkdir(exist_ok=True)
    path = world.state / "second"
    path.write_text(f"[{host.address}]:{port} {key}\n")
    return str(path)


async def test_twenty_sessions_at_once_respect_what_an_ordinary_sshd_allows(world, artifacts, target, host):
    since = host.exec("date '+%Y-%m-%d %H:%M:%S'")
    runtime = world.runtime(artifacts)
    # Twenty logins at once keep a small machine busy for a while; that is not what is asked here.
    patient = target(connect_timeout=60)
    channels = await asyncio.gather(*(runtime.connect(patient) for _ in range(20)))
    assert processes(host).count("serve --sha256") >= 20
    await asyncio.gather(*(channel.close() for channel in channels))
    log = await on(host, f"journalctl --sync; journalctl -u ssh --since '{since}' --no-pager")
    assert log.count("Accepted publickey") >= 20
    assert "MaxStartups" not in log
    assert "drop connection" not in log


async def test_connections_that_a_strict_sshd_drops_are_tried_again(world, artifacts, target, host):
    with sshd(host, "MaxStartups=2") as port:
        there = target(port=port, known_hosts=trusting(world, host, port), connect_timeout=60)
        runtime = world.runtime(artifacts)
        channels = await asyncio.gather(*(runtime.connect(there) for _ in range(12)))
        await asyncio.gather(*(channel.close() for channel in channels))


async def test_one_session_is_enough_where_only_one_is_allowed(world, artifacts, target, host):
    with sshd(host, "MaxSessions=1", "MaxStartups=1") as port:
        session = await world.open(target(port=port, known_hosts=trusting(world, host, port)), artifacts)
        replies = await asyncio.gather(*(session.command("facts", [{}]) for _ in range(20)))
        assert all(isinstance(reply, Ok) for (reply,) in replies)
        await session.close()


async def test_an_unreachable_host_costs_the_others_nothing(lab, world, artifacts, target):
    cut, *others = lab.hosts
    await asyncio.to_thread(cut.partition)
    runtime = world.runtime(artifacts)
    unreachable = [
        asyncio.ensure_future(runtime.connect(target(cut, connect_timeout=3600))) for _ in range(40)
    ]
    channels = await asyncio.gather(*(runtime.connect(target(other)) for other in others for _ in range(3)))
    assert not any(connecting.done() for connecting in unreachable)
    await asyncio.gather(*(channel.close() for channel in channels))
    for connecting in unreachable:
        connecting.cancel()
    await asyncio.wait(unreachable)
    with pytest.raises(TransportError, match=r"h1: root@.*: cannot connect: no answer within 0\.5 s"):
        await runtime.connect(target(cut, connect_timeout=0.5))


async def test_a_host_behind_another_is_reached_through_it(lab, world, artifacts, target):
    first, second = lab.hosts[:2]
    session = await world.open(target(second, proxy_jump=f"ops@{first.address}"), artifacts)
    assert (await session.facts()).sections["network"]["hostname"] == second.name
    await session.close()


# --- What may be the matter with a host ---------------------------------------------------------------


OWN = "/run/user/1000"


@pytest.mark.parametrize(
    ("option", "why"), [("noexec", "nothing can be executed there"), ("size=1m", "no room")]
)
async def test_a_directory_that_the_runner_cannot_be_started_from_is_passed_over(
    world, artifacts, target, host, option, why
):
    places = (OWN, "/dev/shm", "/tmp", "/var/tmp")
    try:
        for mounted, place in enumerate(places, start=1):
            mode = "uid=1000,mode=700" if place == OWN else "mode=1777"
            await on(host, f"mount -t tmpfs -o {option},{mode} none {place}")
            if mounted < len(places):
                session = await world.open(target(user="ops"), artifacts)
                await session.close()
        with pytest.raises(TransportError, match=r"h1: ops@.*no directory to run the runner from") as caught:
            await world.open(target(user="ops"), artifacts)
        for place in places:
            assert f"{place} ({why})" in str(caught.value)
            assert await on(host, f"ls -A {place}") == ""
    finally:
        for place in places:
            await on(host, f"umount {place}", check=False)


async def test_a_sudo_that_asks_for_a_password_is_explained(world, artifacts, target, host):
    await on(host, "mv /etc/sudoers.d/ops /root/ops.sudoers; adduser --quiet ops sudo")
    try:
        with pytest.raises(TransportError, match=r"h1: sudo asks ops for a password, which nobody is there"):
            await world.open(target(user="ops", become="sudo"), artifacts)
        await on(host, "deluser --quiet ops sudo")
        with pytest.raises(TransportError, match=r"h1: sudo (asks|does not let) ops"):
            await world.open(target(user="ops", become="sudo"), artifacts)
    finally:
        await on(host, "deluser --quiet ops sudo", check=False)
        await on(host, "mv /root/ops.sudoers /etc/sudoers.d/ops")


async def test_the_clients_own_files_say_the_same_as_ours(lab, world, artifacts, target, host):
    with pytest.raises(TransportError, match=r"h1: root@.*: its host key is not known: it shows ssh-ed25519"):
        await world.open(target(known_hosts=os.devnull), artifacts)
    session = await world.open(target(known_hosts=os.devnull, trust_on_first_use=True), artifacts)
    await session.close()
    recorded = (world.state / "known_hosts").read_text().split()
    assert recorded[1:] == (host.path / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
    with pytest.raises(TransportError, match=r"h1: nobody@.*: nobody is let in with none of the keys"):
        await world.open(target(user="nobody"), artifacts)


@pytest.fixture
def start_up_file(host):
    """What the login shell of ops runs before anything else, also for a command."""
    path = host.path / "home/ops/.bashrc"
    before = path.read_text() if path.exists() else None
    yield path
    if before is None:
        path.unlink()
    else:
        path.write_text(before)


NOISE = """
echo Welcome; printf 'no newline, \\033]0;a title\\007'; echo oops >&2; stty sane
PATH=/nowhere; umask 0; alias head=false; cd /; export LC_ALL=xx POSIXLY_CORRECT=1
"""


@WAYS
async def test_what_a_login_shell_does_first_does_not_matter(world, artifacts, target, start_up_file, way):
    start_up_file.write_text(NOISE)
    session = await world.open(target(**way), artifacts)
    (reply,) = await session.command("exec", [{"argv": ["sh", "-c", "umask; echo $PATH $LC_ALL"]}])
    said = base64.b64decode(reply.value["stdout"]).decode().splitlines()
    assert said == ["0022", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    await session.close()


@pytest.mark.parametrize(
    ("first", "why"),
    [
        ("exec sh", "h1: ops@.*: it starts a shell, and not what it is asked to"),
        ("exit", "h1: ops@.*: its login shell ended, and has not started the runner"),
        ("exec /usr/sbin/nologin", "h1: ops@.*status 1; its login shell said: This account is currently not"),
    ],
)
async def test_a_login_shell_that_becomes_something_else_is_told_of_and_runs_nothing(
    world, artifacts, target, host, start_up_file, first, why
):
    before = files(host)
    start_up_file.write_text(first)
    with pytest.raises(TransportError, match=why):
        await world.open(target(user="ops"), artifacts)
    await until_nothing_is_left(host, before)


async def test_neither_a_home_nor_a_tmp_that_cannot_be_written_to_is_in_the_way(
    world, artifacts, target, host
):
    made = (
        "mount --bind /home /home; mount -o remount,ro,bind /home;"
        "mount -t tmpfs -o size=4k,mode=1777 none /tmp; head -c 4096 /dev/zero >/tmp/full"
    )
    await on(host, made)
    try:
        for way in ({"user": "ops"}, {"user": "ops", "become": "sudo"}):
            session = await world.open(target(**way), artifacts)
            assert isinstance((await session.command("file.stat", [{"path": "/etc/motd"}]))[0], Ok)
            await session.close()
    finally:
        await on(host, "umount /home; umount /tmp")


@pytest.mark.parametrize("setting", ["use_pty", "log_output,log_input", "umask=0777", "secure_path=/none"])
async def test_sudo_may_be_set_up_in_many_ways(world, artifacts, target, host, setting):
    path = host.path / "etc/sudoers.d/zz"
    path.write_text(f"Defaults {setting}\n")
    path.chmod(0o440)
    try:
        session = await world.open(target(user="ops", become="sudo"), artifacts)
        assert session.ready.uid == 0
        body = Blob(Digest(f"sha256:{hashlib.sha256(BODY).hexdigest()}"), len(BODY), lambda: BODY)
        await session.send_blob(body)
        (reply,) = await session.command("file.write", [{"path": "/root/body", "blob": body.digest}])
        assert (reply.value["size"], reply.value["mode"]) == (len(BODY), "0644")
        await session.command("file.remove", [{"path": "/root/body"}])
        await session.close()
    finally:
        path.unlink()
        await on(host, "rm -rf /var/log/sudo-io")


async def test_a_sudo_that_wants_a_terminal_is_explained(world, artifacts, target, host):
    path = host.path / "etc/sudoers.d/zz"
    path.write_text("Defaults requiretty\n")
    path.chmod(0o440)
    try:
        with pytest.raises(TransportError, match=r"h1: sudo wants a terminal.*requiretty"):
            await world.open(target(user="ops", become="sudo"), artifacts)
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("ForceCommand=internal-sftp", "its login shell said: This service allows sftp connections only"),
        ("ForceCommand=/bin/bash", "it starts a shell, and not what it is asked to.*ForceCommand"),
        ("ForceCommand=/bin/true", "has not started the runner.*ForceCommand"),
        ("MaxSessions=0", "logged in, but no command may be started"),
        ("DenyUsers=ops", "ops is let in with none .*may that user log in at all"),
    ],
)
async def test_an_sshd_that_starts_nothing_for_us_is_told_of(world, artifacts, target, host, setting, why):
    with sshd(host, setting) as port, pytest.raises(TransportError, match=rf"h1: ops@.*:{port}: .*{why}"):
        await world.open(target(user="ops", port=port, known_hosts=trusting(world, host, port)), artifacts)


async def test_the_runner_is_called_what_it_is(world, artifacts, target, host):
    session = await world.open(target(), artifacts)
    pid = session.ready.pid
    assert host.exec(f"ps -o comm= -p {pid}") == "froyo-runner"
    assert host.exec(f"ps -o args= -p {pid}").startswith("froyo-runner ")
    await session.close()


async def test_of_who_changed_a_file_the_number_is_known_and_nothing_that_is_not_so(
    world, artifacts, target, host
):
    events = asyncio.Queue()
    session = await world.open(target(), artifacts, on_event=events.put_nowait)
    await on(host, "touch /root/spoiled")
    status = await session.watch(["path:/root/spoiled"])
    if status.mode != "fanotify":
        pytest.skip("nobody is named here")
    for number in range(30):
        mode = ("600", "640")[number % 2]
        await on(host, f"chmod {mode} /root/spoiled")
        (change,) = (await events.get()).changes
        # A process that has ended by then has a number and nothing else: how often, tests/bench/drift.py measures.
        assert change.evidence.pid
        # Of one that is about to end the name is known, and the rest of its command line may be gone.
        assert change.evidence.command in ("", "chmod", f"chmod {mode} /root/spoiled")
    await on(host, "rm /root/spoiled")
    await session.close()
