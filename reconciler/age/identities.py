"""Who opens a ciphertext: private keys of age or of SSH. Known to others by their public halves alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from reconciler.age.header import BEGIN, MAGIC
from reconciler.age.recipients import recipient
from reconciler.model.secrets import SecretError

VARIABLE = "FROYO_AGE_KEY"
"""The environment variable that may hold identities."""

_AGE = "AGE-SECRET-KEY-1"
_PLUGIN = "AGE-PLUGIN-"
_POST_QUANTUM = "AGE-SECRET-KEY-PQ-1"
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----\n?", re.DOTALL)
_LOCKED = "it has a passphrase, which nobody could be asked for"


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key.

    Attributes:
        public: its public half, as it is written among recipients.
        origin: the file that it is from, or the variable.
        key: what opens.
        secret: its text, to be kept out of all that is told.
    """

    public: str
    origin: str
    key: Any = field(repr=False, compare=False)
    secret: str = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{recipient(self.public).label} ({self.origin})"


def generated() -> Identity:
    """A new one, of age."""
    import pyrage

    key = pyrage.x25519.Identity.generate()
    return Identity(str(key.to_public()), "", key, str(key))


def identities_in(text: str, origin: str) -> list[Identity]:
    """All that a file holds: one of age a line, or a private key of OpenSSH.

    Args:
        text: of it.
        origin: what it is called.

    Raises:
        SecretError: something in it is none, or it holds none. Never says what it holds.
    """
    if not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text):
        raise SecretError(f"{origin} is no text", "an identity of age is letters, digits and '-'")
    if text.startswith((BEGIN, MAGIC.decode())):
        raise SecretError(f"{origin} is encrypted itself: {_LOCKED}", "keep it unencrypted, with mode 0600")
    found = [_ssh(one.group(), origin) for one in _PEM.finditer(text)]
    found += list(_age(_PEM.sub("", text), origin))
    if not found:
        raise SecretError(f"{origin} holds no identity", "`froyo secrets keygen` makes one")
    return found


def _age(text: str, origin: str) -> Iterator[Identity]:
    import pyrage

    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if not line or line.startswith("#"):
            continue
        where = f"{origin}:{number}"
        if line.startswith((_PLUGIN, _POST_QUANTUM)):
            sort = "of a plugin" if line.startswith(_PLUGIN) else "of a sort that is not known here"
            raise SecretError(
                f"{where}: an identity {sort}", f"one that is opened with here begins with {_AGE}"
            )
        try:
            key = pyrage.x25519.Identity.from_str(line)
        except pyrage.IdentityError:
            raise SecretError(f"{where}: this is no identity", f"one begins with {_AGE}") from None
        yield Identity(str(key.to_public()), origin, key, line)


def _ssh(text: str, origin: str) -> Identity:
    import pyrage
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    load = load_ssh_private_key if "OPENSSH" in text else load_pem_private_key
    try:
        key = pyrage.ssh.Identity.from_buffer(text.encode())
        public = load(text.encode(), None).public_key()
    except (pyrage.IdentityError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        if "must be decrypted" in str(error):
            raise SecretError(
                f"{origin}: {_LOCKED}", "take one without: ssh-keygen -p, or `froyo secrets keygen`"
            ) from None
        raise SecretError(
            f"{origin}: this is no private key that age opens with", "ssh-ed25519 and ssh-rsa are"
        ) from None
    return Identity(
        public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(), origin, key, text.strip()
    )
