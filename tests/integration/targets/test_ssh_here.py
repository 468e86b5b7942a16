"""SSH without a lab: a server in this process, which does what it is asked to in a shell of this machine."""

import asyncio
import os
import random
import socket
import subprocess
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from functools import partial

import pytest

from reconciler.errors import TransportError
from reconciler.model.calls import Ok
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets import login, ssh_channel
from reconciler.targets.artifacts import Artifacts, architecture
from reconciler.targets.connect import make_connect
from reconciler.targets.secure_shell import asyncssh
from reconciler.targets.session import Session
from tests.unit.targets.conftest import build  # noqa: F401 - the same fixture

ARCH = architecture(os.uname().machine)
OTHER = "arm64" if ARCH == "amd64" else "amd64"


class Server:
    """An sshd in miniature, and what it has seen."""

    def __init__(self, directory):
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key.write_private_key(str(directory / "id"))
        (directory / "id").chmod(0o600)
        self.user_key.write_public_key(str(directory / "id.pub"))
        self.identity = str(directory / "id")
        self.known_hosts = directory / "known_hosts"
        self.run = directory / "run"
        self.run.mkdir()
        self.environ = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(self.run)}
        self.commands = []
        self.running = set()
        self.connections = 0
        self.shell = "/bin/sh"
        self.refuses = False
        self.before = ""

    @asynccontextmanager
    async def listening(self, host="127.0.0.1", *, more_host_keys=(), **options):
        outer = self

        class Connection(asyncssh.SSHServer):
            def connection_made(self, _):
                outer.connections += 1

            def begin_auth(self, _):
                return True

            def public_key_auth_supported(self):
                return True

            def validate_public_key(self, _, key):
                return key == outer.user_key.convert_to_public()

            def connection_requested(self, *_):
                return True

            def session_requested(self):
                return False if outer.refuses else asyncssh.SSHServerProcess(outer.execute, None, 3, False)

        listener = await asyncssh.listen(
            host,
            0,
            server_factory=Connection,
            server_host_keys=[self.host_key, *more_host_keys],
            encoding=None,
            **options,
        )
        self.host, self.port = host, listener.get_port()
        self.write_known_hosts(self.host_key)
        async with listener:
            yield
        if self.running:
            await asyncio.wait(self.running)

    def write_known_hosts(self, key):
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {key.export_public_key().decode()}")

    async def execute(self, process):
        self.commands.append(process.command)
        self.running.add(asyncio.current_task())
        child = await asyncio.create_subprocess_exec(
            self.shell,
            "-c",
            self.before + process.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environ,
        )

        async def feed():
            with suppress(asyncssh.Error, OSError):
                while data := await process.stdin.read(65536):
                    child.stdin.write(data)
                    await child.stdin.drain()
            child.stdin.close()

        async def pump(source, sink):
            while data := await source.read(65536):
                with suppress(OSError):
                    sink.write(data)
                    await sink.drain()

        feeding = asyncio.ensure_future(feed())
        await asyncio.gather(pump(child.stdout, process.stdout), pump(child.stderr, process.stderr))
        status = await child.wait()
        with suppress(OSError):
            if status < 0:
                process.exit_with_signal("KILL")
            else:
                process.exit(status)
        feeding.cancel()
        await asyncio.wait([feeding])
        child.stdin.close()
        with suppress(OSError):
            await child.stdin.wait_closed()

    def fake(self, tool, text):
        directory = self.run.parent / "bin"
        directory.mkdir(exist_ok=True)
        (directory / tool).write_text(f"#!/bin/sh\n{text}\n")
        (directory / tool).chmod(0o755)
        self.environ["PATH"] = f"{directory}:{self.environ['PATH']}"

    def target(self, **changes):
        transport = SshTransport(
            host=self.host,
            port=self.port,
            user="ada",
            identity_file=self.identity,
            known_hosts=str(self.known_hosts),
        )
        return Target(TargetName("web-1"), {}, replace(transport, **changes), Digest("sha256:0"))


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


@pytest.fixture
def runtime(build, tmp_path):  # noqa: F811 - the fixture
    lanes = ThreadLanes()
    environ = {"USER": "ada"}
    connect = make_connect(
        state=tmp_path / "state",
        cache=tmp_path / "cache",
        offload=lanes,
        artifacts=Artifacts(build.directory),
        environ=environ,
        random=random.Random(1),
    )
    yield Runtime(connect=connect, offload=lanes, environ=environ)
    lanes.close()


