"""What a plain (unquoted) YAML scalar means.

The rules are YAML 1.2's with what Kubernetes' tools add (`yes`, `no`, `on` and `off` are booleans): the same
file must mean the same here and with `kubectl apply`. Dates, times such as 12:30 and 1_000 stay text. Where
YAML 1.1, YAML 1.2 and people disagree about a number, as in 0644, nothing is guessed: it is a `Trap`, and the
person is asked to quote it.
"""

from __future__ import annotations

import re
from enum import Enum


class Trap(Enum):
    """A plain scalar that means different things to different readers."""

    OCTAL = "octal"
    NOT_A_NUMBER = "not a number"


Scalar = str | int | float | bool | None

STARTS = frozenset("-+.0123456789yYnNtTfFoO~")
"""What a plain scalar that is not text can begin with; the empty one aside."""

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_PREFIXED = re.compile(r"[-+]?0(?:x[0-9a-fA-F]+|o[0-7]+|b[01]+)")
_OCTAL = re.compile(r"[-+]?0[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_A_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 400


def resolve(plain: str) -> Scalar | Trap:
    """The value of a plain scalar."""
    if plain in _WORDS:
        return _WORDS[plain]
    if plain[0] not in STARTS or len(plain) > _MAX_DIGITS:
        return plain
    if _INTEGER.fullmatch(plain):
        return int(plain)
    if _OCTAL.fullmatch(plain):
        return Trap.OCTAL
    if _PREFIXED.fullmatch(plain):
        return int(plain, 0)
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        return Trap.NOT_A_NUMBER if value in (float("inf"), float("-inf")) else value
    if _NOT_A_NUMBER.fullmatch(plain):
        return Trap.NOT_A_NUMBER
    return plain
