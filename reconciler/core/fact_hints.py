"""Which fact was meant, where there is none of the name that was written.

A fact is found by its last name alone (`hostname`), and by what Ansible, Puppet and Salt call it. Only what has one
answer is proposed; and what is proposed is a fact that there is (docs/spec/facts.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.suggest import did_you_mean
from reconciler.model.facts import SECTIONS

PLAIN = (
    *("boot.id", "cpu.arch", "cpu.count", "cpu.cores", "cpu.sockets", "cpu.model", "cpu.vendor"),
    *("init.system", "init.version", "kernel.name", "kernel.release", "kernel.version", "kernel.machine"),
    *("machine.id", "machine.firmware", "machine.vendor", "machine.model", "memory.total", "memory.swap"),
    *(
        "network.hostname",
        "network.fqdn",
        "network.domain",
        "network.ipv4",
        "network.ipv6",
        "network.default.ipv4",
    ),
    *(
        "network.default.ipv6",
        "network.interfaces",
        "network.nameservers",
        "network.search",
        "os.id",
        "os.like",
    ),
    *("os.family", "os.name", "os.version", "os.major", "os.codename", "os.variant", "packages.manager"),
    *("security.selinux", "security.apparmor", "security.fips", "time.zone", "virtualization.kind"),
    "virtualization.type",
)
"""The facts whose names are the same on every machine that has them."""

ELSEWHERE = {
    "all_ipv4_addresses": "network.ipv4",
    "all_ipv6_addresses": "network.ipv6",
    "architecture": "cpu.arch",
    "cpuarch": "cpu.arch",
    "default_ipv4": "network.default.ipv4",
    "default_ipv6": "network.default.ipv6",
    "devices": "disks",
    "distribution": "os.name",
    "distribution_major_version": "os.major",
    "distribution_release": "os.codename",
    "distribution_version": "os.version",
    "dns": "network.nameservers",
    "host": "network.hostname",
    "interfaces": "network.interfaces",
    "ip": "network.default.ipv4.address",
    "ipaddress": "network.default.ipv4.address",
    "ip4_interfaces": "network.interfaces",
    "kernelrelease": "kernel.release",
    "kernelversion": "kernel.version",
    "lsbdistcodename": "os.codename",
    "machine_id": "machine.id",
    "mem_total": "memory.total",
    "memorysize": "memory.total",
    "memtotal_mb": "memory.total",
    "networking": "network",
    "nodename": "network.hostname",
    "num_cpus": "cpu.count",
    "operatingsystem": "os.name",
    "operatingsystemmajrelease": "os.major",
    "operatingsystemrelease": "os.version",
    "oscodename": "os.codename",
    "os_family": "os.family",
    "osfamily": "os.family",
    "osmajorrelease": "os.major",
    "osrelease": "os.version",
    "pkg_mgr": "packages.manager",
    "processorcount": "cpu.count",
    "processor_count": "cpu.count",
    "processor_vcpus": "cpu.count",
    "processors": "cpu",
    "product_name": "machine.model",
    "service_mgr": "init.system",
    "swaptotal_mb": "memory.swap",
    "system_vendor": "machine.vendor",
    "timezone": "time.zone",
    "virtual": "virtualization.type",
    "virtualization_type": "virtualization.type",
}
"""What others call it, and what it is here. Names of which one means the same as ours are not among them."""


def fact_hint(path: Sequence[str | int]) -> str:
    """What to do about a fact that there is not.

    Args:
        path: as it was written, with or without what there is below it.

    Returns:
        A hint, or "" where nothing is near.

    Example:
        >>> fact_hint(("hostname",)), fact_hint(("osx", "family"))
        ('did you mean facts.network.hostname?', "did you mean 'os'?")
    """
    first = str(path[0]).removeprefix("ansible_").lower()
    if first not in SECTIONS:
        return _elsewhere(first) or did_you_mean(first, SECTIONS) or _near(first)
    second = str(path[1]) if len(path) > 1 else ""
    if first != path[0]:
        return _meant(f"{first}.{second}" if f"{first}.{second}" in PLAIN else first)
    # Of users, groups, disks and mounts the second is a name of the machine's own.
    known = {one.partition(".")[0] for one in PLAIN}
    return _elsewhere(second) if first in known and f"{first}.{second}" not in PLAIN else ""


def fact_hint_or_all(path: Sequence[str | int]) -> str:
    """The same, and what there is where nothing is near."""
    return fact_hint(path) or f"there are {', '.join(SECTIONS)}"


def _elsewhere(name: str) -> str:
    name = name.removeprefix("ansible_").lower()
    found = [one for one in PLAIN if one.endswith(f".{name}")]
    if len(found) == 1:
        return _meant(found[0])
    return _meant(ELSEWHERE[name]) if name in ELSEWHERE else ""


def _near(name: str) -> str:
    """Of a name that is nearly the last one of a fact."""
    last = {one.rpartition(".")[2]: one for one in PLAIN}
    found = did_you_mean(name, (*last, *ELSEWHERE))
    return _elsewhere(found.split("'")[1]) if found else ""


def _meant(path: str) -> str:
    return f"did you mean facts.{path}?"