def open_session(runtime, target):
    return Session.open(target, runtime=runtime, on_event=lambda event: None)


async def test_one_command_on_one_channel_is_all_there_is_to_a_session(server, runtime):
    async with server.listening():
        session = await open_session(runtime, server.target())
        (reply,) = await session.command("look", [{}])
        assert reply.value["argv"][1] == "serve"
        assert reply.value["cwd"] == "/"
        assert len(server.commands) == server.connections == 1
        assert os.listdir(server.run) == []
        await session.close()
        assert "it was asked to" in await session.wait_closed()


async def test_what_a_login_shell_says_does_not_disturb(server, runtime):
    server.before = "echo Welcome to Debian; echo news >&2; "
    async with server.listening():
        session = await open_session(runtime, server.target())
        await session.close()


async def test_a_login_shell_that_says_too_much_is_given_up(server, runtime):
    server.before = "yes | head -c 100000; "
    async with server.listening():
        with pytest.raises(TransportError, match=r"the SSH channel was closed; its login shell said: y / y"):
            await open_session(runtime, server.target())


async def test_a_login_shell_that_complains_without_end_is_given_up(server, runtime):
    server.before = "yes oh no | head -c 3000000 >&2; "
    async with server.listening():
        with pytest.raises(
            TransportError, match=r"web-1: ada@127.*: it sends more than anybody asked for: .*oh no"
        ):
            await open_session(runtime, server.target())


async def test_a_target_that_complains_without_end_is_given_up(server, runtime):
    server.before = "(sleep 0.3; yes oh no | head -c 3000000) >&2 & "
    async with server.listening():
        # On a busy machine the session is not even open when that begins.
        try:
            why = await (await open_session(runtime, server.target())).wait_closed()
        except TransportError as error:
            why = str(error)
        assert "it sends more than anybody asked for: over 1 MiB" in why


async def test_a_login_shell_that_does_not_obey_is_quoted(server, runtime):
    server.before = "echo This account is currently not available.; exit 1; "
    async with server.listening():
        with pytest.raises(
            TransportError,
            match=r"web-1: ada@127.*: the target's shell ended with status 1; its .* said: This account is",
        ):
            await open_session(runtime, server.target())


async def test_a_shell_that_runs_in_place_of_what_is_asked_for_is_told_of_and_does_nothing(
    server, runtime, tmp_path
):
    server.fake("forced", "exec sh")
    real = server.execute

    async def force(process):
        server.shell = str(server.run.parent / "bin" / "forced")
        await real(process)

    server.execute = force
    async with server.listening():
        with pytest.raises(
            TransportError, match=r"it starts a shell, and not what it is asked to.*ForceCommand"
        ):
            await open_session(runtime, server.target())


async def test_a_command_that_runs_in_place_of_what_is_asked_for_is_told_of(server, runtime):
    server.before = "exit 0; "
    async with server.listening():
        with pytest.raises(
            TransportError, match=r"its login shell ended, and has not started .*ForceCommand"
        ):
            await open_session(runtime, server.target())


# --- Machines -----------------------------------------------------------------------------------------


async def test_a_machine_of_another_kind_gets_its_runner_on_the_same_connection(server, runtime, tmp_path):
    other = {"amd64": "x86_64", "arm64": "aarch64"}[OTHER]
    server.fake("uname", f"echo Linux {other}")
    async with server.listening():
        for sent in (2, 1):
            server.commands.clear()
            server.connections = 0
            session = await open_session(runtime, server.target())
            assert (len(server.commands), server.connections) == (sent, 1)
            await session.close()
    assert OTHER in (tmp_path / "cache" / "machines.json").read_text()


async def test_a_machine_that_there_is_no_runner_for_says_so(server, runtime):
    server.fake("uname", "echo Linux riscv64")
    async with server.listening():
        with pytest.raises(TransportError, match="web-1: there is no runner for riscv64 machines"):
            await open_session(runtime, server.target())


