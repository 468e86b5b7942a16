"""Real Debian hosts as a pytest fixture, on top of `tests/lab/hosts`.

A test that asks for `lab` and is marked so gets hosts h1..hN that run and can be reached, whatever the test
before it did to them; it has all of them to itself for as long as it lasts.  Where this machine cannot have
such hosts (exit status 69) it is skipped with the reason.

One lab serves every pytest process on the machine: they take turns by a lock beside it, test by test, and
xdist keeps all lab tests on one worker so that no other stands waiting.  The hosts stay up afterwards;
`make lab-down` discards them.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = Path(__file__).with_name("hosts")
UNAVAILABLE = 69  # EX_UNAVAILABLE: this machine cannot have a lab
DIRECTORY = Path(os.environ.get("LAB_DIR", "/var/tmp/froyo-lab"))
HOSTS = int(os.environ.get("LAB_HOSTS", "4"))


class LabError(Exception):
    """A command of the lab, or one run on a host, failed."""


def _run(argv: list[str], *, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=stdin)
    if check and done.returncode != 0:
        raise LabError(f"{shlex.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@dataclass(frozen=True, slots=True)
class Host:
    """One Debian system with systemd, sshd and apt, and the users root and ops (sudo without a password)."""

    name: str
    address: str
    path: Path
    """Its root directory as seen from here, to look at or to tamper with."""

    def ssh(self, command: str, *, user: str = "root", check: bool = True, stdin: str = "") -> str:
        """What a shell command prints there, by way of OpenSSH."""
        config = str(DIRECTORY / "ssh_config")
        return _run(
            ["ssh", "-F", config, "-l", user, self.name, command], check=check, stdin=stdin
        ).stdout.strip()

    def exec(self, command: str, *, check: bool = True) -> str:
        """The same without the network: it works while the host is cut off."""
        return _run([str(COMMAND), "exec", self.name, "sh", "-c", command], check=check).stdout.strip()

    def partition(self) -> None:
        """Cut its network: packets are lost both ways, without any error."""
        self._lab("partition")

    def heal(self) -> None:
        """Mend its network."""
        self._lab("heal")

    def kill(self) -> None:
        """Power failure: every process of it ends at once."""
        self._lab("kill")

    def stop(self) -> None:
        """Shut it down in order."""
        self._lab("stop")

    def start(self) -> None:
        """Boot it again, with its disk as it was left; returns when it is up."""
        self._lab("start")

    def reset(self) -> None:
        """Throw its disk away and boot it clean."""
        self._lab("reset")

    @property
    def state(self) -> str:
        """Is it running, partitioned or off."""
        return _states()[self.name]

    def _lab(self, command: str) -> None:
        _run([str(COMMAND), command, self.name])


@dataclass(frozen=True, slots=True)
class Lab:
    """All hosts, and what a client needs to reach them."""

    hosts: tuple[Host, ...]
    identity_file: Path
    known_hosts: Path
    ssh_config: Path

    def host(self, name: str) -> Host:
        """The host of that name: h1, h2 and so on."""
        return next(host for host in self.hosts if host.name == name)


def _states() -> dict[str, str]:
    lines = _run([str(COMMAND), "list"]).stdout.splitlines()
    return {name: state for name, _, state in map(str.split, lines)}


def _bring_up() -> subprocess.CompletedProcess[str]:
    """Whatever was done to the hosts: have them run and be reachable again."""
    done = _run([str(COMMAND), "up", str(HOSTS)], check=False)
    if done.returncode == 0:
        for name, state in _states().items():
            if state == "partitioned":
                _run([str(COMMAND), "heal", name])
    return done


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Hosts h1 to h4 ($LAB_HOSTS), running; only for tests marked `lab`."""
    done = _bring_up()
    if done.returncode == UNAVAILABLE:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise LabError(f"tests/lab/hosts up {HOSTS}: exit status {done.returncode}\n{done.stderr}")
    inventory = json.loads(_run([str(COMMAND), "ssh-config", "--json"]).stdout)
    return Lab(
        hosts=tuple(
            Host(name=host["name"], address=host["address"], path=Path(host["root_path"]))
            for host in inventory["hosts"]
        ),
        identity_file=Path(inventory["identity_file"]),
        known_hosts=Path(inventory["known_hosts"]),
        ssh_config=Path(inventory["ssh_config"]),
    )


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until no other test on this machine uses the hosts."""
    with (DIRECTORY / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Before xdist reads the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep lab tests on one xdist worker, and refuse one that is not marked."""
    for item in items:
        asks = "lab" in getattr(item, "fixturenames", ())
        marked = item.get_closest_marker("lab") is not None
        if asks and not marked:
            raise pytest.UsageError(f"{item.nodeid} asks for the lab: mark it with pytest.mark.lab")
        if marked:
            item.add_marker(pytest.mark.xdist_group("lab"))


# Outermost, so that waiting for one's turn is not counted as the test's own time.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Give each lab test the hosts to itself, and leave them as the next one expects them."""
    if item.get_closest_marker("lab") is None or os.geteuid() != 0 or not DIRECTORY.is_dir():
        return (yield)
    with _turn():
        try:
            return (yield)
        finally:
            if any(state != "running" for state in _states().values()):
                _bring_up()
