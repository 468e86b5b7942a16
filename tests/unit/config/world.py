"""A catalog and snapshots for tests of loading."""

import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.config import ParseCache, load
from reconciler.errors import ConfigError, Problem
from reconciler.model.catalog import BodyFields, Catalog, Elsewhere, Kind
from reconciler.model.desired import Desired
from reconciler.model.names import Digest, SourceName
from reconciler.model.source import Snapshot, SnapshotFile

MODE = {
    "type": "string",
    "pattern": "^0?[0-7]{3,4}$",
    "description": "Permissions in octal, in quotes. More.",
}

FILE = Kind(
    api_version="linux.froyo.dev/v1alpha1",
    kind="File",
    plural="files",
    package="linux.file",
    schema={
        "$schema": "http://json-schema.org/draft-04/schema#",
        "type": "object",
        "required": ["path"],
        "not": {"anyOf": [{"required": ["content", "source"]}, {"required": ["contentBase64", "source"]}]},
        "properties": {
            "path": {"type": "string", "pattern": "^/", "maxLength": 100, "description": "Where it is."},
            "state": {"type": "string", "enum": ["present", "absent"], "default": "present"},
            "content": {"type": "string"},
            "contentBase64": {"type": "string"},
            "template": {"type": "boolean"},
            "source": {"type": "string", "minLength": 1},
            "mode": MODE,
            "owner": {
                "x-kubernetes-int-or-string": True,
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "minimum": 0,
            },
            "force": {"type": "boolean", "default": False},
            "backup": {"type": "string", "minLength": 1},
            "validate": {
                "type": "array",
                "minItems": 1,
                "maxItems": 2,
                "items": {"type": "string"},
                "not": {"items": {"not": {"pattern": "%s"}}},
            },
        },
    },
    provides=("path:{path}", "path:{path}{backup}"),
    body=BodyFields(text="content", base64="contentBase64", file="source", template="template"),
    elsewhere=Elsewhere({"dest": "path", "copy": "source"}, {"state": {"file": "present"}}),
    refresh=True,
)

TUNE = Kind(
    api_version="linux.froyo.dev/v1alpha1",
    kind="Tune",
    plural="tunes",
    package="linux.tune",
    lock="tuning",
    transaction=True,
    schema={
        "type": "object",
        "properties": {
            "key": {"type": "string"},
            "level": {
                "type": "number",
                "minimum": 0,
                "exclusiveMinimum": True,
                "maximum": 10,
                "exclusiveMaximum": True,
            },
            "count": {"type": "integer", "minimum": 2, "maximum": 4},
            "pace": {
                "type": "integer",
                "description": "How fast. Refused for what is fixed: give it a level.",
            },
            "label": {"type": "string", "nullable": True, "enum": ["a", "b"]},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "except": {"type": "array", "items": {"type": "string", "pattern": "^[^/]"}},
            "owners": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[^:]+$"}},
            "argv": {"type": "array", "items": {"type": "string", "pattern": "^[^\\x00]*$"}},
            "environment": {"type": "object", "additionalProperties": {"type": "string"}},
            "anything": {"type": "object", "additionalProperties": True},
            "limits": {
                "type": "object",
                "minProperties": 1,
                "properties": {"soft": {"type": "integer", "default": 7}, "hard": {"type": "integer"}},
            },
            "rules": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "on": {"type": "boolean", "default": True}},
                },
            },
            "byName": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "properties": {"on": {"type": "boolean", "default": True}},
                },
            },
        },
        "anyOf": [{"required": ["key"]}, {"required": ["level"]}],
        "not": {
            "required": ["key"],
            "properties": {"key": {"enum": ["fixed"]}},
            "anyOf": [
                {"required": ["pace"], "properties": {"pace": {"enum": [3]}}},
                {"required": ["level", "label"]},
            ],
        },
    },
    provides=("tune:{key}/{count}",),
)

OTHER_FILE = Kind(
    api_version="other.example/v1",
    kind="File",
    plural="files",
    package="other",
    schema={"type": "object", "properties": {"path": {"type": "string"}}},
    provides=("path:{path}",),
    contains=("path:{path}",),
)

PART = Kind(
    api_version="parts.example/v1",
    kind="Part",
    plural="parts",
    package="parts",
    schema={"type": "object", "properties": {"path": {"type": "string"}, "text": {"type": "string"}}},
    provides=("part:{path}#{body}",),
    shares=("path:{path}",),
    body=BodyFields(text="text"),
)

CATALOG = Catalog({(kind.api_version, kind.kind): kind for kind in (FILE, TUNE, OTHER_FILE, PART)}, "1")

TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1, labels: {role: web}}
spec: {local: {}}
"""

MOTD = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd}
spec:
  target: web-1
  path: /etc/motd
  content: hello
"""


def resource(name: str = "motd", **spec: Any) -> dict[str, Any]:
    """A File as JSON has it."""
    return {
        "apiVersion": FILE.api_version,
        "kind": "File",
        "metadata": {"name": name},
        "spec": {"target": "web-1", "path": f"/etc/{name}", **spec},
    }


def snapshot(
    files: Mapping[str, str | bytes], *, root: str = "/src", left_out: Mapping[str, str] = {}
) -> Snapshot:
    """A snapshot of these files."""
    found = {}
    for path, text in files.items():
        content = text if isinstance(text, bytes) else text.encode()
        digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
        found[path] = SnapshotFile(path, digest, len(content), lambda content=content: content)
    name = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
    return Snapshot(SourceName("site"), name[:12], Digest(f"sha256:{name}"), found, root, left_out)


def loaded(
    files: Mapping[str, str | bytes],
    *,
    cache: ParseCache | None = None,
    catalog: Catalog = CATALOG,
    **more: Any,
) -> Desired:
    """What these files say."""
    return load(snapshot(files, **more), catalog, cache=cache, environ={"HOME": "/home/ann"})


def problems(files: Mapping[str, str | bytes], **more: Any) -> list[Problem]:
    """Everything that is wrong with these files; [] if they load."""
    try:
        loaded(files, **more)
    except ConfigError as error:
        return error.problems
    return []
