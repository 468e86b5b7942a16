"""Label selectors as `kubectl -l` takes them, to the selector that is meant.

Invariant: what cannot be understood in full is refused, with the part that is to blame and the grammar; nothing is
guessed, and no part is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.errors import UsageError
from reconciler.model.selector import Operator, Requirement, Selector, is_label_key

GRAMMAR = "KEY=VALUE, KEY==VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY, !KEY; several are joined by commas"
"""What a selector may say."""

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SET = re.compile(r"(?P<key>.*?)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)", re.DOTALL)
_EQUAL = re.compile(r"(?P<key>[^=!]*)(?P<operator>==|!=|=)(?P<value>.*)", re.DOTALL)


def parse_labels(text: str) -> Selector:
    """A label selector: `role=web,tier!=db,zone in (a, b),canary,!old`.

    As with `kubectl`, `role=` is the empty value, and `!=` and `notin` also hold where the label is absent.

    Raises:
        UsageError: it cannot be understood; says which part, why, and what may be written.
    """
    labels: list[tuple[str, str]] = []
    requirements: list[Requirement] = []
    for part in _parts(text) if text.strip() else ():
        try:
            found = _requirement(part)
        except ValueError as error:
            at = f" at {part!r}" if part and part != text.strip() else ""
            raise UsageError(
                f"the selector {text!r} cannot be understood{at}: {error}; it may say {GRAMMAR}"
            ) from None
        if isinstance(found, Requirement):
            requirements.append(found)
        else:
            labels.append(found)
    return Selector(tuple(labels), tuple(requirements))


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that are not within parentheses."""
    depth, begin = 0, 0
    for index, character in enumerate(text):
        depth = max(0, depth + (character == "(") - (character == ")"))
        if character == "," and not depth:
            yield text[begin:index].strip()
            begin = index + 1
    yield text[begin:].strip()


def _requirement(part: str) -> Requirement | tuple[str, str]:
    """What one part asks for: a requirement, or a label with its value.

    Raises:
        ValueError: it is none; says why.
    """
    if not part:
        raise ValueError("there is nothing beside a comma")
    if match := _SET.fullmatch(part):
        values = tuple(_value(value.strip()) for value in match["values"].split(","))
        operator = Operator.IN if match["operator"] == "in" else Operator.NOT_IN
        return Requirement(_key(match["key"]), operator, values)
    if match := _EQUAL.fullmatch(part):
        key, value = _key(match["key"]), match["value"].strip()
        if match["operator"] == "==" and not value:
            raise ValueError("there is no value after ==")
        if match["operator"] == "!=":
            return Requirement(key, Operator.NOT_IN, (_value(value),))
        return key, _value(value)
    if part.startswith("!"):
        return Requirement(_key(part[1:]), Operator.DOES_NOT_EXIST)
    return Requirement(_key(part), Operator.EXISTS)


def _key(text: str) -> str:
    written = text.strip()
    if not written:
        raise ValueError("there is no key")
    if not is_label_key(written):
        raise ValueError(f"{written!r} is no key of a label")
    return written


def _value(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no value of a label")
    return text
