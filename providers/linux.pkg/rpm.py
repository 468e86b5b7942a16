"""How rpm's tools are told which packages are meant."""

from __future__ import annotations


def spelled(text: str, between: str) -> str:
    """`NAME[:ARCHITECTURE][=VERSION]` as the name, what is between it and the version, that, and `.ARCHITECTURE`."""
    name, _, version = text.partition("=")
    name, _, arch = name.partition(":")
    return name + (f"{between}{version}" if version else "") + (f".{arch}" if arch else "")


STATUS = tuple(
    f"path:{directory}/{name}"
    for directory in ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
    for name in ("rpmdb.sqlite", "Packages.db", "Packages")
)
"""rpm's database, in each of its forms and at each of its places."""
