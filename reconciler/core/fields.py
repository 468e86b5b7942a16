"""Which declared fields are not as they should be.

Invariants: only what is declared counts, and values that mean the same are equal, so that a difference is
never noise. This module must not know any kind's fields, nor which of them are secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from reconciler.model.plan import FieldDiff


def field_diffs(
    declared: Mapping[str, Any], actual: Mapping[str, Any], *, ignore: Collection[str] = ()
) -> tuple[FieldDiff, ...]:
    """Every declared field that is not as it should be, in order of declaration.

    Only what is declared counts, and null is not a declaration. What is empty (null, no list items, no
    fields) is the same as what is not there; "", 0 and false are values. Numbers compare as numbers, but
    true is not 1.

    Args:
        declared: how the fields should be.
        actual: how they are; may say more.
        ignore: field paths, such as `spec.mode`; their differences are marked, with all that is below.

    Example:
        >>> field_diffs({"mode": "0644"}, {"mode": "0600", "size": 1})
        (FieldDiff(field='mode', before='0600', after='0644', unified='', ignored=False),)
    """
    return tuple(_field_diffs(declared, actual, "", frozenset(ignore), ignored=False))


def _field_diffs(
    declared: Mapping[str, Any],
    actual: Mapping[str, Any],
    prefix: str,
    ignore: frozenset[str],
    *,
    ignored: bool,
) -> Iterator[FieldDiff]:
    for name, wanted in declared.items():
        if wanted is None:
            continue
        path, found = f"{prefix}{name}", actual.get(name)
        left_alone = ignored or path in ignore
        if isinstance(wanted, Mapping) and wanted and isinstance(found, Mapping) and found:
            yield from _field_diffs(wanted, found, f"{path}.", ignore, ignored=left_alone)
        elif not _equal(wanted, found):
            yield FieldDiff(path, found, wanted, ignored=left_alone)


def _equal(wanted: object, found: object) -> bool:
    match wanted, found:
        case Mapping(), Mapping():
            keys = wanted.keys() | found.keys()
            return all(_equal(wanted.get(key), found.get(key)) for key in keys)
        case list() | tuple(), list() | tuple():
            return len(wanted) == len(found) and all(map(_equal, wanted, found))
        case _:
            if _empty(wanted) or _empty(found):
                return _empty(wanted) and _empty(found)
            return isinstance(wanted, bool) is isinstance(found, bool) and wanted == found


def _empty(value: object) -> bool:
    """Whether `value` says nothing; a mapping of nothing but empty values says nothing either."""
    match value:
        case None:
            return True
        case Mapping():
            return all(map(_empty, value.values()))
        case list() | tuple():
            return not value
        case _:
            return False
