r"""Ciphertexts within text, whatever language that is in: found, and replaced in the form that each stands there.

One is armored over several lines, indented or not; the same within a quoted string, with `\n` between; or in base64 in
one line. So YAML, JSON, CUE and Starlark need no parser here, and what is around a ciphertext stays to the character.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.age.header import BEGIN, END, TO, binary

BASE64 = "YWdlLWVuY3J5cHRpb24ub3JnL3Yx"
"""How every ciphertext begins in base64."""

_MOST = 200
"""Lines before a ciphertext that name recipients: looking for them has to end."""
_FOUND = re.compile(
    rf"(?:{TO}[-A-Za-z0-9+/= ]*\r?\n[ \t]*){{0,{_MOST}}}{BEGIN}\r?\n(?:[ \t]*[A-Za-z0-9+/=]+\r?\n)+[ \t]*{END}"
    rf"|(?:{TO}[-A-Za-z0-9+/= ]*\\n){{0,{_MOST}}}{BEGIN}\\n(?:[A-Za-z0-9+/=]+\\n)+{END}(?:\\n)?"
    rf"|{BASE64}[A-Za-z0-9+/]+={{0,2}}"
)
_OF_SOPS = re.compile(r"ENC\[AES256_GCM,data:")


class Form(StrEnum):
    """How a ciphertext stands in a text."""

    LINES = "lines"
    ESCAPED = "escaped"
    ONE_LINE = "one line"


@dataclass(frozen=True, slots=True)
class Block:
    """A ciphertext in a text.

    Attributes:
        start: where it begins.
        end: where it has ended.
        written: as it stands there.
        form: how that is.
        indent: what comes before each of its lines but the first.
    """

    start: int
    end: int
    written: str = field(repr=False)
    form: Form = Form.LINES
    indent: str = ""

    @property
    def content(self) -> bytes:
        """The same as `opened` takes it."""
        text = self.written.replace("\\n", "\n") if self.form is Form.ESCAPED else self.written
        return text.encode()

    def formed(self, armored: str) -> str:
        """Another ciphertext as it would stand in its place."""
        text = formed(armored, self.form, self.indent, ended=self.written.endswith("\\n"))
        return text.replace("\n", "\r\n") if "\r\n" in self.written else text


def blocks(text: str) -> Iterator[Block]:
    """All ciphertexts in a text, in order."""
    for found in _FOUND.finditer(text):
        written = found.group()
        if written.startswith(BASE64):
            form, indent = Form.ONE_LINE, ""
        elif "\n" in written:
            after = written.partition("\n")[2]
            form, indent = Form.LINES, after[: len(after) - len(after.lstrip(" \t"))]
        else:
            form, indent = Form.ESCAPED, ""
        yield Block(found.start(), found.end(), written, form, indent)


def formed(armored: str, form: Form, indent: str = "", *, ended: bool = False) -> str:
    """An armored ciphertext in a form.

    Args:
        armored: with lines before it that name recipients.
        form: which.
        indent: what comes before each of its lines but the first.
        ended: in a quoted string, whether its last line is ended.
    """
    if form is Form.ONE_LINE:
        return base64.b64encode(binary(armored.encode())).decode()
    lines = armored.strip().splitlines()
    if form is Form.LINES:
        return f"\n{indent}".join(lines)
    return "\\n".join(lines) + ("\\n" if ended else "")


def replaced(text: str, instead: Callable[[Block], str]) -> str:
    """A text with something else in the place of its ciphertexts."""
    parts: list[str] = []
    at = 0
    for one in blocks(text):
        parts += [text[at : one.start], instead(one)]
        at = one.end
    return "".join([*parts, text[at:]])


def is_of_sops(text: str) -> bool:
    """Whether a text is what SOPS has encrypted, who alone can change it."""
    return "sops" in text and _OF_SOPS.search(text) is not None
