"""Every kind as a CUE definition: what manifests in CUE are held to, and what an editor completes them by.

Made of the same schemas that YAML is held to. A definition is never stricter than its schema, and says what a type, a
pattern, an enumeration and a range say; which fields go together, and how long a text is, is said afterwards by what
says it of YAML. Defaults are not put in: what is left out stays left out, as in YAML. Where a kind's own value may be
an expression (`${…}`), so it may here.

The same kinds as loose definitions have their fields and no types: for finding out what people wrote that conflicts
with itself, apart from what a schema has against it.

Invariant: the text depends on the kinds alone, and is as `cue fmt` writes it.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.config.builtin import COMMON, METADATA
from reconciler.model.catalog import Kind

Schema = Mapping[str, Any]

FILE = "definitions.cue"
"""What the file of a package is called."""

_EXPRESSION = r"\$\{"
_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9$]*")
_BEYOND = re.compile(r"\(\?[=!<]|\\[1-9]")
"""What no regular expression of CUE (RE2) can say."""
_KEYWORDS = frozenset({"package", "import", "for", "in", "if", "let", "true", "false", "null", "func"})
_TYPES = {"string": "string", "integer": "int", "number": "number", "boolean": "bool", "null": "null"}


def library(kinds: Iterable[Kind], *, loose: bool = False) -> dict[str, str]:
    """The definitions of kinds, one package for each apiVersion, by import path: the apiVersion itself.

    Args:
        kinds: what there is.
        loose: the names of fields only.
    """
    packages: dict[str, list[Kind]] = {}
    for kind in sorted(kinds, key=lambda kind: (kind.api_version, kind.kind)):
        packages.setdefault(kind.api_version, []).append(kind)
    package = _loose if loose else _package
    return {path: "".join(package(path, those)) for path, those in packages.items()}


def _loose(path: str, kinds: list[Kind]) -> Iterator[str]:
    yield f"package {path.rpartition('/')[2]}\n\n"
    for kind in kinds:
        fields = {**kind.schema["properties"], **(COMMON if kind.package else {})}
        optional = ", ".join(f"{_label(name)}?: _" for name in fields)
        said = f'apiVersion: "{kind.api_version}", kind: "{kind.kind}", metadata?: _'
        yield f"#{kind.kind}: {{{said}, spec?: {{{optional}, ...}}, ...}}\n"


def _package(path: str, kinds: list[Kind]) -> Iterator[str]:
    yield f"// What {path} has to declare. Made by froyo: `froyo cue export` writes it anew.\n"
    yield f"package {path.rpartition('/')[2]}\n"
    for kind in kinds:
        yield "\n"
        yield from _comment(kind.schema.get("description", kind.kind), 0)
        yield f"#{kind.kind}: {{\n"
        yield f'\tapiVersion: "{kind.api_version}"\n\tkind:       "{kind.kind}"\n\tmetadata!:  _#Metadata\n'
        own = _object(kind.schema, 1, open_=bool(kind.package), embedded="_#Common" if kind.package else "")
        yield f"\tspec!: {own}\n}}\n"
    yield f"\n_#Metadata: {_object(METADATA, 0, open_=False)}\n"
    if any(kind.package for kind in kinds):
        yield "\n// What every kind has in its spec.\n"
        yield f"_#Common: {_object({'properties': COMMON}, 0, open_=False)}\n"


def _object(schema: Schema, depth: int, *, open_: bool, embedded: str = "") -> str:
    """A struct with the fields of an object."""
    inner = "\t" * (depth + 1)
    required = schema.get("required", ())
    parts = [f"{inner}{embedded}\n"] if embedded else []
    for name, field in schema["properties"].items():
        said = "".join(_comment(field.get("description", ""), depth + 1))
        mark = "!" if name in required else "?"
        parts.append(f"{said}{inner}{_label(name)}{mark}: {_value(field, depth + 1, open_=open_)}\n")
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        parts.append(f"{inner}...\n")
    return f"{{\n{chr(10).join(parts)}{chr(9) * depth}}}" if parts else "{}"


def _value(schema: Schema, depth: int, *, open_: bool) -> str:
    """What a value may be."""
    if schema.get("properties"):
        made = _object(schema, depth, open_=open_)
    elif schema.get("type") == "object":
        made = _mapping(schema, depth, open_=open_)
    elif schema.get("type") == "array":
        made = f"[...{_value(schema.get('items', {}), depth, open_=open_)}]"
    else:
        made = _scalar(schema, open_=open_)
    return f"null | {made}" if schema.get("nullable") else made


def _mapping(schema: Schema, depth: int, *, open_: bool) -> str:
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        return f"{{[string]: {_value(values, depth, open_=open_)}}}"
    return "{...}"


def _scalar(schema: Schema, *, open_: bool) -> str:
    expression = f"=~{_text(_EXPRESSION)}"
    if "enum" in schema:
        ways = [json.dumps(value, ensure_ascii=False) for value in schema["enum"]]
        return " | ".join([*ways, expression] if open_ else ways)
    if schema.get("x-kubernetes-int-or-string"):
        return f"{_number('int', schema)} | {_string(schema, open_=open_)}"
    match schema.get("type"):
        case "string":
            return _string(schema, open_=open_)
        case "integer" | "number" as kind:
            made = _number(_TYPES[kind], schema)
            return f"{made} | {expression}" if open_ and kind == "integer" else made
        case "boolean":
            return f"bool | {expression}" if open_ else "bool"
    return "_"


def _string(schema: Schema, *, open_: bool) -> str:
    pattern = schema.get("pattern")
    if pattern is None or _BEYOND.search(pattern):
        return "string"
    # One expression for both: a disjunction costs as much again for each value.
    return f"=~{_text(f'(?:{pattern})|{_EXPRESSION}' if open_ else pattern)}"


def _number(kind: str, schema: Schema) -> str:
    low = (">" if schema.get("exclusiveMinimum") else ">=", schema.get("minimum"))
    high = ("<" if schema.get("exclusiveMaximum") else "<=", schema.get("maximum"))
    return " & ".join([kind, *(f"{sign}{bound}" for sign, bound in (low, high) if bound is not None)])


def _text(pattern: str) -> str:
    """A pattern as a raw string where that is plainer."""
    return (
        f'#"{pattern}"#'
        if "\\" in pattern and '"' not in pattern
        else json.dumps(pattern, ensure_ascii=False)
    )


def _label(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _KEYWORDS else json.dumps(name)


def _comment(text: str, depth: int) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), _WIDTH, break_on_hyphens=False):
        yield f"{chr(9) * depth}// {line}\n"
