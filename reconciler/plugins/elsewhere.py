"""What other tools call the fields of a kind, and their values: offered to who writes it, so it has to be there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconciler.core.suggest import did_you_mean
from reconciler.documents.nodes import Node
from reconciler.documents.reader import Reader
from reconciler.model.catalog import Elsewhere


def read_elsewhere(reader: Reader, node: Node | None, properties: Mapping[str, Any]) -> Elsewhere:
    """The part of a kind's manifest that says so.

    Args:
        reader: of the manifest.
        node: that part; None where there is none.
        properties: the schemas of the kind's fields.
    """
    entry = reader.mapping(node, optional=("fields", "values", "behind"))
    fields = _ours(reader, entry.get("fields"), properties, "the schema has no field")
    values = {}
    for name, item in reader.entries(entry.get("values"), "fields and what their values are called").items():
        known = properties.get(name, {}).get("enum", ())
        values[name] = _ours(reader, item, known, f"{name} cannot be")
    behind = _ours(reader, entry.get("behind"), properties, "the schema has no field")
    return Elsewhere(fields, values, behind)


def _ours(reader: Reader, node: Node | None, known: Collection[str], wrong: str) -> dict[str, str]:
    found = {}
    for theirs, item in reader.entries(node, "their words and ours").items():
        found[theirs] = reader.text(item)
        if found[theirs] not in known:
            reader.problem(item, f"{wrong} {found[theirs]!r}", did_you_mean(found[theirs], known))
    return found
