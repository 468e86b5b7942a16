"""The functions of Rego that are not in the WebAssembly that OPA makes, as far as policies have them here.

Invariant: each is pure: the same arguments give the same answer, and none of them looks at anything else. One that is
given what it cannot be given ends the evaluation, which denies; with OPA itself the rule would be undefined, and a
`deny` that is undefined lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from reconciler.policy import times
from reconciler.policy.sprintf import sprintf

NOW = "time.now_ns"
"""The one that the question answers."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, and this is {type(value).__name__}")
    return value


# --- Semantic versions --------------------------------------------------------------------------------------------

_SEMVER = re.compile(
    r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z.-]+)?",
    re.ASCII,
)


_LONGEST_VERSION = 1_000


def _semver(value: Any) -> tuple[Any, ...]:
    found = _SEMVER.fullmatch(_text(value))
    if found is None or len(value) > _LONGEST_VERSION:
        raise ValueError(f"{value!r} is no semantic version")
    before = [
        (0, int(one), "") if one.isdecimal() else (1, 0, one) for one in (found[4] or "").split(".") if one
    ]
    return int(found[1]), int(found[2]), int(found[3]), not before, before


def _semver_compare(one: Any, other: Any) -> int:
    a, b = _semver(one), _semver(other)
    if a == b:
        return 0
    return 1 if a > b else -1


def _semver_is_valid(value: Any) -> bool:
    short = isinstance(value, str) and len(value) <= _LONGEST_VERSION
    return short and _SEMVER.fullmatch(value) is not None


# --- Texts --------------------------------------------------------------------------------------------------------


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in (value if isinstance(value, list) else [value])]


def _any_prefix(search: Any, base: Any) -> bool:
    return any(one.startswith(tuple(_texts(base))) for one in _texts(search))


def _any_suffix(search: Any, base: Any) -> bool:
    return any(one.endswith(tuple(_texts(base))) for one in _texts(search))


def _count(search: Any, part: Any) -> int:
    return _text(search).count(_text(part))


_MOST_PLACES = 100_000


def _indexof_n(text: Any, part: Any) -> list[int]:
    where, wanted = _text(text), _text(part)
    found: list[int] = []
    at = where.find(wanted)
    while at >= 0:
        if len(found) >= _MOST_PLACES:
            raise ValueError(f"indexof_n: there are more than {_MOST_PLACES}")
        found.append(at)
        at = where.find(wanted, at + 1)
    return found


def _hex(value: Any) -> str:
    return _text(value).encode().hex()


def _unhex(value: Any) -> str:
    return bytes.fromhex(_text(value)).decode()


# --- Amounts ------------------------------------------------------------------------------------------------------

_AMOUNT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([a-z]*)", re.ASCII)
_BYTES: dict[str, int] = {
    "": 1,
    "b": 1,
    **{name: 1000**power for power, letter in enumerate("kmgtpe", 1) for name in (letter, f"{letter}b")},
    **{
        name: 1024**power
        for power, letter in enumerate("kmgtpe", 1)
        for name in (f"{letter}i", f"{letter}ib")
    },
}


def _bytes(value: Any) -> int:
    found = _AMOUNT.fullmatch(_text(value).replace('"', "").lower())
    if found is None or found[2] not in _BYTES:
        raise ValueError(f"{value!r} is no amount of bytes")
    whole, _, rest = found[1].partition(".")
    unit = _BYTES[found[2]]
    sign = -1 if whole.startswith("-") else 1
    part: int = int(rest or 0) * unit // int("1" + "0" * len(rest))
    return int(whole or 0) * unit + sign * part


def _range_step(first: Any, last: Any, step: Any) -> list[int]:
    for one in (first, last, step):
        if isinstance(one, bool) or not isinstance(one, int):
            raise TypeError("numbers.range_step takes whole numbers")
    if step <= 0:
        raise ValueError("numbers.range_step: the step is more than 0")
    found = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    if len(found) > 1_000_000:
        raise ValueError("numbers.range_step: that is more than a million numbers")
    return list(found)


BUILTINS: Mapping[str, Callable[..., Any]] = {
    "sprintf": sprintf,
    "time.clock": times.clock,
    "time.date": times.date_of,
    "time.weekday": times.weekday,
    "time.add_date": times.add_date,
    "time.diff": times.diff,
    "time.format": times.shown,
    "time.parse_rfc3339_ns": times.parse_rfc3339,
    "time.parse_duration_ns": times.parse_duration,
    "semver.compare": _semver_compare,
    "semver.is_valid": _semver_is_valid,
    "strings.any_prefix_match": _any_prefix,
    "strings.any_suffix_match": _any_suffix,
    "strings.count": _count,
    "indexof_n": _indexof_n,
    "hex.encode": _hex,
    "hex.decode": _unhex,
    "urlquery.encode": lambda value: quote_plus(_text(value)),
    "urlquery.decode": lambda value: unquote_plus(_text(value)),
    "units.parse_bytes": _bytes,
    "numbers.range_step": _range_step,
}
"""By their names in Rego."""