async def test_a_machine_that_changes_its_mind_is_given_up(server, runtime):
    other = {"amd64": "x86_64", "arm64": "aarch64"}
    once = server.run.parent / "once"
    server.fake(
        "uname",
        f"if [ -e {once} ]; then rm {once}; echo Linux {other[ARCH]};"
        f" else : >{once}; echo Linux {other[OTHER]}; fi",
    )
    async with server.listening():
        with pytest.raises(TransportError, match="it does not know which kind of machine it is"):
            await open_session(runtime, server.target())


async def test_a_machine_without_gzip_gets_the_runner_as_it_is(server, runtime):
    # The script looks for gzip by `command -v`, which finds functions too: only this one is broken.
    server.fake(
        "without", 'exec /bin/sh -c "$(echo "$2" | sed "s/command -v gzip/command -v no-such-gzip/")"'
    )
    server.shell = str(server.run.parent / "bin" / "without")
    async with server.listening():
        session = await open_session(runtime, server.target())
        assert len(server.commands) == 2
        assert "gzip -dc" not in server.commands[1]
        await session.close()


async def test_a_binary_that_is_tampered_with_on_its_way_is_not_started(server, runtime, monkeypatch):
    real = ssh_channel.SshChannel.ship

    def tamper(self, content):
        real(self, content[:-20] + b"\0" * 20)

    monkeypatch.setattr(ssh_channel.SshChannel, "ship", tamper)
    async with server.listening():
        with pytest.raises(TransportError, match="did not arrive as it was sent"):
            await open_session(runtime, server.target())
    assert os.listdir(server.run) == []


# --- Host keys ----------------------------------------------------------------------------------------


async def test_an_unknown_host_key_is_refused_before_anybody_logs_in(server, runtime):
    async with server.listening():
        server.known_hosts.write_text("")
        with pytest.raises(TransportError, match=r"web-1: ada@127.*: its host key is not known: it shows"):
            await open_session(runtime, server.target())
    assert server.commands == []


async def test_a_changed_host_key_is_refused_whatever_the_target_says(server, runtime):
    async with server.listening():
        server.write_known_hosts(asyncssh.generate_private_key("ssh-ed25519"))
        with pytest.raises(TransportError, match=r"its host key has changed.*known_hosts:1 knows another"):
            await open_session(runtime, server.target(trust_on_first_use=True))


async def test_a_host_that_has_only_another_kind_of_key_than_is_known_is_refused(server, runtime):
    async with server.listening():
        server.write_known_hosts(asyncssh.generate_private_key("ecdsa-sha2-nistp256"))
        with pytest.raises(
            TransportError, match=r"key has changed: it shows ssh-ed25519 .* knows only ecdsa-.*, a kind"
        ):
            await open_session(runtime, server.target(trust_on_first_use=True))


async def test_of_several_host_keys_the_one_that_is_known_is_asked_for(server, runtime):
    known = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    async with server.listening(more_host_keys=[known]):
        server.write_known_hosts(known)
        await (await open_session(runtime, server.target())).close()


async def test_a_host_is_the_same_in_capitals(server, runtime):
    async with server.listening("localhost"):
        line = server.known_hosts.read_text()
        server.known_hosts.write_text(line.replace("[localhost]", "[LOCALhost]"))
        await (await open_session(runtime, server.target(host="LocalHost"))).close()
        server.known_hosts.write_text("@revoked " + line)
        with pytest.raises(TransportError, match="revoked"):
            await open_session(runtime, server.target(host="LocalHost", trust_on_first_use=True))


async def test_a_pinned_host_key_needs_no_file(server, runtime):
    async with server.listening():
        pinned = server.host_key.export_public_key().decode().strip()
        session = await open_session(runtime, server.target(host_key=pinned, known_hosts="/nowhere"))
        await session.close()
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
        with pytest.raises(TransportError, match="its host key is not the pinned one"):
            await open_session(runtime, server.target(host_key=other, trust_on_first_use=True))


async def test_a_first_contact_is_recorded_once_however_many_there_are_at_once(server, runtime, tmp_path):
    async with server.listening():
        server.known_hosts.write_text("")
        target = server.target(trust_on_first_use=True)
        for session in await asyncio.gather(*(open_session(runtime, target) for _ in range(4))):
            await session.close()
        recorded = tmp_path / "state" / "known_hosts"
        key = server.host_key.export_public_key().decode().strip()
        assert recorded.read_text() == f"[127.0.0.1]:{server.port} {key}\n"
        server.host_key = asyncssh.generate_private_key("ssh-ed25519")
    # The same port again, with another key: somebody else.
    other = await asyncssh.listen("127.0.0.1", server.port, server_host_keys=[server.host_key])
    async with other:
        with pytest.raises(TransportError, match="its host key has changed"):
            await open_session(runtime, target)


