"""Whom something is encrypted for: public keys of age or of SSH, one a line in a file beside the manifests."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.age.header import Stanza
from reconciler.model.secrets import SecretError

FILE = ".age-recipients"
"""The file that says whom everything in its directory and below is encrypted for: what passage calls it, too, and in
the form that `age --recipients-file` reads."""

_SHOWN = 12
"""Characters that are told of what is none."""
_SSH = ("ssh-ed25519", "ssh-rsa")
_TAGGED = {"age1tag1": ("tag", "p256tag"), "age1tagpq1": ("tagpq", "mlkem768p256tag")}
"""Recipients on a piece of hardware, of which the second holds against a quantum computer, by how they begin: the name
in pyrage, and the sort in a header. Whoever has one opens what is for it with a program of theirs."""
_LONGEST = 100
_HINT = "one is age1…, or a line of a .pub file of ssh-ed25519 or ssh-rsa"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key.

    Attributes:
        text: as it is written; one of SSH without its comment.
        comment: what is said of it, such as whose it is.
    """

    text: str
    comment: str = ""

    @property
    def stanza(self) -> Stanza:
        """What everybody sees of it in the header of what is for it."""
        sort, _, rest = self.text.partition(" ")
        if rest:
            tag = hashlib.sha256(base64.b64decode(rest)).digest()[:4]
            return Stanza(sort, (base64.b64encode(tag).decode().rstrip("="),))
        return Stanza(
            next((sort for begin, (_, sort) in _TAGGED.items() if self.text.startswith(begin)), "X25519")
        )

    @property
    def label(self) -> str:
        """What it is called where a whole line of SSH would be too much: by what everybody sees of it."""
        if " " in self.text:
            return str(self.stanza)
        return self.text if len(self.text) <= _LONGEST else f"{self.text[:16]}-{self.text[-16:]}"

    def key(self) -> Any:
        """The same for who encrypts."""
        return _key(self.text)


def _key(text: str) -> Any:
    import pyrage

    if text.startswith(_SSH):
        return pyrage.ssh.Recipient.from_str(text)
    for begin, (name, _) in _TAGGED.items():
        if text.startswith(begin):
            return getattr(pyrage, name).Recipient.from_str(text)
    return pyrage.x25519.Recipient.from_str(text)


def recipient(written: str) -> Recipient:
    """A recipient, as it is written in a line.

    Raises:
        SecretError: it is none.
    """
    import pyrage

    words = written.split()
    if written.strip().upper().startswith("AGE-SECRET-KEY-"):
        raise SecretError("this is an identity, which is secret, and no recipient", "its public key is meant")
    ssh = len(words) > 1 and words[0] in _SSH
    text = " ".join(words[:2]) if ssh else written.strip()
    try:
        if ssh:
            base64.b64decode(words[1], validate=True)
        _key(text)
    except (pyrage.RecipientError, binascii.Error, ValueError):
        # It may be an identity that was spoiled on its way here, and is not told to anybody.
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        raise SecretError(f"{shown!r} is no recipient", _HINT) from None
    return Recipient(text, " ".join(words[2:]) if ssh else "")


def recipients_in(text: str, called: str) -> list[Recipient]:
    """All that a file of recipients names, each once.

    Args:
        text: of it: one a line; what begins with # is a comment, and says of the line after it whose that is.
        called: the file, for messages.

    Raises:
        SecretError: a line is none.
    """
    found: dict[str, Recipient] = {}
    comment = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            comment = stripped.removeprefix("#").strip()
            continue
        try:
            one = recipient(stripped)
        except SecretError as error:
            raise SecretError(f"{called}:{number}: {error.message}", error.hint) from None
        found.setdefault(one.text, Recipient(one.text, one.comment or comment))
        comment = ""
    return list(found.values())


def in_order(content_stanzas: Iterable[Stanza], names: Sequence[str], wanted: Sequence[Recipient]) -> bool:
    """Whether a ciphertext is for some recipients and nobody else, as far as that can be told without opening it.

    Args:
        content_stanzas: what it has for its recipients.
        names: whom it says that it is for; empty where it does not say.
        wanted: whom it should be for.
    """
    if names and set(names) != {one.label for one in wanted}:
        return False
    return sorted(map(str, content_stanzas)) == sorted(str(one.stanza) for one in wanted)


def listed(wanted: Iterable[Recipient]) -> Iterator[str]:
    """Each as a line for a person."""
    for one in wanted:
        yield f"{one.text}  {one.comment}".rstrip()
