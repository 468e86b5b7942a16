"""OPA's `sprintf`: Go's `fmt.Sprintf` over what policies have: text, numbers, and the rest as Rego writes it.

Invariant: as much comes out as is asked for: a width or a precision is bounded.
"""

from __future__ import annotations

import json
import re
from typing import Any

_VERB = re.compile(r"%([#+\-0 ]*)(\d+|\*)?(?:\.(\d*|\*))?(.)?", re.DOTALL)
_MOST = 10_000
"""Characters that a width may ask for."""
_LONGEST = 1 << 20
"""Characters of all that comes out."""


def sprintf(layout: Any, values: Any) -> str:
    """`sprintf`.

    Raises:
        TypeError: no text, or no array.
        ValueError: a width is none that can be had.
    """
    if not isinstance(layout, str) or not isinstance(values, list):
        raise TypeError("sprintf takes a text and an array")
    left, used, written = list(values), 0, 0

    def put(found: re.Match[str]) -> str:
        nonlocal written
        text = shown(found)
        written += len(text)
        if written > _LONGEST:
            raise ValueError(f"sprintf: that is more than {_LONGEST} characters")
        return text

    def shown(found: re.Match[str]) -> str:
        nonlocal used
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if verb is None:
            return "%!(NOVERB)"
        if width == "*" or precision == "*":
            raise ValueError("sprintf: widths are written out here, not given as `*`")
        if int(width or 0) > _MOST or int(precision or 0) > _MOST:
            raise ValueError(f"sprintf: no width is more than {_MOST}")
        if used >= len(left):
            return f"%!{verb}(MISSING)"
        value = left[used]
        used += 1
        digits = None if precision is None else int(precision or 0)
        return _padded(_shown(value, verb, flags, digits), flags, int(width or 0), value)

    text = _VERB.sub(put, layout)
    if used < len(left):
        extra = ", ".join(f"{_type(one)}={_plain(one)}" for one in left[used:])
        text += f"%!(EXTRA {extra})"
    return text


def _shown(value: Any, verb: str, flags: str, precision: int | None) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    number = whole or isinstance(value, float)
    sign = "+" if "+" in flags else " " if " " in flags else ""
    if verb == "v":
        return _signed(value, sign) if number else _plain(value)
    if verb == "T":
        return _type(value)
    if whole and verb == "s" and not -(2**63) <= value < 2**63:
        return str(value)  # Go's large numbers write themselves
    if whole and verb in "dboxXc":
        return _whole(value, verb, sign, "#" in flags)
    if isinstance(value, float) and verb in "eEfFgG":
        return _real(value, verb, sign, precision)
    if not number and verb in "sqxX":
        text = _plain(value)[:precision]
        if verb == "q":
            return json.dumps(text, ensure_ascii=False)
        return text if verb == "s" else text.encode().hex() if verb == "x" else text.encode().hex().upper()
    return f"%!{verb}({_type(value)}={_plain(value)})"


def _whole(value: int, verb: str, sign: str, prefixed: bool) -> str:  # noqa: FBT001 - a flag of the layout
    if verb == "c":
        return chr(value) if 0 <= value <= 0x10FFFF else "\ufffd"
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if prefixed else ""
    return f"{'-' if value < 0 else sign}{prefix}{abs(value):{verb}}"


def _real(value: float, verb: str, sign: str, precision: int | None) -> str:
    if verb in "gG" and precision is None:
        return _signed(value, sign)
    text = f"{value:.{6 if precision is None else precision}{verb}}"
    return sign + text if sign and not text.startswith("-") else text


def _signed(value: float, sign: str) -> str:
    text = _number(value)
    return sign + text if sign and not text.startswith("-") else text


def _padded(text: str, flags: str, width: int, value: Any) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and isinstance(value, int | float):
        return text.zfill(width)
    return text.rjust(width)


def _type(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "int"
    return "float64" if isinstance(value, float) else "string"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _term(value)


def _term(value: Any) -> str:
    """As Rego writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_term(key)}: {_term(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_term, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return _number(value)


def _number(value: float) -> str:
    """As Go's `%v` writes it: the shortest that reads back, with an exponent from 21 digits on."""
    if isinstance(value, int):
        return str(value)
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if exponent and -5 < int(exponent) < 21:
        text = f"{value:f}".rstrip("0").rstrip(".")
    elif exponent:
        text = f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].zfill(2)}"
    elif abs(value) >= 1e21:
        text = f"{value:e}"
    return text.removesuffix(".0")
