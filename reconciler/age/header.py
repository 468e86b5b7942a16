"""What a ciphertext says to everybody: how many it is for, and of what sort each is.

Who a recipient of age itself is, nobody can tell from it, by design; one of SSH leaves some digits of its key. So what
froyo writes says in lines before the armor whom it is for. That is for people, and to see whether it is to be encrypted
anew; who opens it needs none of it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model.secrets import SecretError

MAGIC = b"age-encryption.org/v1\n"
BEGIN = "-----BEGIN AGE ENCRYPTED FILE-----"
END = "-----END AGE ENCRYPTED FILE-----"
TO = "# to "
"""How a line begins that names a recipient."""

_GREASE = "-grease"
"""How the sort of one ends that is for nobody: they keep programs used to sorts that they do not know."""
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Stanza:
    """What a header has for one recipient.

    Attributes:
        sort: `X25519`, `ssh-ed25519`, …
        arguments: of it; of SSH the first is a digest of the public key, cut short.
    """

    sort: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.sort} {self.arguments[0]}" if self.sort.startswith("ssh-") else self.sort


def binary(content: bytes) -> bytes:
    """A ciphertext as bytes of age, be it those, armored, or in base64 in one line; what names recipients is left out.

    Raises:
        SecretError: it is none.
    """
    if content.startswith(MAGIC):
        return content
    text = content.decode("ascii", "replace")
    _, armored, after = text.partition(BEGIN)
    digits = after.partition(END)[0] if armored else text
    try:
        decoded = base64.b64decode(_SPACE.sub("", digits), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded.startswith(MAGIC):
        what = "it is damaged" if armored else "this is nothing that age has encrypted"
        if "age:" in text:
            raise SecretError(what, "what stands here is the ciphertext alone, without {secret: {age: …}}")
        raise SecretError(what, "`froyo secrets encrypt` prints what stands here")
    return decoded


def named(content: bytes) -> tuple[str, ...]:
    """The recipients that lines before the armor name; none where nothing says so."""
    before = content.partition(BEGIN.encode())[0].decode("ascii", "replace")
    lines = (line.strip() for line in before.splitlines())
    return tuple(line.removeprefix(TO).strip() for line in lines if line.startswith(TO))


def stanzas(content: bytes) -> tuple[Stanza, ...]:
    """What a ciphertext has for its recipients.

    Raises:
        SecretError: it is none.
    """
    head = binary(content).removeprefix(MAGIC).partition(b"\n---")[0].decode("ascii", "replace")
    lines = [line.removeprefix("-> ").split(" ") for line in head.splitlines() if line.startswith("-> ")]
    return tuple(Stanza(line[0], tuple(line[1:])) for line in lines if not line[0].endswith(_GREASE))


def whom(found: Sequence[Stanza], names: Sequence[str]) -> str:
    """Whom a ciphertext is for, in words."""
    if names:
        return ", ".join(names)
    sorts = [str(one) for one in found]
    ssh = [one for one in dict.fromkeys(sorts) if one.startswith("ssh-")]
    others = [f"{some(sorts.count(one))} of the sort {one}" for one in dict.fromkeys(sorts) if one not in ssh]
    return ", ".join([*others, *ssh]) or "nobody"


def some(number: int) -> str:
    """How many recipients."""
    return "a recipient" if number == 1 else f"{number} recipients"
