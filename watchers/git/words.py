"""What git complains of, in words for a person: what is wrong, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.model.repository import GitPlace

_LONGEST = 300
"""Characters of what git, or a server, says."""

_ADVICE = {
    r"host key verification failed|no .* host key is known": (
        "the host's key is not known: name a known_hosts file with it (knownHosts)"
    ),
    r"permission denied \(": "the key is not accepted there: name another one (identityFile)",
    r"could not read (?:user|pass)|authentication failed|invalid credentials": (
        "it asks who we are: name a file of mode 0600 with a password or token (username, passwordFile), or another one"
    ),
    r"dubious ownership|unsafe repository": (
        "the repository belongs to another user, who could have set anything in it: use SSH, or let it be yours"
    ),
    r"certificate": (
        "the server cannot be told from another one: name the certificates by which it is known (caFile)"
    ),
    r"invalid index-pack output": "it breaks off, or is more than a GiB at once, or takes too much memory",
    r"out of memory|malloc failed|unable to mmap": "it asks for more memory than it is given",
    r"git: not found": "git is not installed here: install it, or set PATH",
}

_NOISE = re.compile(
    r"^(?:fatal|error|remote|warning|hint):\s*$|^please make sure|^and the repository exists|^warning: "
    r"|^fatal: could not read from remote repository|^\*\*|^note: |^$",
    re.IGNORECASE,
)


def explained(complaint: str, status: int, place: GitPlace) -> str:
    """Why git ended as it did.

    Args:
        complaint: what it said on standard error.
        status: with which it ended; below zero the signal.
        place: what was asked for.
    """
    lines = [line.strip() for line in re.split(r"[\r\n]+", complaint)]
    told = [line for line in lines if line and not _NOISE.match(line)]
    first = next((one for one in told if one.startswith(("fatal:", "error:", "ERROR:", "ssh:"))), "")
    said = re.sub(
        r"^(?:fatal|error): ", "", first or (told[-1] if told else f"git ended with status {status}")
    )
    said = said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
    advice = next(
        (words for pattern, words in _ADVICE.items() if re.search(pattern, said, re.IGNORECASE)), ""
    )
    return f"{place.url}: {said}" + (f"; {advice}" if advice else "")
