"""Fields and their values as people say them, the same in plans, events and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
