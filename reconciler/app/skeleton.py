"""A provider package to begin with: it works as it is, passes the kit, and is short enough to be read in one go."""

from __future__ import annotations

import os
import re
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.plugins.manifest import NAME

_MANIFEST = """\
# What this package is, which kinds it implements and what it asks for: docs/spec/provider-interface.md.
name: PACKAGE
version: 0.1.0
interface: froyo:provider@1
entry: plugin.py

kinds:
  - apiVersion: GROUP/v1alpha1
    kind: KIND
    plural: PLURAL
    schema: schemas/MODULE.json
    provides: ["path:{path}"]   # what an instance is the one owner of; what uses it, or lies within it, comes after it
    uses: []                    # what has to be there before it, such as "package:nginx" or "path:{directory}"
    body: {text: content}       # the field with the content: a provider sees its digest, the target gets the bytes

# Every call that it makes, and nothing else: as narrow as the kind allows. Whoever installs it grants these, or fewer.
capabilities:
  - {call: file.stat, subjects: ["path:/srv/**"]}
  - {call: file.write, subjects: ["path:/srv/**"]}
  - {call: file.remove, subjects: ["path:/srv/**"]}
"""

_SCHEMA = """\
{
  "title": "KIND",
  "description": "A file below /srv with a text in it. Replace this by what your kind is, in a sentence or two.",
  "type": "object",
  "required": ["path"],
  "properties": {
    "path": {
      "description": "Where it is on the target: absolute, below /srv, without a trailing slash.",
      "type": "string",
      "maxLength": 4095,
      "pattern": "^/srv(/[^/.\\\\x00][^/\\\\x00]*)+$"
    },
    "state": {
      "description": "`present` puts it in place; `absent` removes it.",
      "type": "string",
      "enum": ["present", "absent"],
      "default": "present"
    },
    "content": {
      "description": "What is in it. When omitted, an empty text.",
      "type": "string"
    },
    "mode": {
      "description": "Permissions in octal, in quotes: \\"0644\\". Left alone when omitted.",
      "type": "string",
      "pattern": "^0[0-7]{3}$"
    }
  }
}
"""

_PLUGIN = '''\
"""What PACKAGE keeps: one class for each kind of manifest.yaml.

It is a pure coroutine. What it wants to know or to have done it asks of the target; while planning it may ask nothing.
"""

from froyo_provider import Actual, CallError, FieldDiff, Operation, Provider, batch

EMPTY = {"digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "size": 0}
"""The body of nothing at all."""
SHOWN = 65_536
"""Bytes of a text that a plan shows."""


class KIND(Provider):
    """A file with a text in it."""

    async def read(self, wanted):
        """How each of them is. All are asked about in one round trip; what fails is the fault of one alone."""
        stats = await batch("file.stat", [{"path": one.spec["path"], "text_max": SHOWN} for one in wanted])
        return [
            stat if isinstance(stat, CallError) else seen(one, stat)
            for one, stat in zip(wanted, stats, strict=True)
        ]

    def plan(self, wanted, actual):
        """What would have to be done about each, as it is. No calls."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource):
        """What is declared in the place of one that is declared no longer."""
        resource.spec = {"path": resource.spec["path"], "state": "absent"}
        return resource


def seen(one, stat):
    """What of it is compared. Nothing that changes while the thing itself does not, such as a time."""
    fields = ("type", "digest", "size", "text", "mode", "state")
    state = {field: stat[field] for field in fields if field in stat}
    return Actual(stat["exists"], state, watch=[f"path:{one.spec['path']}"])


def planned(one, now):
    """The differences, and the call that ends them: it carries what was seen, and fails where that has moved on."""
    path, expect = one.spec["path"], now.state["state"]
    if one.spec.get("state") == "absent":
        if not now.exists:
            return Operation("none")
        gone = {"call": "file.remove", "args": {"path": path, "expect": expect}}
        return operation(one, "delete", [FieldDiff("state", "present", "absent")], gone, preimage_of(path, now))
    body, mode = one.spec.get("body", EMPTY), one.spec.get("mode")
    args = {"path": path, "expect": expect, "blob": body["digest"], "size": body["size"]}
    diffs = []
    if not now.exists:
        diffs.append(FieldDiff("state", "absent", "present"))
    if now.state.get("digest") != body["digest"]:
        diffs.append(FieldDiff("content", content_of(now), body))
    if mode is not None:
        args["mode"] = mode
        if now.state.get("mode") != mode:
            diffs.append(FieldDiff("mode", now.state.get("mode"), mode))
    write = {"call": "file.write", "args": args}
    return operation(one, "update" if now.exists else "create", diffs, write, preimage_of(path, now), body["digest"])


def operation(one, action, diffs, call, preimage, *blobs):
    """What is done about these differences, but for those that the manifest wants ignored."""
    for diff in diffs:
        diff.ignored = diff.field in one.ignore
    if all(diff.ignored for diff in diffs):
        return Operation("none", diffs)
    return Operation(action, diffs, calls=[call], blobs=blobs, preimage=preimage)


def content_of(now):
    """The content that is there, as a difference shows it."""
    return {key: now.state[key] for key in ("digest", "size", "text") if key in now.state} or None


def preimage_of(path, now):
    """What is kept of it before it is lost."""
    if now.state.get("type") != "file":
        return None
    return {"path": path, "digest": now.state["digest"], "size": now.state["size"]}
'''

