"""Packages on trial on a host of the lab, and what such a host looks like, to see that it is given back as it was."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from reconciler.app.conforming import conform, lent, package_at
from reconciler.app.places import Places
from reconciler.conformance.exam import Effort
from reconciler.conformance.verdicts import PropertyVerdict
from tests.lab.fixture import Host, Lab

WRITABLE = "mount --bind /proc/sys/net /proc/sys/net && mount -o remount,rw,bind /proc/sys/net"
"""Has the network's settings be as they are outside of a lab."""
# Not what shadow, ld.so and apt keep beside what they write, and not systemd's own directory, which it makes once.
FILES = (
    "find /etc /srv /home /root /var/spool/cron /var/lib/froyo /run/froyo /run/systemd/transient -xdev"
    " ! -name '*-' ! -name '.pwd.lock' ! -name ld.so.cache ! -path '/root/.cache/*'"
    " ! -path '/run/froyo/fence*' ! -path /run/systemd/transient"
    " \\( -type f -exec sha256sum {} + -o -printf '%p %y %m %u %l\\n' \\) | sort"
)
LOOKS = (
    FILES,
    "dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n'; apt-mark showhold; ls /var/lib/apt/lists",
    "cut -d' ' -f5 /proc/self/mountinfo | sort",
    "systemctl list-units --all --plain --no-legend 'froyo*' | grep -v froyo-operation",
    "systemctl --failed --plain --no-legend",
    "hostname; cat /proc/sys/net/ipv4/tcp_fin_timeout; ls /run/reboot-required*; systemd-inhibit --list --no-legend",
)


def looks(host: Host) -> list[str]:
    """How a host is, as far as any case could have changed it."""
    shown = host.exec("; echo; echo =; ".join(f"( {look} ) 2>/dev/null" for look in LOOKS), check=False)
    return shown.splitlines()


def declare(site: Path, lab: Lab, host: Host) -> None:
    """Write the one host into a directory of manifests."""
    ssh = {
        "host": host.address,
        "user": "root",
        "identityFile": str(lab.identity_file),
        "knownHosts": str(lab.known_hosts),
    }
    target = {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": {"name": host.name},
        "spec": {"ssh": ssh},
    }
    (site / "target.json").write_text(json.dumps(target))


def tried_on(
    directory: Path, site: Path, name: str, where: Places, effort: Effort
) -> dict[str, PropertyVerdict]:
    """What was found, by property, with a package on a host that a directory of manifests declares."""

    async def run() -> list[PropertyVerdict]:
        async with lent(name, site, where, os.environ, lambda _: None) as host:
            package = package_at(str(directory), where)
            verdicts, _ = await conform(package, where, notice=lambda _: None, host=host, effort=effort)
            return verdicts

    return {verdict.name: verdict for verdict in asyncio.run(run())}
