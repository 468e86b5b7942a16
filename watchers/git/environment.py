"""In what environment git runs: what this machine or its user has set up for git does not count.

Invariant: no configuration but ours, no hook, no prompt, one protocol, no redirect; and a credential reaches git as the
name of a file in its environment, never as an argument.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.repository import GitPlace

_KEPT = (
    "PATH",
    "SSH_AUTH_SOCK",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
)
"""Of our own environment."""

_HELPER = (
    '!froyo() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$FROYO_GIT_USERNAME"'
    ' "$(cat -- "$FROYO_GIT_PASSWORD")"; }; froyo'
)
"""Run by git's own shell, in which printf is no program: what it prints is in no argument list."""

_OLD_SLIPS = (
    "badDate", "badTimezone", "missingSpaceBeforeDate", "missingSpaceBeforeEmail", "missingNameBeforeEmail",
    "badEmail", "missingEmail", "zeroPaddedDate", "zeroPaddedFilemode", "badFilemode", "nullSha1",
)  # fmt: skip
"""What git refuses in a repository and old programs have written all the same; none of it means anything here."""


def environment(
    place: GitPlace, environ: Mapping[str, str], *, home: str, password_file: str
) -> dict[str, str]:
    """The environment that git gets.

    Args:
        place: the repository that is asked for.
        environ: that of the process, of which hardly anything is passed on.
        home: an empty directory.
        password_file: the file with the password or token for HTTPS, absolute, or "".
    """
    access = place.access
    found = {name: environ[name] for name in _KEPT if name in environ}
    found |= {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "GNUPGHOME": os.path.join(home, "gnupg"),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS": "/bin/false",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_ALLOW_PROTOCOL": protocol(place.url),
        "GIT_SSH_COMMAND": " ".join(shlex.quote(word) for word in _ssh(place)),
        "GIT_SSH_VARIANT": "ssh",
    }
    if password_file:
        found |= {"FROYO_GIT_USERNAME": access.username or "git", "FROYO_GIT_PASSWORD": password_file}
    if access.ca_file:
        found["GIT_SSL_CAINFO"] = access.ca_file
    return found


def settings(place: GitPlace, *, password_file: str) -> Iterator[tuple[str, str]]:
    """What is set for git, instead of all that this machine, its user or a repository may have set."""
    yield from {
        "core.hooksPath": os.devnull,
        "core.fsmonitor": "false",
        "core.bigFileThreshold": "16m",
        "core.packedGitWindowSize": "32m",
        "core.packedGitLimit": "256m",
        "pack.threads": "1",
        "protocol.version": "2",
        "fetch.fsckObjects": "true",
        "fetch.unpackLimit": "1",
        "fetch.recurseSubmodules": "false",
        "transfer.bundleURI": "false",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "http.followRedirects": "false",
        "credential.helper": "",
    }.items()
    for slip in _OLD_SLIPS:
        yield f"fetch.fsck.{slip}", "ignore"
    if password_file:
        yield "credential.helper", _HELPER
    yield "remote.origin.url", place.url


def protocol(url: str) -> str:
    """The one protocol by which a repository is fetched: file, https or ssh."""
    scheme, separator, _ = url.partition("://")
    if separator:
        return scheme
    return "file" if url.startswith("/") else "ssh"


def _ssh(place: GitPlace) -> list[str]:
    """How ssh is called: no configuration of this user, no prompt, and no host that is not known."""
    access = place.access
    words = ["ssh", "-F", "none", "-a", "-x", "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    words += [
        "-o",
        "ClearAllForwardings=yes",
        "-o",
        "PermitLocalCommand=no",
        "-o",
        f"ConnectTimeout={int(place.timeout)}",
    ]
    if access.known_hosts:
        words += [
            "-o",
            f'UserKnownHostsFile="{_literal(access.known_hosts)}"',
            "-o",
            "GlobalKnownHostsFile=none",
        ]
    if access.identity_file:
        words += [
            "-i",
            _literal(access.identity_file),
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
        ]
    return words


def _literal(path: str) -> str:
    """A path in which ssh replaces nothing."""
    return path.replace("%", "%%")
