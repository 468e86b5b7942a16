"""The functions that modules have for each kind, made from the schemas: `file(name = …, path = …)`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.config.builtin import METADATA
from reconciler.config.programs import NOT_MADE
from reconciler.config.schemas import Kinds, spec_schema
from reconciler.languages.starlark.worker.words import FUNCTIONS, RESERVED
from reconciler.model.catalog import Kind

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OURS = "froyo.dev"


def helpers(kinds: Kinds) -> dict[str, dict[str, Any]]:
    """What each function makes.

    Returns:
        by its name: `apiVersion` and `kind`; `fields`, by the argument whether it is of the metadata, and which field;
        `also`, the fields of the spec that are what the same one of the metadata is, unless they are given.
    """
    names: dict[str, list[Kind]] = {}
    for kind in kinds.known.values():
        if kind.kind not in NOT_MADE:
            names.setdefault(function_name(kind.kind), []).append(kind)
    made: dict[str, dict[str, Any]] = {}
    for name, same in names.items():
        ours = [kind for kind in same if _group(kind).endswith(_OURS)]
        for kind in same:
            # Of several of one name that of ours has it, or none: what is installed takes no name from another.
            plain = len(same) == 1 or [kind] == ours
            own = name if plain else f"{re.sub(r'[^a-z0-9]', '_', _group(kind).partition('.')[0])}_{name}"
            made[f"{own}_" if own in FUNCTIONS | RESERVED else own] = _helper(kind)
    return made


def _group(kind: Kind) -> str:
    return kind.api_version.partition("/")[0]


def function_name(kind: str) -> str:
    """What the function of a kind is called: `http_probe`."""
    return _WORDS.sub("_", kind).lower()


def _helper(kind: Kind) -> dict[str, Any]:
    metadata: Mapping[str, Any] = METADATA["properties"]
    schema = spec_schema(kind)
    spec: Mapping[str, Any] = schema.get("properties", {})
    fields: dict[str, tuple[bool, str]] = {name: (True, name) for name in metadata}
    for name in spec:
        taken = f"spec_{name}" if name in metadata else name
        fields[f"{taken}_" if taken in RESERVED else taken] = (False, name)
    also = [name for name in schema.get("required", ()) if name in metadata]
    return {"apiVersion": kind.api_version, "kind": kind.kind, "fields": fields, "also": also}
