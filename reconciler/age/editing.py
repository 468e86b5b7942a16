"""A text with ciphertexts as a person edits it: what each holds stands in its place, between marks, and goes back.

    password:
      secret:
        age: |
          AGE(1)[hunter2hunter2]AGE

What was not changed gets back the ciphertext that it had, to the character. `AGE[…]AGE`, without a number, is encrypted
as well: a new secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.age.blocks import Block, Form, formed, replaced
from reconciler.model.secrets import SecretError

_MARKED = re.compile(r"AGE(?:\((\d+)\))?\[(.*?)\]AGE", re.DOTALL)
_BEGUN = re.compile(r"AGE(?:\(\d+\))?\[")
_END = "]AGE"


@dataclass(frozen=True, slots=True)
class Editable:
    """A text to be edited.

    Attributes:
        text: what the editor shows.
        before: by number, what a ciphertext held, and it.
    """

    text: str = field(repr=False)
    before: Mapping[int, tuple[str, Block]] = field(repr=False)


def editable(text: str, opened: Callable[[Block], bytes]) -> Editable:
    """A text with what its ciphertexts hold in their places.

    Args:
        text: as it lies in a file.
        opened: gives what one holds. Raises SecretError.

    Raises:
        SecretError: one cannot be opened, or is no text that could be edited.
    """
    before: dict[int, tuple[str, Block]] = {}

    def shown(one: Block) -> str:
        try:
            held = opened(one).decode()
        except UnicodeDecodeError:
            raise SecretError(
                f"what ciphertext {len(before) + 1} holds is no text", "encrypt it anew"
            ) from None
        if _END in held or _BEGUN.search(held):
            raise SecretError(f"what ciphertext {len(before) + 1} holds has marks in it", "encrypt it anew")
        number = len(before) + 1
        before[number] = held, one
        return f"AGE({number})[{held}{_END}"

    if _BEGUN.search(text):
        raise SecretError("it has marks of editing in it already", "write AGE( and AGE[ in another way")
    return Editable(replaced(text, shown), before)


def edited(text: str, before: Editable, sealed: Callable[[str], str]) -> str:
    """A text as it goes back into its file.

    Args:
        text: as it was edited.
        before: as it was before that.
        sealed: encrypts a text, armored.

    Raises:
        SecretError: a mark has no end, or names nothing that there was. Says in which line.
    """
    parts: list[str] = []
    at = 0
    for found in _MARKED.finditer(text):
        if _BEGUN.search(found[2]):
            raise SecretError(f"line {_line(text, found.start())}: a secret there has no {_END} at its end")
        parts += [text[at : found.start()], _sealed(text, found, before, sealed)]
        at = found.end()
    rest = text[at:]
    if (begun := _BEGUN.search(rest)) is not None:
        raise SecretError(f"line {_line(text, at + begun.start())}: a secret there has no {_END} at its end")
    return "".join([*parts, rest])


def _sealed(text: str, found: re.Match[str], before: Editable, sealed: Callable[[str], str]) -> str:
    number = int(found[1] or 0)
    if found[1] is None:
        line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        alone = not line.strip() and text[found.end() :].partition("\n")[0].strip() == ""
        return formed(sealed(found[2]), Form.LINES if alone else Form.ONE_LINE, line if alone else "")
    known = before.before.get(number)
    if known is None:
        where = _line(text, found.start())
        raise SecretError(
            f"line {where}: there was no ciphertext {number}", "write AGE[…]AGE for a new secret"
        )
    held, block = known
    return block.written if found[2] == held else block.formed(sealed(found[2]))


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
