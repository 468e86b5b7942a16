"""What to write in the place of something that a schema refuses.

Invariant: an offer is tried before it is made. What the schema would refuse as well is never offered.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from reconciler.documents.scalars import resolve

_VALUES = frozenset(
    {
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "items",
        "minItems",
        "maxItems",
        "not",
        "anyOf",
        "oneOf",
        "allOf",
    }
)
_PYTHON: dict[str, type] = {"integer": int, "number": float, "boolean": bool}


def quoted(plain: str, value: object, schema: Mapping[str, Any]) -> str:
    """What to write in quotes in the place of something that YAML takes for no text; "" where nothing like it is right.

    Only what the field would take is offered. A small number may be a mode in octal, as it is written or as it is read.
    """
    octal = f"{value:04o}" if type(value) is int and 0 <= value <= 0o777 else ""
    meant = [text for text in dict.fromkeys((plain, octal)) if text and fits(text, schema)]
    if not meant:
        return ""
    if len(meant) == 1 or plain.lstrip("0") == octal.lstrip("0") or "pattern" not in schema:
        return f'quote it: "{meant[0]}"'
    return f'quote it: "{plain}", or write "{octal}" if the number {value} is meant'


def unquoted(text: str, types: list[str]) -> str:
    """That a text would be of one of the wanted types without its quotes."""
    return "write it without quotes" if type(resolve(text)) in {_PYTHON.get(kind) for kind in types} else ""


def truth(value: object) -> str:
    """A boolean in the place of a number that stands for one elsewhere."""
    return f"write {str(bool(value)).lower()}" if value in (0, 1) else ""


def as_list(text: str, schema: Mapping[str, Any]) -> str:
    """A text as the list that was meant: of the words of a command, or of itself."""
    words = _words(text)
    return f"[{', '.join(map(_in_a_list, words))}]" if words and fits(words, schema) else ""


def named(value: object, pattern: str) -> str:
    """A name that is allowed and close to what was written."""
    made = re.sub(r"[^-a-z0-9.]+", "-", str(value).lower()).strip("-.")
    return f"such as {made!r}" if made and re.search(pattern, made) else ""


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether a value would be taken, apart from its type."""
    known = {key: item for key, item in schema.items() if key in _VALUES}
    return bool(jsonschema_rs.is_valid(known, value))


def _words(text: str) -> list[str]:
    """What a shell would make of a command, which is what somebody had in mind who wrote one as text."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _in_a_list(word: str) -> str:
    """A word as it can stand between brackets and stay text."""
    plain = re.fullmatch(r"[A-Za-z0-9_./][-A-Za-z0-9_./+=]*", word)
    return word if plain and isinstance(resolve(word), str) else json.dumps(word, ensure_ascii=False)


def singular_or_plural(name: str, value: Any, beside: Mapping[str, Any]) -> str:
    """The field that is called as `name` with an s, or without, and would take the value; or "".

    Args:
        name: of the field in which it stands.
        value: which that one does not take.
        beside: the schemas of all fields there.
    """
    other = name.removesuffix("s") if name.endswith("s") else f"{name}s"
    return (
        f"did you mean {other!r}?" if other in beside and jsonschema_rs.is_valid(beside[other], value) else ""
    )
