"""What can be declared, as people ask for it: a kind, and a field of it by its path, each with what its schema says.

Pure, and reads schemas only. Invariant: a path that means nothing is an error that says what was probably meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.config.builtin import COMMON, METADATA
from reconciler.config.own import OWN
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.catalog import Catalog, Kind

Schema = Mapping[str, Any]

_SCALARS = {"x-kubernetes-int-or-string": "integer or string", "x-kubernetes-preserve-unknown-fields": "any"}


@dataclass(frozen=True, slots=True)
class Described:
    """A kind, or a field of it.

    Attributes:
        kind: the kind.
        path: of the field in a document, such as `("spec", "mode")`; empty for the kind itself.
        schema: what its schema says.
        required: whether it has to be there.
    """

    kind: Kind
    path: tuple[str, ...]
    schema: Schema
    required: bool = False

    @property
    def secret(self) -> bool:
        """Whether a secret may stand there."""
        return len(self.path) > 1 and self.path[0] == "spec" and self.path[1] in self.kind.secrets

    def fields(self) -> list[Described]:
        """What is in it, in the order of the schema."""
        inner = inside(self.schema)
        required = inner.get("required", ())
        return [
            Described(self.kind, (*self.path, name), schema, name in required)
            for name, schema in inner.get("properties", {}).items()
        ]


def every_kind(catalog: Catalog) -> list[Kind]:
    """Ours and the packages', by name."""
    return sorted((*OWN, *catalog.kinds.values()), key=lambda kind: (kind.kind, kind.api_version))


def find(written: str, kinds: Iterable[Kind]) -> list[Described]:
    """What a person means by `File`, `files.mode` or `File.spec.mode`; one for each kind of that name.

    Raises:
        UsageError: there is no such kind, or none has such a field.
    """
    known = list(kinds)
    name, *path = written.split(".")
    meant = [kind for kind in known if name.lower() in (kind.kind.lower(), kind.plural)]
    if not meant:
        hint = did_you_mean(name, [kind.kind for kind in known])
        raise UsageError(f"there is no kind {name!r}; {hint or 'see: froyo explain'}")
    found = [one for kind in meant if (one := _follow(whole(kind), path)) is not None]
    if not found:
        raise UsageError(_nothing(whole(meant[0]), path))
    return found


def whole(kind: Kind) -> Described:
    """A kind: its schema is that of a document."""
    spec = {"type": "object", "description": "How it should be.", **kind.schema}
    if kind.package:
        spec["properties"] = {**spec.get("properties", {}), **COMMON}
    properties = {
        "apiVersion": {"type": "string", "enum": [kind.api_version], "description": "Of this kind."},
        "kind": {"type": "string", "enum": [kind.kind], "description": "This kind."},
        "metadata": METADATA,
        "spec": spec,
    }
    described = kind.schema.get("description", "")
    return Described(
        kind,
        (),
        {
            "type": "object",
            "description": described,
            "required": list(properties),
            "properties": properties,
        },
    )


def own_fields(kind: Kind) -> list[Described]:
    """The fields of its spec that are not those of every kind."""
    [spec] = [one for one in whole(kind).fields() if one.path == ("spec",)]
    return [one for one in spec.fields() if one.path[-1] in kind.schema.get("properties", {})]


def inside(schema: Schema) -> Schema:
    """The object that a value is, or that the items of a list or the values of a mapping are."""
    while "properties" not in schema:
        inner = schema.get("items") or schema.get("additionalProperties")
        if not isinstance(inner, Mapping):
            return {}
        schema = inner
    return schema


def type_name(schema: Schema) -> str:
    """Such as `string`, `[]string`, `map of string` or `object`."""
    for key, name in _SCALARS.items():
        if schema.get(key):
            return name
    if schema.get("type") == "array":
        return f"[]{type_name(schema.get('items', {}))}"
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        return f"map of {type_name(values)}"
    return str(schema.get("type", "any"))


def _follow(start: Described, path: list[str]) -> Described | None:
    """The field at a path of a document, or else of its spec, whose name may be left out."""
    for steps in (path, ["spec", *path]):
        found: Described | None = start
        for step in steps:
            found = _step(found, step) if found is not None else None
        if found is not None:
            return found
    return None


def _step(where: Described, name: str) -> Described | None:
    return next((one for one in where.fields() if one.path[-1].lower() == name.lower()), None)


def _nothing(start: Described, path: list[str]) -> str:
    """Why a path means nothing: the first of its names that is none."""
    where = start
    if path[0].lower() not in ("apiversion", "kind", "metadata", "spec"):
        path = ["spec", *path]
    for name in path:
        found = _step(where, name)
        if found is None:
            known = [one.path[-1] for one in where.fields()]
            named = ".".join((where.kind.kind, *where.path))
            if not known:
                return f"{named} is {type_name(where.schema)}: there are no fields in it"
            hint = did_you_mean(name, known)
            return f"{named} has no field {name!r}; {hint or f'see: froyo explain {named}'}"
        where = found
    raise AssertionError("every name of it is a field")
