"""The last filter on every way out: it knows the values that are secret, and lets none of them through.

Masking by type, where a value is known to be a secret, comes first and elsewhere; this is for what got past
it, such as a secret in the message of somebody else's exception. So it looks for the value as it is, line
by line, and in the forms that it takes on the way: escaped for JSON or by repr, quoted for a URL, in base64
at any offset, in hex.

Invariant: what `text` gives back contains no form of a value that was added. Values shorter than `SHORTEST`
are not looked for: they would mask half of every text and hide nothing. This module must not know where
texts come from.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote_from_bytes

MASK = "[redacted]"
SHORTEST = 4
_SHORTEST_LINE = 8


class Redactor:
    """Masks what it was told to.

    Example:
        >>> redactor = Redactor()
        >>> redactor.add("hunter22")
        >>> redactor.text("password=hunter22, base64 aHVudGVyMjI=")
        'password=[redacted], base64 [redacted]I='
    """

    def __init__(self) -> None:
        self._values: tuple[str | bytes, ...] = ()
        self._spelled: tuple[tuple[str | bytes, ...], tuple[str, ...]] = ((), ())

    def add(self, value: str | bytes) -> None:
        """Let `value` not get out from now on."""
        self._values = (*self._values, value)

    def _forms(self) -> tuple[str, ...]:
        """How all values are spelled; found out when a text is looked through, once for all that were added."""
        values, forms = self._spelled
        if values is not self._values:
            # The longest first, so that no part of a longer form is taken for a shorter one. Assigned at once:
            # others may read.
            values = self._values
            known = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
            forms = tuple(
                sorted((form for form in known if form not in MASK), key=lambda form: (-len(form), form))
            )
            self._spelled = values, forms
        return forms

    def text(self, text: str) -> str:
        """`text` with every form of every value masked."""
        for form in self._forms():
            if form in text:
                text = text.replace(form, MASK)
        return text

    def value(self, value: object) -> object:
        """The same for all texts in `value`, a structure as JSON has them; masked bytes become text."""
        match value:
            case str():
                return self.text(value)
            case bytes():
                text = value.decode(errors="surrogateescape")
                masked = self.text(text)
                return value if masked == text else masked
            case Mapping():
                return {self.value(key): self.value(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                masked_items = [self.value(item) for item in value]
                return tuple(masked_items) if isinstance(value, tuple) else masked_items
            case _:
                return value


def _forms(value: str | bytes) -> Iterator[str]:
    text = value.decode(errors="surrogateescape") if isinstance(value, bytes) else value
    # A value in a file ends with a newline that the value in use does not have.
    for whole in (text, text.strip()):
        yield from _spellings(whole)
        raw = _encode(whole)
        yield from _base64(raw)
        yield raw.hex()
        yield raw.hex().upper()
    # In a diff or a log each line stands on its own. A short one is too ordinary to be masked everywhere.
    for line in map(str.strip, text.splitlines()):
        if len(line) >= _SHORTEST_LINE:
            yield from _spellings(line)


def _spellings(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    for spell in (repr, ascii):
        yield spell(text)[1:-1]
        # With a double quote somewhere else in the text, single ones are escaped.
        yield spell('"' + text)[2:-1]
    raw = _encode(text)
    for safe in ("", "/"):
        yield quote_from_bytes(raw, safe)
        yield quote_from_bytes(raw, safe + " ").replace(" ", "+")


def _encode(text: str) -> bytes:
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def _base64(raw: bytes) -> Iterator[str]:
    """The digits that only `raw` decides, wherever in a longer text in base64 it begins."""
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        first = (0, 2, 3)[offset]
        last = len(whole) if (offset + len(raw)) % 3 == 0 else len(whole) - 1
        core = whole[first:last]
        if len(core) >= _SHORTEST_LINE:
            yield core
            yield core.replace("+", "-").replace("/", "_")