# --- User keys ----------------------------------------------------------------------------------------


async def test_a_key_that_is_not_let_in_says_which_was_tried(server, runtime):
    async with server.listening():
        server.user_key = asyncssh.generate_private_key("ssh-ed25519")
        with pytest.raises(
            TransportError, match=f"ada is let in with none of the keys that were tried .{server.identity}"
        ):
            await open_session(runtime, server.target())


async def test_a_key_file_that_is_not_there_is_named(server, runtime):
    async with server.listening():
        with pytest.raises(
            TransportError, match="/nowhere/id: no such file or directory: it is the key to log in"
        ):
            await open_session(runtime, server.target(identity_file="/nowhere/id"))


def encrypt(path):
    os.chmod(path, 0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "hunter2", "-f", path], check=True)


async def test_a_key_with_a_passphrase_belongs_into_the_agent(server, runtime):
    async with server.listening():
        encrypt(server.identity)
        with pytest.raises(
            TransportError, match=r"a key with a passphrase has to be in the agent .`ssh-add "
        ):
            await open_session(runtime, server.target())


async def test_a_public_key_is_not_the_one_to_log_in_with(server, runtime, tmp_path):
    public = tmp_path / "id.pub"
    public.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIINGy6Xqd0fiJzt2kmmKoRa3Am5tUKGoE0Ky8wY5ofdU\n")
    async with server.listening():
        with pytest.raises(
            TransportError, match=r"it has to be the private key, whole, not the `\.pub` beside"
        ):
            await open_session(runtime, server.target(identity_file=str(public)))


@pytest.mark.parametrize("content", [b"", b"\xff\x00garbage", b"-----BEGIN OPENSSH PRIVATE KEY-----\n"])
async def test_what_is_no_key_is_named(server, runtime, tmp_path, content):
    (tmp_path / "id").write_bytes(content)
    async with server.listening():
        with pytest.raises(TransportError, match=r"/id: .*; it has to be the private key"):
            await open_session(runtime, server.target())


async def test_a_directory_is_no_key(server, runtime, tmp_path):
    async with server.listening():
        with pytest.raises(TransportError, match="is a directory: it is the key to log in with"):
            await open_session(runtime, server.target(identity_file=str(tmp_path)))


async def test_a_certificate_of_another_key_is_left_out_and_named_where_the_key_alone_does_not_do(
    server, runtime, tmp_path
):
    other = asyncssh.generate_private_key("ssh-ed25519")
    certificate = other.generate_user_certificate(other, "stale", principals=["ada"])
    certificate.write_certificate(f"{server.identity}-cert.pub")
    async with server.listening():
        await (await open_session(runtime, server.target())).close()
        server.user_key = other
        with pytest.raises(TransportError, match=r"ada is let in .*id-cert\.pub and .* was left out"):
            await open_session(runtime, server.target())


async def test_the_half_of_a_key_that_the_agent_goes_by_has_to_be_one(server, runtime, tmp_path):
    runtime.environ["SSH_AUTH_SOCK"] = str(tmp_path / "agent")
    encrypt(server.identity)
    async with server.listening():
        (tmp_path / "id.pub").write_text("nothing\n")
        with pytest.raises(
            TransportError, match=r"id\.pub: .*which key of the agent is meant: `ssh-keygen -y"
        ):
            await open_session(runtime, server.target())
        (tmp_path / "id.pub").unlink()
        with pytest.raises(TransportError, match=r"id\.pub: no such file or directory: it says which key"):
            await open_session(runtime, server.target())


async def test_a_key_in_the_agent_will_do(server, runtime, tmp_path):
    agent = await asyncio.create_subprocess_exec(
        "ssh-agent", "-D", "-a", str(tmp_path / "agent"), stdout=asyncio.subprocess.PIPE
    )
    await agent.stdout.readline()
    runtime.environ["SSH_AUTH_SOCK"] = str(tmp_path / "agent")
    try:
        async with asyncssh.connect_agent(str(tmp_path / "agent")) as client:
            await client.add_keys([server.user_key])
        encrypt(server.identity)
        async with server.listening():
            for identity in ("", server.identity):
                session = await open_session(runtime, server.target(identity_file=identity))
                await session.close()
    finally:
        agent.terminate()
        await agent.wait()


