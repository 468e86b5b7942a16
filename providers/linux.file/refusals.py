"""What is not done, whatever follows from what differs, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from froyo_provider import PermanentError, Resource

if TYPE_CHECKING:
    from differences import Json

SYSTEM = frozenset(
    f"/{name}"
    for name in (
        *(
            "bin",
            "boot",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "media",
            "mnt",
            "opt",
            "proc",
            "root",
        ),
        *("run", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/include", "usr/lib", "usr/lib32", "usr/lib64"),
        *("usr/libexec", "usr/local", "usr/sbin", "usr/share", "usr/src", "var", "var/cache", "var/lib"),
        *("var/lib/dpkg", "var/log", "var/mail", "var/opt", "var/run", "var/spool", "var/tmp"),
    )
)
"""Directories with more in them than any source knows of: what is in them is only touched entry by entry."""


def described(state: Json) -> str:
    """What is there, for a person."""
    if state["type"] == "symlink":
        return f"a symbolic link to {state['to']}"
    names = {"file": "a regular file", "directory": "a directory"}
    return names.get(state["type"], "a device, a socket or a pipe")


def refuse_in_the_way(what: str, one: Resource, state: Json) -> None:
    """Another type of thing is only touched when the manifest says so, or where it has taken the place of what is ours.

    Of a directory that is so an empty one at most: what is in it was put there by somebody.

    Raises:
        PermanentError: it does not say so.
    """
    spec = one.spec
    if spec.get("removed"):
        raise PermanentError(
            f"{spec['path']} has become {described(state)}; it is left where it is, since that is not what was declared"
        )
    if not spec.get("force") and not (one.owned and state["type"] in {"file", "symlink", "directory"}):
        verb = "removes" if spec.get("state") == "absent" else "replaces"
        empty = " if it is empty" if state["type"] == "directory" else ""
        raise PermanentError(
            f"{spec['path']} is {described(state)}, not {what}; `force: true` {verb} it{empty}"
        )


def refuse_unchangeable(path: str, state: Json, *, replace: bool) -> None:
    """Say before the apply what the kernel would say during it.

    Raises:
        PermanentError: it cannot be changed, or not be replaced.
    """
    if state.get("immutable"):
        raise PermanentError(
            f"{path} differs, and is immutable or append-only on the target; `chattr -i -a` on it makes it"
            " changeable"
        )
    if replace and state.get("mountpoint"):
        raise PermanentError(
            f"{path} differs, and is a mount point, which can be neither replaced nor removed; unmount it, or"
            " declare what is mounted there"
        )


def refuse_system(path: str, what: str) -> None:
    """What makes up a system is not emptied, nor given away as a whole, whatever a manifest says.

    Raises:
        PermanentError: the path is a directory of the system.
    """
    if path in SYSTEM:
        raise PermanentError(
            f"{path} is a directory of the system, where `{what}` is refused; declare what is in it"
        )
