"""Fields, values and lists as people say them, the same in plans, events, errors and logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_AS_YOU = ("Uni", "Use", "Uti")
"""How kinds begin with a U that sounds as in `you`."""


def field(name: str) -> str:
    """A field; what is in a directory goes by its name.

    Example:
        >>> field("mode"), field("entries[conf.d/old]"), field("entries[a].owner")
        ('mode', 'conf.d/old', 'owner of a')
    """
    if not name.startswith("entries["):
        return name
    entry, _, attribute = name.removeprefix("entries[").rpartition("]")
    return f"{attribute.removeprefix('.')} of {entry}" if attribute else entry


def with_article(kind: str) -> str:
    """A kind with its article, by how it sounds: `a File`, `an Exec`, `a User`."""
    return f"{'an' if kind[:1] in 'AEIOU' and not kind.startswith(_AS_YOU) else 'a'} {kind}"


def value(it: Any) -> str:
    """A value, without the brackets that programs need.

    Example:
        >>> value(None), value(True), value(["a", "b"]), value([]), value({"soft": 1})
        ('absent', 'true', 'a, b', 'nothing', 'soft: 1')
    """
    match it:
        case None:
            return "absent"
        case bool():
            return str(it).lower()
        case {"digest": digest}:
            return f"{str(digest)[:19]}… ({it.get('size', '?')} B)"
        case Mapping():
            return ", ".join(f"{key}: {value(one)}" for key, one in it.items()) or "nothing"
        case list() | tuple():
            return ", ".join(map(value, it)) or "nothing"
    return str(it)


def listed(words: Sequence[str], last: str) -> str:
    """`a, b or c`."""
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def count(number: int, noun: str) -> str:
    """Such as "1 target" or "2,000 targets"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def some(names: Sequence[str], most: int = 5) -> str:
    """The first of many names, and how many more there are.

    Example:
        >>> some(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def lasting(seconds: float) -> str:
    """A time that somebody has declared, in whole seconds.

    Example:
        >>> lasting(45.0), lasting(300.0), lasting(330.0)
        ('45 s', '5 min', '5 min 30 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return " ".join(part for part in (f"{minutes} min" * bool(minutes), f"{rest} s" * bool(rest)) if part)


def duration(seconds: float) -> str:
    """A time that was measured, as finely as says something.

    Example:
        >>> duration(0.038), duration(1.44), duration(185.0)
        ('38 ms', '1.4 s', '3 min 5 s')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def lowered(sentence: str) -> str:
    """A sentence as it goes on behind a colon; what is written in capitals stays so."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
