"""The keys that we log in with: from a file or the agent. What is wrong with one is said of that one."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from typing import Any

from reconciler.errors import TransportError, why
from reconciler.targets.known_hosts import endless
from reconciler.targets.secure_shell import asyncssh


def key_options(path: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What asyncssh is told about keys.

    Args:
        path: of the private key; "" for what the agent has.
        environ: names the agent's socket.

    Raises:
        TransportError: the key cannot be used.
    """
    agent = environ.get("SSH_AUTH_SOCK") or None
    if not path:
        return {"client_keys": (), "agent_path": agent}
    with contextlib.suppress(OSError):  # which is said of who opens it
        if what := endless(os.stat(path).st_mode):
            raise TransportError(f"{path}: it is {what}; the key to log in with has to be in a file")
    try:
        pairs = _pairs(path)
        _must_be_private(path)
        return {"client_keys": pairs, "agent_path": None}
    except TransportError:
        raise
    except OSError as error:
        raise TransportError(f"{path}: {why(error)}: it is the key to log in with") from error
    except Exception as error:
        # Its content may be anything, and fail anywhere in the libraries.
        if "assphrase" not in str(error):
            hint = "it has to be the private key, whole, not the `.pub` beside it"
        elif agent is None:
            hint = f"a key with a passphrase has to be in the agent (`ssh-add {path}`)"
        else:
            return {"client_keys": (), "agent_path": agent, "agent_identities": [_public(path)]}
        raise TransportError(f"{path}: {error}; {hint}") from error


def _must_be_private(path: str) -> None:
    """See that a key is a secret: as with ssh, one of ours that others can read is none."""
    found = os.stat(path)
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        raise TransportError(
            f"{path}: others can read it (mode {stat.S_IMODE(found.st_mode):04o}), so it is no key to log in with;"
            f" if they have not read it, run: chmod go= {path}"
        )


def certificate_note(path: str) -> str:
    """What a person has to know of the certificate beside a key that was refused, as a sentence; "" for nothing."""
    try:
        if path:
            asyncssh.load_keypairs([path])
    except asyncssh.KeyImportError:
        pass
    except ValueError as error:
        return f" {path}-cert.pub and {path}.pub: at least one does not belong to the key, and was left out ({error})."
    except OSError:
        pass
    return ""


def _pairs(path: str) -> Any:
    try:
        return asyncssh.load_keypairs([path])
    except asyncssh.KeyImportError:
        raise
    except ValueError:
        # A certificate or a public key beside it belongs to another: as with ssh, the key alone may do.
        return asyncssh.load_keypairs([asyncssh.read_private_key(path)])


def _public(path: str) -> Any:
    try:
        return asyncssh.read_public_key(f"{path}.pub")
    except (asyncssh.KeyImportError, ValueError) as error:
        raise TransportError(
            f"{path}.pub: {error}; it says which key of the agent is meant: `ssh-keygen -y -f {path} > {path}.pub`"
        ) from error
    except OSError as error:
        raise TransportError(
            f"{path}.pub: {why(error)}: it says which key of the agent is meant, since {path} has a passphrase"
        ) from error
