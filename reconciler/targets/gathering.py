"""What `facts` is answered with, held to its shape: what a target says is foreign input.

Invariant: sections are mappings of plain values that can be written as text and have a bounded depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import RemoteProtocolError
from reconciler.model.facts import SECTIONS, Section

_DEPTH = 8
_NAMES = frozenset(SECTIONS)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Facts that a target has just given.

    Attributes:
        sections: by name.
        cut: those that there is more of.
    """

    sections: Mapping[Section, Mapping[str, Any]]
    cut: frozenset[Section]


def gathered(said: Mapping[str, Any]) -> Gathered:
    """The value of a result.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    facts, cut = said.get("facts"), said.get("cut")
    if type(facts) is not dict or not all(type(one) is dict for one in facts.values()):
        raise RemoteProtocolError("it has no proper 'facts'", kind="bad_field")
    if type(cut) is not list or not all(type(one) is str for one in cut):
        raise RemoteProtocolError("it has no proper 'cut'", kind="bad_field")
    found = {Section(name): value for name, value in facts.items() if name in _NAMES}
    if not all(_is_plain(value, _DEPTH) for value in found.values()):
        raise RemoteProtocolError("its facts are no plain values", kind="bad_field")
    return Gathered(found, frozenset(found.keys() & cut))


def _is_plain(value: object, depth: int) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return depth > 0 and all(
            _is_plain(name, 0) and _is_plain(one, depth - 1) for name, one in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(one, depth - 1) for one in value)
    return isinstance(value, bool | int)