# --- The way there ------------------------------------------------------------------------------------


async def test_a_target_behind_another_host_is_reached_through_it(server, runtime, tmp_path):
    inner = Server(tmp_path / "inner") if (tmp_path / "inner").mkdir() is None else None
    inner.user_key, inner.identity = server.user_key, server.identity
    async with server.listening(), inner.listening():
        hosts = server.known_hosts.read_text() + "\n" + inner.known_hosts.read_text()
        server.known_hosts.write_text(hosts)
        target = server.target(port=inner.port, proxy_jump=f"ada@127.0.0.1:{server.port}")
        session = await open_session(runtime, target)
        assert (server.connections, inner.connections) == (1, 1)
        assert (server.commands, len(inner.commands)) == ([], 1)
        await session.close()
        # Its own host key is verified all the same.
        server.write_known_hosts(server.host_key)
        with pytest.raises(TransportError, match=rf"ada@127.*:{inner.port}: its host key is not known"):
            await open_session(runtime, target)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with pytest.raises(TransportError, match="the host on the way cannot connect to it"):
                await open_session(
                    runtime, server.target(port=port, proxy_jump=f"ada@127.0.0.1:{server.port}")
                )


async def test_an_ipv6_address_is_as_good_as_any(server, runtime, tmp_path):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    async with server.listening("::1"):
        await (await open_session(runtime, server.target())).close()
        hop = f"ada@[::1]:{server.port}"
        await (await open_session(runtime, server.target(proxy_jump=hop))).close()
        server.known_hosts.write_text("")
        with pytest.raises(
            TransportError, match=rf"web-1: ada@\[::1\]:{server.port}: its host key is not known"
        ):
            await open_session(runtime, server.target())
        await (await open_session(runtime, server.target(trust_on_first_use=True))).close()
        assert (
            (tmp_path / "state" / "known_hosts").read_text().startswith(f"[::1]:{server.port} ssh-ed25519 ")
        )


@pytest.mark.parametrize("jump", ["ada@", "ada@host:port", "a@b:c:d", "@:22"])
def test_a_jump_that_makes_no_sense_is_named(jump):
    logins = login.Logins(environ={"USER": "ada"}, random=random.Random(1), recorded="", warn=print)
    with pytest.raises(TransportError, match=r"is not \[user@\]host\[:port\]"):
        logins._jumps(jump)


def test_jumps_are_read_as_openssh_reads_them():
    logins = login.Logins(environ={"USER": "ada"}, random=random.Random(1), recorded="", warn=print)
    assert [str(hop) for hop in logins._jumps("a, bob@b:2222,[fe80::1]:22, [fe80::2]")] == [
        "ada@a:22",
        "bob@b:2222",
        "ada@[fe80::1]:22",
        "ada@[fe80::2]:22",
    ]


def test_who_runs_froyo_is_who_logs_in_unless_the_target_says_otherwise(monkeypatch):
    logins = login.Logins(environ={}, random=random.Random(1), recorded="", warn=print)
    assert logins._user()
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    with pytest.raises(TransportError, match="say `user` in the target"):
        logins._user()


async def test_a_port_where_nobody_listens_is_refused(server, runtime):
    async with server.listening():
        pass
    with pytest.raises(
        TransportError, match=r"web-1: ada@127.*: cannot connect: connection refused: nothing"
    ):
        await open_session(runtime, server.target())


async def test_a_name_that_does_not_exist_is_named(server, runtime):
    async with server.listening():
        with pytest.raises(TransportError, match=r"the name no-such-host\.invalid cannot be resolved"):
            await open_session(runtime, server.target(host="no-such-host.invalid"))


async def test_a_server_that_says_nothing_is_given_up(server, runtime):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with server.listening():
            target = server.target(port=silent.getsockname()[1], connect_timeout=2.0)
            with pytest.raises(TransportError, match=r"the SSH handshake was not over within 2 s"):
                await open_session(runtime, target)


