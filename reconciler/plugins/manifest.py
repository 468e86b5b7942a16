"""A package's manifest.yaml: what it says, and everything that is wrong with it, each with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.suggest import did_you_mean
from reconciler.documents.nodes import Node, plain
from reconciler.documents.reader import Reader
from reconciler.errors import Problem, why
from reconciler.model.catalog import BODY, BodyFields, Kind, ProbeFields
from reconciler.model.facts import SECTIONS, Section
from reconciler.plugins.capabilities import Capability, CapabilityError
from reconciler.plugins.elsewhere import read_elsewhere

MANIFEST = "manifest.yaml"
INTERFACE = "froyo:provider@1"
ENTRIES = ("plugin.py", "plugin.wasm")
Read = Callable[[str], bytes]
CheckKind = Callable[[Kind], list[str]]
"""Says what keeps a kind from being declared; what that is, is not known here."""

NAME = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
_API_VERSION = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/v\d+((alpha|beta)\d+)?")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
_PLURAL = re.compile(r"[a-z][a-z0-9]*")
_SUBJECT = re.compile(r"[a-z][a-z0-9-]*:.+")
_LOCK = re.compile(r"[a-z][a-z0-9-]*")
_PLACEHOLDER = re.compile(r"\{([^{}]*?)(?:(?:=[\w-]+)?\?|!)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a package may use. Each is for one use of it, that is for one phase for one target.

    Attributes:
        memory_mib: memory of an instance, in MiB.
        step_seconds: time from being started or resumed until it answers.
        output_mib: size of one answer, in MiB.
        calls: how many calls it may make.
    """

    memory_mib: int = 256
    step_seconds: float = 5.0
    output_mib: int = 16
    calls: int = 100_000


