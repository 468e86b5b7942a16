"""Values that nobody is to learn but the target that they are for.

A secret is declared by where it is to be had, and stands for itself nowhere but there and on its target: everywhere
else is its *mark*, `[secret:…]`, with a digest that only who has the key can compare a guess with. Marks are text, so
that whatever text is made with one has it, and is secret as far as it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

BEGIN = "[secret:"
MARK = re.compile(r"\[secret:[0-9a-f]{32}\]")


REFERENCES = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}
"""The keys by which a key of an object is referred to, and what sort of object each means."""


@dataclass(frozen=True, slots=True)
class KeyRef:
    """A key of a Secret or a ConfigMap of a cluster.

    Attributes:
        kind: `Secret` or `ConfigMap`.
        namespace: which it is in.
        name: what it is called.
        key: which of its keys.
    """

    kind: str
    namespace: str
    name: str
    key: str

    @property
    def file(self) -> str:
        """What it is called where a file would be."""
        return f"key {self.key} of the {self.kind} {self.name}"

    @property
    def place(self) -> str:
        """The object that it is a key of: `Secret:web/db`."""
        return f"{self.kind}:{self.namespace}/{self.name}"

    def __str__(self) -> str:
        return f"{self.place}#{self.key}"

    @classmethod
    def parsed(cls, written: str) -> KeyRef | None:
        """What `str` gives of one; None for anything else, such as a path."""
        found = _KEY_REF.fullmatch(written)
        return cls(*found.groups()) if found is not None else None


NOWHERE = "-"
"""In the place of a namespace that is not known yet; none can be called so."""
_KEY_REF = re.compile(r"(Secret|ConfigMap):([^/#]+)/([^/#]+)#([^/#]+)")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is declared.

    Attributes:
        file: where it is: an absolute path on the controller, or one below the place of secrets there.
    """

    file: str


class Sealing(StrEnum):
    """How what stands in a source is encrypted."""

    AGE = "age"
    SOPS = "sops"
    """A file in the format of SOPS, whose data key is encrypted with age."""


IDENTITIES = "age:identities"
"""In the place of a file among those that something is given by: what the controller opens ciphertexts with."""


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A secret that stands in its source, encrypted.

    Attributes:
        content: what is encrypted, as it stands there: the value itself, or the whole file.
        sealing: how.
        path: of the file of the source that it is; "" where it stands in the manifest.
        key: which value of the file, step by step; empty for all that it holds.
        identity: what opens it in a cluster, where each namespace has its own; None for what the controller has.
    """

    content: bytes = field(repr=False)
    sealing: Sealing = Sealing.AGE
    path: str = ""
    key: tuple[str, ...] = ()
    identity: KeyRef | None = None

    @property
    def file(self) -> str:
        """What it is called where a file would be."""
        if not self.path:
            return "the encrypted value"
        return f"{'.'.join(self.key)} of {self.path}" if self.key else self.path

    @property
    def place(self) -> str:
        """What it is given by that is no part of the source."""
        return IDENTITIES if self.identity is None else self.identity.place


Whereabouts = Secret | KeyRef | Encrypted
"""Where a secret is to be had."""


class SecretError(Exception):
    """A secret that cannot be had, or is none.

    Args:
        message: why. Never its value.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SecretMissing(SecretError):
    """There is nothing where a secret should be."""


def text_of(place: str, content: bytes) -> str:
    """The text that a secret is, from what is kept in a place: a newline at its end is none of a single line.

    Raises:
        SecretError: it is no text.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise SecretError(f"{place} is no text in UTF-8", "keep it in base64") from None
    if "\0" in text:
        raise SecretError(f"{place} holds a NUL, which no text has", "keep it in base64")
    line = text.removesuffix("\n").removesuffix("\r")
    return text if "\n" in line else line


def mark(digest: str) -> str:
    """What stands for the secret that has this keyed digest, of at least 32 hexadecimal digits."""
    return f"{BEGIN}{digest[:32]}]"


def marks_in(value: Any) -> frozenset[str]:
    """All marks in the texts of a value, as JSON has it."""
    return frozenset(found for text in _texts(value) if BEGIN in text for found in MARK.findall(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
