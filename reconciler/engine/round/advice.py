"""What a person can do about a failure on a target: the end of the sentence that says what failed.

Invariant: the runner's code, the call and how the target is reached decide; no message is ever taken apart. What
is not known here, or says by itself what to do, gets no advice. Knows nothing of what a provider is about.
"""

from __future__ import annotations

from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.target import LocalTransport, Target

_ADVICE = {
    "no_space": "free some space there: df -h, df -i",
    "quota": "free some space there, or raise the quota: quota -s",
    "read_only": "mount the file system read-write, or declare another path; findmnt -T says which it is",
    "not_directory": "declare another path, or put a directory in its place: a Directory with `force: true` does",
    "is_directory": "declare another path, or take the directory away",
    "unknown_owner": "declare a User or Group for it, or name one that is there; a number works without one",
    "unsafe_symlink": "declare the path that it leads to",
    "symlink_loop": "mend the links, or declare the path that is meant",
    "immutable": "take the attribute away with chattr -i (or -a), or do not declare it",
    "mountpoint": "declare what is in it, or unmount it",
    "not_empty": "take away what is in it: only an empty directory gives way to something else",
    "name_too_long": "declare a shorter path",
    "not_supported": "the file system there cannot do this; declare it otherwise, or elsewhere",
    "command_not_found": "install it on the target, or name the program by its absolute path",
    "not_executable": "make it a program for who runs it: chmod +x, a first line such as #!/bin/sh, and Unix line ends",
    "validation_failed": "what was there stays; mend what is declared, or the command that checks it",
    "locked": "it is tried again; if it hangs, look what that process waits for",
    "taken": "declare another number, or declare that account, too",
    "not_local": "declare another name, or leave it to the directory that knows it",
    "busy": "find out who uses it: fuser -v",
    "io_error": "look into the kernel's log on the target: dmesg",
    "refused": "grant it to the package in grants.json, if that is meant",
}
"""By the runner's code, or the host's own where it refuses."""

_MAKING = frozenset({"file.write", "dir.ensure", "link.ensure", "exec.run"})
_DENIED = frozenset({"eacces", "eperm"})


def told(error: Exception, target: Target, *, uid: int) -> str:
    """What is said of `error`: what it says itself, and what to do about it, before the lines of others."""
    if not isinstance(error, ProviderError) or error.error_class is ErrorClass.CONFLICT:
        return str(error)
    if error.code in _DENIED:
        advice = _become(target, uid)
    elif error.code == "enoent":
        advice = (
            "declare a Directory for it, require the Package that brings it, or make it on the target"
            if error.call in _MAKING
            else ""
        )
    elif error.code == "unknown_owner" and error.call == "exec.run":
        advice = "declare a User for it, or name one that is there"
    elif error.code == "read_only" and error.call == "sysctl.set":
        advice = "a container has no settings of its own there: declare it for the machine that it runs on"
    elif error.code == "not_supported" and error.call == "sysctl.set":
        advice = "declare a value that this setting takes"
    else:
        advice = _ADVICE.get(error.code, "")
    first, behind, lines = str(error).partition(":\n")
    return f"{first}; {advice}{behind}{lines}" if advice else str(error)


def _become(target: Target, uid: int) -> str:
    """Who may do it, where whoever acts there may not."""
    if uid == 0:
        return (
            "not even root may: look for what forbids it, such as AppArmor, SELinux, a mount without rights, or a"
            " file system that keeps no owners and modes"
        )
    if isinstance(target.transport, LocalTransport):
        return f"declare `local: {{become: sudo}}` for the target {target.name}, or run froyo as somebody who may"
    return f"declare `become: sudo` for the target {target.name}, or log in there as somebody who may"