_LIMITS = {
    "memoryMiB": ("memory_mib", 16, 2048),
    "stepSeconds": ("step_seconds", 0.05, 60),
    "outputMiB": ("output_mib", 1, 64),
    "calls": ("calls", 1, 1_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageManifest:
    """What a manifest.yaml says.

    Attributes:
        name: of the package.
        version: of the package.
        entry: `plugin.py` or `plugin.wasm`.
        kinds: what it implements, with their schemas.
        capabilities: what it asks for.
        limits: what it may use.
    """

    name: str
    version: str
    entry: str
    kinds: tuple[Kind, ...]
    capabilities: tuple[Capability, ...]
    limits: Limits


def parse_manifest(
    path: Path, read: Read, problems: list[Problem], check: CheckKind
) -> PackageManifest | None:
    """Read a manifest and the files that it names.

    Args:
        path: of the manifest, for messages.
        read: gives a file of the package. Raises OSError.
        problems: gets everything that is wrong.
        check: says what is wrong with a kind that is complete.

    Returns:
        What it says, or None if anything is wrong.
    """
    before = len(problems)
    reader = Reader(str(path), problems)
    root = reader.document(lambda: read(MANIFEST))
    if root is None:
        return None
    top = reader.mapping(
        root,
        required=("name", "version", "interface", "entry", "kinds"),
        optional=("capabilities", "limits"),
    )
    name = reader.text(top.get("name"), NAME, "a package's name, such as linux.file")
    version = reader.text(top.get("version"), _VERSION, "a version, such as 0.1.0")
    reader.one_of(top.get("interface"), (INTERFACE,), "this froyo speaks")
    entry = reader.one_of(top.get("entry"), ENTRIES, "an entry is")
    if entry:
        _content(reader, top["entry"], entry, read)
    kinds: list[Kind] = []
    for item in reader.items(top.get("kinds"), at_least=1):
        seen = len(problems)
        kinds.append(_kind(reader, item, name, read))
        if len(problems) == seen:
            _structure(reader, item, check(kinds[-1]))
    names: set[str] = set()
    for kind, item in zip(kinds, reader.items(top.get("kinds")), strict=True):
        if kind.kind in names:
            reader.problem(item, f"the kind {kind.kind} is there twice")
        names.add(kind.kind)
    capabilities = read_capabilities(reader, top.get("capabilities"))
    limits = _limits(reader, top.get("limits"))
    if len(problems) > before:
        return None
    return PackageManifest(
        name=name,
        version=version,
        entry=entry,
        kinds=tuple(kinds),
        capabilities=capabilities,
        limits=limits,
    )


def _kind(reader: Reader, node: Node, package: str, read: Read) -> Kind:
    entry = reader.mapping(
        node,
        required=("apiVersion", "kind", "plural", "schema"),
        optional=(
            "actual",
            "provides",
            "shares",
            "uses",
            "contains",
            "body",
            "refresh",
            "lock",
            "transaction",
            "disruptive",
            "removalDisrupts",
            "madeHere",
            "removalResets",
            "touches",
            "secrets",
            "probe",
            "elsewhere",
        ),
    )
    schema = _schema(reader, entry.get("schema"), read)
    properties = schema.get("properties", {})

    def known(field_node: Node | None) -> str:
        """A field of the spec."""
        field = reader.text(field_node)
        if field and field not in properties:
            reader.problem(field_node, f"the schema has no field {field!r}", did_you_mean(field, properties))
        return field

    def subjects(name: str) -> tuple[str, ...]:
        """Templates of subjects."""
        found: list[str] = []
        for item in reader.items(entry.get(name)):
            found.append(reader.text(item, _SUBJECT, "a scheme and a name, such as path:{path}"))
            for field in _PLACEHOLDER.findall(found[-1]):
                if field not in properties and not (field == BODY and "body" in entry):
                    message = f"the schema has no field {field!r} for {{{field}}}"
                    reader.problem(item, message, did_you_mean(field, properties))
        return tuple(found)

    body = reader.mapping(entry.get("body"), optional=("text", "base64", "file", "tree", "template"))
    probe = reader.mapping(entry.get("probe"), optional=("within", "retries"))
    return Kind(
        api_version=reader.text(entry.get("apiVersion"), _API_VERSION, "such as linux.froyo.dev/v1alpha1"),
        kind=reader.text(entry.get("kind"), _KIND, "such as File"),
        plural=reader.text(entry.get("plural"), _PLURAL, "such as files"),
        package=package,
        schema=schema,
        actual_schema=_schema(reader, entry.get("actual"), read),
        provides=subjects("provides"),
        shares=subjects("shares"),
        uses=subjects("uses"),
        contains=subjects("contains"),
        body=BodyFields(**{use: known(field_node) for use, field_node in body.items()}),
        refresh=reader.flag(entry.get("refresh")),
        lock=reader.text(entry["lock"], _LOCK, "a name, such as dpkg") if "lock" in entry else "",
        transaction=reader.flag(entry.get("transaction")),
        disruptive=reader.flag(entry.get("disruptive")),
        removal_disrupts="removalDisrupts" not in entry or reader.flag(entry["removalDisrupts"]),
        made_here=reader.flag(entry.get("madeHere")),
        removal_resets=_set(reader, entry.get("removalResets"), properties),
        touches=_touches(reader, entry.get("touches")),
        secrets=tuple(known(item) for item in reader.items(entry.get("secrets"))),
        probe=ProbeFields(**{use: known(field_node) for use, field_node in probe.items()})
        if "probe" in entry
        else None,
        elsewhere=read_elsewhere(reader, entry.get("elsewhere"), properties),
    )


def _set(reader: Reader, node: Node | None, properties: Mapping[str, Any]) -> dict[str, str]:
    """The fields of one that has all of them set."""
    found = {}
    for name, item in reader.entries(node, "fields and what they are where all is set").items():
        found[name] = reader.text(item)
        if found[name] not in properties.get(name, {}).get("enum", ()):
            reader.problem(item, f"{name} cannot be {found[name]!r} by the schema")
    return found


def _touches(reader: Reader, node: Node | None) -> tuple[Section, ...]:
    """Sections of facts."""
    found: list[Section] = []
    for item in reader.items(node):
        name = Section(reader.text(item))
        if name in SECTIONS:
            found.append(name)
        else:
            hint = did_you_mean(name, SECTIONS) or f"there are {', '.join(SECTIONS)}"
            reader.problem(item, f"there are no facts called {name!r}", hint)
    return tuple(found)


def _structure(reader: Reader, node: Node, wrong: list[str]) -> None:
    """What is wrong inside a kind's schema; its place is where the manifest names the file."""
    for message in wrong:
        reader.problem(
            node,
            f"{reader.text(node.step('schema'))}: {message}",
            "schemas stay within what a Kubernetes structural schema can say: docs/spec/manifests.md, Schemas",
            path=("schema",),
        )


def _schema(reader: Reader, node: Node | None, read: Read) -> dict[str, Any]:
    name = reader.text(node)
    if not name or node is None:
        return {}
    content = _content(reader, node, name, read)
    if content is None:
        return {}
    try:
        schema = json.loads(content)
    except (ValueError, RecursionError) as error:
        reader.problem(node, f"{name} is not JSON: {error}")
        return {}
    if not isinstance(schema, dict) or schema.get("type") != "object":
        reader.problem(node, f"{name} is no JSON Schema of an object")
        return {}
    return schema


def _content(reader: Reader, node: Node, name: str, read: Read) -> bytes | None:
    if name.startswith("/") or ".." in name.split("/"):
        reader.problem(node, f"{name} is outside of the package")
        return None
    try:
        return read(name)
    except OSError as error:
        reader.problem(node, f"{name} cannot be read: {why(error)}")
        return None


def read_capabilities(reader: Reader, node: Node | None) -> tuple[Capability, ...]:
    """A list of capabilities, as manifests and grants write them."""
    capabilities: list[Capability] = []
    for item in reader.items(node):
        try:
            capabilities.append(Capability.parse(plain(item)))
        except CapabilityError as error:
            reader.problem(item, str(error), path=error.path, key=error.key)
    return tuple(capabilities)


def _limits(reader: Reader, node: Node | None) -> Limits:
    values: dict[str, Any] = {}
    for name, item in reader.mapping(node, optional=tuple(_LIMITS)).items():
        field, lowest, highest = _LIMITS[name]
        value = reader.number(item, lowest, highest)
        values[field] = value if field == "step_seconds" else int(value)
    return Limits(**values)
