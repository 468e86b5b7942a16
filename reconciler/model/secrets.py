"""Values that nobody is to learn but the target that they are for.

A secret is declared by where it is to be had, and stands for itself nowhere but there and on its target: everywhere
else is its *mark*, `[secret:…]`, with a digest that only who has the key can compare a guess with. Marks are text, so
that whatever text is made with one has it, and is secret as far as it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

BEGIN = "[secret:"
MARK = re.compile(r"\[secret:[0-9a-f]{32}\]")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is declared.

    Attributes:
        file: where it is: an absolute path on the controller, or one below the place of secrets there.
    """

    file: str


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
