"""Kinds and their fields for people: what they are called, of what type they are, and what they mean."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.cli.show.tables import table
from reconciler.cli.terminal import Terminal
from reconciler.config.builtin import COMMON, MEANINGS
from reconciler.config.describing import Described, Schema, inside, own_fields, type_name
from reconciler.model.catalog import Kind

WIDEST = 100
LIMITS = (
    ("enum", "one of"),
    ("default", "default"),
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("minLength", "shortest"),
    ("maxLength", "longest"),
    ("minItems", "at least"),
    ("maxItems", "at most"),
    ("pattern", "pattern"),
)
"""What a schema says of a value beyond its type, in words."""
_ITEMS = {"minItems": " items", "maxItems": " items", "minLength": " characters", "maxLength": " characters"}


_LEAST = ("minItems", "minLength")
"""Of which 1 only says that it is something."""


def kind_lines(screen: Terminal, kinds: Iterable[Kind]) -> list[str]:
    """A line for each kind."""
    rows = [
        [("bold", kind.kind), ("", kind.api_version), ("", kind.package or "froyo"), ("", _short(kind))]
        for kind in kinds
    ]
    return table(screen, ("KIND", "API VERSION", "PACKAGE", "WHAT IT IS"), rows)


def _short(kind: Kind) -> str:
    """The first sentence of its description."""
    first, dot, _ = str(kind.schema.get("description", "")).partition(". ")
    return first + dot.strip()


def explanation_lines(screen: Terminal, found: Described, *, recursive: bool = False) -> Iterator[str]:
    """Everything that is known of a kind or a field."""
    kind = found.kind
    yield f"{screen.paint('dim', 'KIND:')}     {screen.paint('bold', kind.kind)}"
    yield f"{screen.paint('dim', 'VERSION:')}  {kind.api_version}"
    yield f"{screen.paint('dim', 'PACKAGE:')}  {kind.package or 'froyo itself'}"
    if found.path:
        marks = _marks(found)
        yield f"{screen.paint('dim', 'FIELD:')}    {screen.paint('bold', '.'.join(found.path))}  {marks}"
    yield ""
    yield from _wrapped(screen, str(found.schema.get("description") or "It is not described."), 0)
    if told := list(_told_of(found.schema)):
        yield ""
        yield from told
    if not found.path:
        yield from _subject_lines(screen, kind)
    fields = found.fields() if found.path else own_fields(kind)
    if not fields:
        return
    yield ""
    yield screen.paint("dim", "FIELDS" if found.path else "FIELDS of spec")
    for field in fields:
        yield from _tree(screen, field, 1) if recursive else _field_lines(screen, field)
    if not found.path and kind.package:
        yield ""
        text = f"Of every kind: {', '.join(COMMON)}; see: froyo explain {kind.kind}.require"
        yield from _wrapped(screen, text, 0)


def document(found: Described, *, recursive: bool = False) -> dict[str, Any]:
    """The same for machines."""
    kind = found.kind
    fields = found.fields() if found.path else own_fields(kind)
    return {
        "kind": kind.kind,
        "apiVersion": kind.api_version,
        "package": kind.package,
        "path": ".".join(found.path),
        **_of_schema(found),
        **({} if found.path else _subjects(kind)),
        "fields": [_field_document(field, recursive=recursive) for field in fields],
    }


def _field_document(field: Described, *, recursive: bool) -> dict[str, Any]:
    item = {"name": field.path[-1], **_of_schema(field)}
    if recursive and (below := field.fields()):
        item["fields"] = [_field_document(one, recursive=True) for one in below]
    return item


def _of_schema(field: Described) -> dict[str, Any]:
    limits = {key: field.schema[key] for key, _ in LIMITS if key in field.schema}
    return {
        "type": type_name(field.schema),
        "required": field.required,
        "description": field.schema.get("description", ""),
        **({"secret": True} if field.secret else {}),
        **limits,
    }


def _subjects(kind: Kind) -> dict[str, Any]:
    return {
        "provides": list(kind.provides),
        "shares": list(kind.shares),
        "uses": list(kind.uses),
        "contains": list(kind.contains),
        "refresh": kind.refresh,
    }


def _subject_lines(screen: Terminal, kind: Kind) -> Iterator[str]:
    """What order its instances take by themselves."""
    told = [
        f"{name}: {', '.join(found)}"
        for name, found in _subjects(kind).items()
        if found and found is not True
    ]
    if kind.refresh:
        told.append("can be named in `notify`, and is refreshed then")
    if told:
        yield ""
        yield screen.paint("dim", "IN THE GRAPH")
        yield from (f"  {line}" for line in told)


def _field_lines(screen: Terminal, field: Described) -> Iterator[str]:
    yield f"  {screen.paint('bold', field.path[-1])}  {_marks(field)}"
    if text := field.schema.get("description"):
        yield from _wrapped(screen, str(text), 6)
    yield from (f"      {line}" for line in _told_of(field.schema))


def _tree(screen: Terminal, field: Described, depth: int) -> Iterator[str]:
    yield f"{'  ' * depth}{screen.paint('bold', field.path[-1])}  {_marks(field)}"
    for one in field.fields():
        yield from _tree(screen, one, depth + 1)


def _marks(field: Described) -> str:
    told = " required" if field.required else ""
    return f"<{type_name(field.schema)}>{told}{', may hold a secret' if field.secret else ''}"


def _told_of(schema: Schema) -> Iterator[str]:
    """What values it takes; of a list, what its items do."""
    for key, words in LIMITS:
        value = schema.get(key)
        if key not in schema or (key in _LEAST and value == 1):
            continue
        if key == "pattern" and value in MEANINGS:
            yield MEANINGS[value]
            continue
        yield f"{words}: {_written(value)}{_ITEMS.get(key, '')}"
    items = schema.get("items")
    if isinstance(items, dict) and "enum" in items and not inside(items):
        yield f"each one of: {_written(items['enum'])}"


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_written, value))
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _wrapped(screen: Terminal, text: str, by: int) -> list[str]:
    """A paragraph, as wide as a person reads."""
    room = min(WIDEST, screen.width or WIDEST) - by
    return [" " * by + line for line in textwrap.wrap(text, max(20, room))]
