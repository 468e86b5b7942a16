"""The lab's hosts, as far as something can be measured on them."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.bench import sites
from tests.bench.commands import timed

HOSTS = Path(__file__).parents[1] / "lab" / "hosts"


@dataclass(frozen=True, slots=True)
class Host:
    """One of them.

    Attributes:
        name: such as h1.
        address: of it.
        root: where its file system is, seen from this machine.
    """

    name: str
    address: str
    root: Path


class Lab:
    """All that are running.

    Args:
        inventory: as `tests/lab/hosts ssh-config --json` prints it.
    """

    def __init__(self, inventory: dict[str, Any]) -> None:
        self.identity: str = inventory["identity_file"]
        self.known_hosts: str = inventory["known_hosts"]
        self.ssh = ["ssh", "-F", inventory["ssh_config"], "-l", "root"]
        self.hosts = [
            Host(host["name"], host["address"], Path(host["root_path"]))
            for host in inventory["hosts"]
            if host["state"] == "running"
        ]

    @classmethod
    def find(cls) -> Self | None:
        """The lab; None where no host runs."""
        listed = subprocess.run([str(HOSTS), "list"], capture_output=True, text=True, check=False)
        if "running" not in listed.stdout:
            return None
        told = subprocess.run([str(HOSTS), "ssh-config", "--json"], check=True, capture_output=True)
        return cls(json.loads(told.stdout))

    def target(self, host: Host, name: str = "") -> str:
        """The manifest of a host as a target."""
        return sites.ssh_target(
            name or host.name, host.address, identity=self.identity, known_hosts=self.known_hosts
        )

    @contextlib.contextmanager
    def cleaned(self, hosts: Sequence[Host], path: str) -> Iterator[None]:
        """Remove a directory from these hosts afterwards."""
        try:
            yield
        finally:
            for host in hosts:
                timed([*self.ssh, host.name, "rm", "-rf", path])
