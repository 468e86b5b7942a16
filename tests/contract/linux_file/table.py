"""The cases of `cases/*.json`, and how what they say is compared with what a provider does.

A case declares one resource in a small world. What it does not say is not checked:

    world     what is on the target: path to node; one that says nothing is an empty file of root's, mode 0644
    spec      with `content` or `contentBase64` as a person writes them; loading puts a `body` in their place; a `tree`
              is what loading puts in the place of a `source`
    ignore, managed, owned, removed   as in a request
    restores  the content that was there before us and comes back; then it is `removed`, too
    actual    fields of what `read` finds; null for those that must not be there
    watch     the paths to be watched
    fault     the class, and a part of the message, of what `read` or `plan` refuses
    rounds    how many round trips `read` takes; one if it says nothing
    action, diffs, preimage   of the plan; bodies as their text, those without as "n bytes"
    calls     the writing calls of the apply; bodies as their text, `expect` as "absent" or "seen"
    failure   the class, and a part of the message, of what `apply` fails with
    after     what is on the target then; null for what must not be there
    left      the differences that a second plan still shows; none if it says nothing
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from reconciler.model.subjects import PATH
from reconciler.plugins.calls import CALLS
from tests.contract.linux_file.memory import MemoryHost, Node, canonical_digest

Json = dict[str, Any]

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "providers" / "linux.file"
WRITING = {
    name
    for name, rule in CALLS.items()
    if not rule.reading and any(names.scheme == PATH for names in rule.names)
}


def load_module(name: str = "plugin") -> ModuleType:
    """A module of the package, as its providers see it."""
    if str(PACKAGE) not in sys.path:
        sys.path.append(str(PACKAGE))
    return importlib.import_module(name)


def cases() -> list[Json]:
    return [case for path in sorted((HERE / "cases").glob("*.json")) for case in json.loads(path.read_text())]


def content_of(value: Json) -> bytes:
    for field in ("base64", "contentBase64"):
        if field in value:
            return base64.b64decode(value[field])
    return str(value.get("content", "")).encode()


def node_of(value: Json) -> Node:
    return Node.parse({"mode": "0644", **value})


def world_of(case: Json) -> dict[str, Node]:
    return {path: node_of(value) for path, value in case.get("world", {}).items()}


def request_of(case: Json, host: Any) -> Json:
    """The resource as the engine puts it into a request; `host.body` makes its body available."""
    spec = dict(case["spec"])
    if "content" in spec or "contentBase64" in spec:
        spec["body"] = host.body(content_of(spec))
        spec.pop("content", None)
        spec.pop("contentBase64", None)
    if "tree" in spec:
        bodies = {name: host.body(content_of(file)) for name, file in spec["tree"].items()}
        spec["tree"] = {
            name: [body["digest"], body["size"], spec["tree"][name].get("executable", False)]
            for name, body in bodies.items()
        }
    restores = {"restores": host.body(case["restores"].encode())} if "restores" in case else {}
    return {
        "address": f"host/{case['kind']}/it",
        "kind": case["kind"],
        "name": "it",
        "spec": spec,
        "ignore": case.get("ignore", []),
        "managed": case.get("managed", []),
        "owned": case.get("owned", False),
        "removed": case.get("removed", bool(restores)),
        **restores,
    }


def in_words(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(content).decode()


def value_in_words(value: Any, host: Any) -> Any:
    """A body as its text, where it has one."""
    if not isinstance(value, dict):
        return value
    if "text" in value:
        return value["text"]
    return (
        in_words(host.blobs[value["digest"]]) if value["digest"] in host.blobs else f"{value['size']} bytes"
    )


def diffs_in_words(operation: Json, host: Any) -> list[Any]:
    return [
        [
            diff["field"],
            value_in_words(diff["before"], host),
            value_in_words(diff["after"], host),
            *(["ignored"] if diff.get("ignored") else []),
        ]
        for diff in operation["diffs"]
    ]


def calls_in_words(calls: list[Json], host: Any) -> list[Any]:
    return [
        [call["call"], {key: argument_in_words(key, value, host) for key, value in call["args"].items()}]
        for call in calls
        if call["call"] in WRITING
    ]


def argument_in_words(key: str, value: Any, host: Any) -> Any:
    if key == "blob":
        return in_words(host.blobs[value])
    if key == "expect":
        return "absent" if value == canonical_digest(["absent"]) else "seen"
    return value


def check_after(case: Json, host: MemoryHost) -> None:
    for path, wanted in case.get("after", {}).items():
        node = host.nodes.get(path)
        if wanted is None:
            assert node is None, f"{path} is still there"
            continue
        assert node is not None, f"{path} is not there"
        expected = node_of({"type": node.type, **wanted})
        for field in wanted:
            name = "content" if field == "base64" else field
            assert getattr(node, name) == getattr(expected, name), f"{path}: {field}"