async def test_a_server_that_is_no_ssh_server_says_so(server, runtime):
    async def web(_, writer):
        with closing(writer):
            writer.write(b"SSH-1.5-ancient\r\n")
            await writer.drain()

    other = await asyncio.start_server(web, "127.0.0.1", 0)
    async with other, server.listening():
        port = other.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match="the SSH handshake failed"):
            await open_session(runtime, server.target(port=port))


# --- Many at once -------------------------------------------------------------------------------------


@asynccontextmanager
async def picky(server, drop):
    """A door before the server that slams while `drop(count of those who are in)` says so."""
    inside = most = seen = 0

    async def door(reader, writer):
        nonlocal inside, most, seen
        seen += 1
        if drop(inside, seen):
            writer.close()
            return
        inside += 1
        most = max(most, inside)

        async def pump(source, sink):
            nonlocal inside
            count = 0
            while data := await source.read(65536):
                count += len(data)
                sink.write(data)
                await sink.drain()
            sink.close()

        with closing(writer):
            from_, to = await asyncio.open_connection("127.0.0.1", server.port)
            with closing(to):
                await asyncio.gather(pump(reader, to), pump(from_, writer), return_exceptions=True)
        inside -= 1

    doors = await asyncio.start_server(door, "127.0.0.1", 0)
    async with doors:
        yield doors.sockets[0].getsockname()[1], lambda: (most, seen)


async def test_a_connection_that_is_dropped_before_the_login_is_tried_again(server, runtime):
    async with server.listening(), picky(server, lambda _, seen: seen <= 3) as (port, seen):
        server.known_hosts.write_text(server.known_hosts.read_text().replace(str(server.port), str(port)))
        session = await open_session(runtime, server.target(port=port))
        assert seen()[1] == 4
        await session.close()


async def test_a_server_that_always_drops_us_is_given_up_with_what_may_be_the_reason(
    server, runtime, monkeypatch
):
    monkeypatch.setattr(login, "_PAUSE", 0.001)
    async with server.listening(), picky(server, lambda *_: True) as (port, seen):
        with pytest.raises(
            TransportError, match=r"closed before the login, 8 times .*an SSH server .*MaxStartups"
        ):
            await open_session(runtime, server.target(port=port))
        assert seen()[1] == 9  # the last time only to hear what it says


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", r"it says: HTTP/1\.1 400 Bad Request: is"),
        (b"Exceeded MaxStartups\r\n", "it says: Exceeded MaxStartups: is"),
        (
            b"\x1b[2Jgo away\x00",
            "it says: \N{REPLACEMENT CHARACTER}\\[2Jgo away\N{REPLACEMENT CHARACTER}: is",
        ),
        (b"", "it says nothing: is"),
    ],
)
async def test_what_somebody_else_says_on_that_port_is_repeated(server, runtime, monkeypatch, said, shown):
    monkeypatch.setattr(login, "_PAUSE", 0.001)

    async def door(reader, writer):
        with closing(writer):
            await reader.readline()
            writer.write(said)

    async with await asyncio.start_server(door, "127.0.0.1", 0) as doors:
        server.host, server.port = "127.0.0.1", doors.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match=shown):
            await open_session(runtime, server.target(trust_on_first_use=True))


async def test_a_server_that_sends_what_makes_no_sense_and_then_nothing_is_given_up(
    server, runtime, monkeypatch
):
    monkeypatch.setattr(login, "_PAUSE", 0.001)

    async def door(reader, writer):
        with closing(writer):
            writer.write(b"SSH-2.0-x\r\n" + bytes(range(1, 256)))
            await reader.read()

    async with await asyncio.start_server(door, "127.0.0.1", 0) as doors:
        server.host, server.port = "127.0.0.1", doors.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match=r"web-1: ada@127\.0\.0\.1:\d+: the SSH handshake"):
            await open_session(runtime, server.target(trust_on_first_use=True, connect_timeout=2.0))


async def test_a_server_that_drops_us_is_given_up_in_time(server, runtime, monkeypatch):
    monkeypatch.setattr(login, "_PAUSE", 1000.0)
    monkeypatch.setattr(login, "_LONGEST_PAUSE", 1000.0)
    async with server.listening(), picky(server, lambda *_: True) as (port, _):
        with pytest.raises(TransportError, match=r"closed before the login, 1 times"):
            await open_session(runtime, server.target(port=port))


