"""Hosts that are kept as a branch says that is pushed to a server over SSH: signed, broken, emptied, gone."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.lab import BASE, target
from tests.e2e.site import Daemon, Document, Site, instance, until
from tests.integration.targets.test_ssh_here import Server
from tests.integration.watchers.origins import QUIET, Origin
from tests.integration.watchers.test_signatures import SSH, key, signers
from tests.lab.fixture import Lab

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.lab,
    # The server ends while the daemon is still connected to it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """An SSH server with git, in a thread of its own."""
    (tmp_path / "server").mkdir()
    found = Server(tmp_path / "server")
    found.environ |= QUIET
    ready, loop, done = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def listen() -> None:
        async with found.listening():
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(listen()))
    thread.start()
    ready.wait()
    yield found
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


class Team:
    """People who push to a bare repository, with a key that counts and with others."""

    def __init__(self, directory: Path, server: Server, targets: list[Document]) -> None:
        self.bare = directory / "fleet.git"
        subprocess.run(
            ["git", "init", "--quiet", "--bare", "-b", "main", self.bare],
            check=True,
            env={**os.environ, **QUIET},
        )
        self.work = Origin(directory / "work")
        self.keys = {name: key(directory, name) for name in ("ours", "other")}
        self.url = f"ssh://git@{server.host}:{server.port}{self.bare}"
        self.signers = signers(directory, self.keys["ours"])
        self.ssh = f"ssh -F none -i {server.identity} -o UserKnownHostsFile={server.known_hosts}"
        self.targets = targets

    def push(self, *documents: Document, by: str = "ours", text: str = "") -> str:
        """Push what is declared; the commit."""
        everything = [*self.targets, *documents]
        self.work.write({"site/all.json": "\n".join(json.dumps(one, indent=1) for one in everything) + text})
        self.work.git("add", "--all")
        signed = ("-c", f"user.signingkey={self.keys[by]}", *SSH) if by else ()
        self.work.git(*signed, "commit", "--quiet", "--message=m", *(["-S"] if by else []))
        return self.send()

    def send(self) -> str:
        """Push what is committed, whatever the branch was."""
        self.work.git(
            "push", "--quiet", "--force", self.url, "HEAD:main", environ={"GIT_SSH_COMMAND": self.ssh}
        )
        return self.work.git("rev-parse", "HEAD")

    def up(self, site: Site, server: Server, *, interval: str = "1s", more: Sequence[str] = ()) -> Daemon:
        """A daemon that keeps the hosts as the branch says."""
        settings = {
            "identityFile": server.identity,
            "knownHosts": server.known_hosts,
            "allowedSigners": self.signers,
            "interval": interval,
            "timeout": "10s",
        }
        flags = [word for name, value in settings.items() for word in ("--git-with", f"{name}={value}")]
        return Daemon(site, arguments=["--git", self.url, "--path", "site", *flags, *more])


def test_a_push_that_is_told_of_is_on_the_host_long_before_the_next_look(
    site: Site, lab: Lab, server: Server, tmp_path: Path
) -> None:
    host = lab.host("h1")
    team = Team(tmp_path, server, [target(lab, host)])
    (site.state / "secrets").mkdir(mode=0o700)
    secret = site.state / "secrets" / "hook"
    secret.write_text("known to two\n")
    secret.chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hook = ["--webhook-listen", str(port), "--webhook-secret", "hook"]

    def tell(token: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/hook", b"{}", {"X-Gitlab-Token": token})
        status = connection.getresponse().status
        connection.close()
        return status

    def there(text: str) -> bool:
        return host.exec(f"cat {BASE}/motd 2>/dev/null", check=False) == text

    host.exec(f"rm -rf {BASE}; mkdir -p {BASE}")
    declared = {"target": host.name, "deletion": "delete"}
    team.push(instance("File", "motd", f"{BASE}/motd", content="one", **declared))
    team.up(site, server, interval="1h", more=hook)
    until("the first commit is on the host", lambda: there("one"))
    team.push(instance("File", "motd", f"{BASE}/motd", content="two", **declared))
    assert tell("a guess") == 403
    assert tell("known to two") == 202
    until("the second is, too", lambda: there("two"))
    host.exec(f"rm -rf {BASE}")


def the_source(site: Site) -> Document:
    (found,) = json.loads(site.froyo("get", "sources", "-o", "json").stdout)["items"]
    return found


def test_a_branch_is_on_the_hosts_as_far_as_it_is_signed_right_and_meant(
    site: Site, lab: Lab, server: Server, tmp_path: Path
) -> None:
    hosts = [lab.host("h1"), lab.host("h2")]
    team = Team(tmp_path, server, [target(lab, host) for host in hosts])

    def everywhere(text: str) -> Document:
        return instance(
            "File",
            "motd",
            f"{BASE}/motd",
            content=text,
            targets={"matchLabels": {"role": "web"}},
            deletion="delete",
        )

    def there(text: str) -> bool:
        return all(host.exec(f"cat {BASE}/motd 2>/dev/null", check=False) == text for host in hosts)

    for host in hosts:
        host.exec(f"rm -rf {BASE}; mkdir -p {BASE}")
    first = team.push(everywhere("one"))
    daemon = team.up(site, server)
    until("the first commit is on the hosts", lambda: there("one"))
    second = team.push(everywhere("two"))
    until("the second is", lambda: there("two"))
    assert the_source(site)["revision"] == f"main@sha1:{second}"

    unsigned = team.push(everywhere("unsigned"), by="")
    until(
        "it is said",
        lambda: f"main@sha1:{unsigned}: the commit is not signed" in site.froyo("events").stdout,
    )
    stranger = team.push(everywhere("stranger"), by="other")
    until(
        "so is the next",
        lambda: f"main@sha1:{stranger}: the commit is not signed" in site.froyo("events").stdout,
    )
    assert there("two")

    team.push(everywhere("broken"), text="\n{")
    until("it is said where", lambda: any("all.json:" in one for one in the_source(site)["problems"]))
    assert there("two")

    good = team.push(everywhere("three"))
    until("what is right again is on the hosts", lambda: there("three"))

    team.work.git("checkout", "--quiet", "--orphan", "none")
    team.work.git("rm", "-r", "--quiet", "--force", ".")
    team.push()
    until("what is left out is held", lambda: "was rewritten" in site.froyo("get").stdout)
    assert there("three")

    server.before = "exit 1; "
    until("it is gone", lambda: "cannot be read" in json.dumps(the_source(site)))
    daemon.kill()
    team.up(site, server)
    until("the last good one is in force all the same", lambda: "PruneHeld" in site.froyo("get").stdout)
    assert there("three")
    server.before = ""
    site.froyo("rollback", good[:10], "--reason", "the branch was emptied", "--for", "1h")
    until("it counts again", lambda: "PruneHeld" not in site.froyo("get").stdout)
    site.froyo("rollback", first[:10], "--reason", "back to the first", "--for", "1h")
    until("an older one counts", lambda: there("one"))
    site.froyo("rollback", "--end")
    site.froyo("approve", "--all", "--reason", "it is meant")
    until("what a person approves goes", lambda: there(""))
