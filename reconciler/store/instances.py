"""The inventory's rows ↔ entries. An instance is kept whole, so that destroying it needs no file.

Its origin is kept too, although it does not take part in comparisons: a person wants to know where it was
declared. Where the values in it came from is not: they may be a secret of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from reconciler.model.names import Digest
from reconciler.model.origin import Origin
from reconciler.model.resource import (
    Adopt,
    CommonSpec,
    Deletion,
    Instance,
    Metadata,
    Policy,
    Suspended,
    Window,
)
from reconciler.model.subjects import Subject
from reconciler.store.codec import Row, document, parse
from reconciler.store.records import InventoryEntry, Ownership

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def _values(value: Any, *left_out: str) -> dict[str, Any]:
    """One level of a dataclass; `asdict` would copy the whole spec."""
    kind: type[DataclassInstance] = type(value)
    return {name: getattr(value, name) for name in _names(kind) if name not in left_out}


@functools.cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


def _known(kind: type[DataclassInstance], document: Mapping[str, Any], *left_out: str) -> dict[str, Any]:
    """Of a document, what this froyo knows."""
    return {name: document[name] for name in _names(kind) if name in document and name not in left_out}


_CHOICES = {"policy": Policy, "adopt": Adopt, "deletion": Deletion}


def inventory_row(entry: InventoryEntry) -> Row:
    """For PUT_INVENTORY."""
    instance = entry.instance
    whole = _values(instance, "digest", "removal", "rendered")
    whole |= {name: _values(whole[name]) for name in ("metadata", "common", "origin")}
    body = instance.spec.get("body")
    return {
        "address": instance.address,
        "ownership": entry.ownership.value,
        "digest": instance.digest,
        "instance": document(whole),
        "recorded_at": entry.recorded_at,
        "body": body.get("digest") if isinstance(body, Mapping) else None,
        "preimage": entry.preimage,
    }


def inventory_entry(row: Sequence[Any]) -> InventoryEntry:
    """From INVENTORY."""
    ownership, digest, text, recorded_at, preimage = row
    whole = _known(Instance, parse(text), "digest", "removal", "rendered")
    common = _known(CommonSpec, whole["common"])
    for name in common.keys() & {"require", "before", "notify", "ignore_fields"}:
        common[name] = tuple(common[name])
    for name, choices in _CHOICES.items():
        if name in common:
            common[name] = choices(common[name])
    if "windows" in common:
        common["windows"] = tuple(Window(tuple(days), *times) for days, *times in common["windows"])
    if (suspend := common.get("suspend")) is not None:
        common["suspend"] = Suspended(*suspend)
    whole["touches"] = tuple(whole.get("touches", ()))
    whole |= {
        "metadata": Metadata(**_known(Metadata, whole["metadata"])),
        "common": CommonSpec(**common),
        **{
            name: tuple(Subject(*found) for found in whole.get(name, ()))
            for name in ("provides", "shares", "uses", "contains")
        },
        "origin": Origin(**_known(Origin, whole["origin"])),
    }
    return InventoryEntry(
        ownership=Ownership(ownership),
        instance=Instance(digest=Digest(digest), **whole),
        recorded_at=recorded_at,
        preimage=preimage,
    )