# --- Loss ---------------------------------------------------------------------------------------------


async def test_a_connection_that_breaks_fails_what_is_under_way_and_another_one_can_be_made(server, runtime):
    async with server.listening(), picky(server, lambda *_: False) as (port, _):
        server.known_hosts.write_text(server.known_hosts.read_text().replace(str(server.port), str(port)))
        session = await open_session(runtime, server.target(port=port))
        calls = [asyncio.ensure_future(session.command("look", [{}])) for _ in range(3)]
        session._link._channel._login.connection._transport.abort()
        for call in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(call, TransportError)
            assert "the SSH connection was lost" in str(call)
        with pytest.raises(TransportError):
            await session._link._channel.write(b"x")
        await session.close()
        again = await open_session(runtime, server.target(port=port))
        assert isinstance((await again.command("look", [{}]))[0], Ok)
        await again.close()


async def test_a_runner_that_is_killed_says_so(server, runtime):
    async with server.listening():
        session = await open_session(runtime, server.target())
        os.kill(session.ready.pid, 9)
        assert "the runner was killed by SIGKILL" in await session.wait_closed()


async def test_a_rekey_in_the_middle_of_everything_is_not_noticed(server, runtime):
    async with server.listening(rekey_bytes=20_000):
        session = await open_session(runtime, server.target())
        for _ in range(20):
            (reply,) = await session.command("look", [{"padding": "x" * 50_000}])
            assert isinstance(reply, Ok)
        await session.close()


class CancelledAt:
    """Awaits something, and has its task cancelled as soon as it waits for the so-manieth time."""

    def __init__(self, awaited, when):
        self.awaited, self.when, self.waits = awaited, when, 0

    def __await__(self):
        steps = self.awaited.__await__()
        go_on = partial(next, steps)
        while True:
            try:
                future = go_on()
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self.when:
                asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
            try:
                go_on = partial(steps.send, (yield future))
            except BaseException as error:  # noqa: BLE001 - it is handed on
                go_on = partial(steps.throw, error)


@pytest.mark.parametrize("way", ["direct", "by a jump host"])
async def test_opening_can_be_cancelled_whenever_it_waits(server, runtime, way):
    async def opened(when):
        """Whether it was open before it has waited so often."""
        jump = {} if way == "direct" else {"proxy_jump": f"ada@127.0.0.1:{server.port}"}
        opening = CancelledAt(open_session(runtime, server.target(**jump)), when)
        try:
            session = await opening
        except asyncio.CancelledError:
            return False
        await session.close()
        return opening.waits < when

    async with server.listening():
        when = 1
        while not await asyncio.ensure_future(opened(when)):
            when += 1
    # It ends only when the server has no connection any more.
    assert when > 5
    assert os.listdir(server.run) == []


async def test_a_key_file_that_holds_no_key_is_named(server, runtime):
    async with server.listening():
        with open(server.identity, "w", encoding="ascii") as file:  # noqa: ASYNC230 - a file of a few bytes
            file.write("hello\n")
        with pytest.raises(TransportError, match=rf"web-1: ada@.*: {server.identity}: "):
            await open_session(runtime, server.target())


async def test_a_server_that_lets_nobody_execute_anything_says_so(server, runtime):
    async with server.listening():
        server.refuses = True
        with pytest.raises(TransportError, match=r"logged in, but no command may be started: "):
            await open_session(runtime, server.target())


async def test_a_server_that_never_starts_the_command_is_given_up(server, runtime, monkeypatch):
    never = asyncio.Event()

    async def hang(*_, **__):
        await never.wait()

    async with server.listening():
        monkeypatch.setattr(asyncssh.SSHClientConnection, "create_session", hang)
        with pytest.raises(TransportError, match=r"logged in, but no command was started within 5 s"):
            await open_session(runtime, server.target(connect_timeout=5.0))


async def test_a_shell_that_never_becomes_the_runner_is_given_up(server, runtime, monkeypatch):
    monkeypatch.setattr(ssh_channel, "_SHIPPING", 0.5)
    monkeypatch.setattr(ssh_channel.SshChannel, "ship", lambda self, content: None)
    async with server.listening():
        with pytest.raises(TransportError, match=r"the runner did not arrive within 0\.5 s"):
            await open_session(runtime, server.target())