_CASES = """\
# Each case declares one resource in a small world, and says what comes of it: `froyo provider test DIR` tries them all,
# and everything that the interface promises besides. Files lie below /srv; what is not said is not checked.
- name: a missing one is made
  kind: KIND
  spec: {path: /srv/note, content: "hello\\n", mode: "0640"}
  action: create
  differs: [state, content, mode]
  after: {files: {/srv/note: {content: "hello\\n", mode: "0640"}}}

- name: one that is as declared is left alone
  kind: KIND
  world: {files: {/srv/note: {content: "hello\\n"}}}
  spec: {path: /srv/note, content: "hello\\n"}
  action: none

- name: another content is put right, and the mode is left alone
  kind: KIND
  world: {files: {/srv/note: {content: "spoiled\\n", mode: "0600"}}}
  spec: {path: /srv/note, content: "hello\\n"}
  action: update
  differs: [content]
  after: {files: {/srv/note: {content: "hello\\n", mode: "0600"}}}

- name: a mode that is to be ignored is shown and left alone
  kind: KIND
  world: {files: {/srv/note: {content: "hello\\n", mode: "0600"}}}
  spec: {path: /srv/note, content: "hello\\n", mode: "0644", ignoreFields: [mode]}
  action: none
  differs: [mode]

- name: one that is to be absent is removed
  kind: KIND
  world: {files: {/srv/note: {content: "hello\\n"}}}
  spec: {path: /srv/note, state: absent}
  action: delete
  after: {files: {/srv/note: null}}

# Where a secret would be a case has the word CANARY, which must not be in anything that the package says.
- name: what is in a private file is told nobody
  kind: KIND
  world: {files: {/srv/key: {content: "CANARY\\n", mode: "0600"}}}
  spec: {path: /srv/key, content: "another CANARY\\n", mode: "0600"}
  action: update
"""

_README = """\
# PACKAGE

The kind `KIND`: a file below /srv with a text in it.

```yaml
apiVersion: GROUP/v1alpha1
kind: KIND
metadata: {name: note}
spec:
  target: web-1
  path: /srv/note
  content: "hello\\n"
```

Try it, then install it and grant it what it asks for:

```
froyo provider test .
mkdir -p ~/.local/state/froyo/packages && cp -r . ~/.local/state/froyo/packages/PACKAGE
froyo provider list          # says what it asks for, and what to write into grants.json
froyo explain KIND
```
"""


def write_skeleton(directory: Path) -> list[str]:
    """Write a package of the directory's name; the names of its files.

    Raises:
        UsageError: the name is none of a package, or something is there already.
    """
    name = directory.name
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is no name of a package: lower-case letters and digits, "
            "in parts joined by . or -, such as my.marker"
        )
    if directory.exists() and os.listdir(directory):
        raise UsageError(f"{directory}: something is there already; nothing was written")
    *group, last = name.replace("-", ".").split(".")
    words = {
        "PACKAGE": name,
        "GROUP": f"{'.'.join(group) or last}.example",
        "KIND": last.capitalize(),
        "PLURAL": last if last.endswith("s") else f"{last}s",
        "MODULE": last,
    }
    files = {
        "manifest.yaml": _MANIFEST,
        f"schemas/{last}.json": _SCHEMA,
        "plugin.py": _PLUGIN,
        f"cases/{last}.yaml": _CASES,
        "README.md": _README,
    }
    for path, text in files.items():
        made = directory / path
        made.parent.mkdir(parents=True, exist_ok=True)
        filled = re.sub("|".join(words), lambda found: words[found[0]], text)
        made.write_text(filled, encoding="utf-8")
    return list(files)
