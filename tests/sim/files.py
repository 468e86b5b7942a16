"""The file system of a modelled target, with the rules of micro_runner/protocol.md that an engine can notice.

Every change is a single step and is told to whoever listens, with who did it: an own runner, or somebody else.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from reconciler.model.facts import SECTIONS

Json = dict[str, Any]

DEBIAN = {"id": "debian", "family": "debian", "like": [], "major": 12, "version": "12"}
KNOWN: dict[str, Json] = {"os": DEBIAN, "network": {"hostname": "modelled"}}
NAMES = {0: "root", 1: "daemon", 1000: "ops"}
NUMBERS = {name: number for number, name in NAMES.items()}


class Refused(Exception):
    """The runner's answer to an item that it cannot do."""

    def __init__(self, code: str, message: str, error_class: str) -> None:
        super().__init__(message)
        self.error = {"class": error_class, "code": code, "message": message}


@dataclass(frozen=True, slots=True)
class Node:
    """Something at a path."""

    type: str = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    to: str = ""


@lru_cache(maxsize=4096)
def digest_of(content: bytes) -> str:
    """As it stands in frames."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def canonical_digest(value: object) -> str:
    """Of a value, as the runner computes it."""
    return digest_of(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


@lru_cache(maxsize=4096)
def state_of(node: Node | None) -> str:
    """What `expect` is compared with."""
    if node is None:
        return canonical_digest(["absent"])
    body = (len(node.content), digest_of(node.content)) if node.type == "file" else (None, None)
    return canonical_digest([node.type, f"{node.mode:04o}", node.uid, node.gid, *body, node.to or None])


@dataclass(slots=True)
class Files:
    """The tree.

    Attributes:
        nodes: by path.
        told: (path, by) of every change; `by` is None for one of a runner of ours.
        full: whether nothing can grow.
        read_only: whether nothing can be changed, by anybody.
        immutable: paths that cannot be changed, nor can what is directly in them.
        facts: what the target says that it is, by section; None where it does not say.
    """

    nodes: dict[str, Node] = field(
        default_factory=lambda: {"/": Node("directory", 0o755), "/srv": Node("directory", 0o755)}
    )
    told: Callable[[str, Json | None], None] = lambda _path, _by: None
    full: bool = False
    read_only: bool = False
    immutable: set[str] = field(default_factory=set)
    facts: dict[str, Json] | None = field(default_factory=lambda: dict(KNOWN))

    # --- by anybody -------------------------------------------------------------------------------------------

    def put(self, path: str, node: Node, by: Json | None) -> bool:
        """Have `node` at `path`; whether that is a change."""
        if self.nodes.get(path) == node:
            return False
        if node.type != "directory":
            for below in list(self.below(path)):
                self._drop(below, by)
        self.nodes[path] = node
        self.told(path, by)
        return True

    def remove(self, path: str, by: Json | None) -> bool:
        """Have nothing at `path`; whether that is a change."""
        if path not in self.nodes:
            return False
        for below in list(self.below(path)):
            self._drop(below, by)
        self._drop(path, by)
        return True

    def _drop(self, path: str, by: Json | None) -> None:
        del self.nodes[path]
        self.told(path, by)

    def below(self, path: str) -> Iterator[str]:
        """Everything below, deepest last."""
        return (one for one in sorted(self.nodes) if one.startswith(path.rstrip("/") + "/"))

    def has_parent(self, path: str) -> bool:
        """Whether something can be put at `path`."""
        parent = self.nodes.get(path.rpartition("/")[0] or "/")
        return parent is not None and parent.type == "directory"

    # --- commands ---------------------------------------------------------------------------------------------

    def do(self, command: str, item: Json, blobs: dict[str, bytes]) -> Json:
        """One item of a command, as a result on the wire."""
        try:
            return {"ok": getattr(self, "_" + command.replace(".", "_"))(blobs=blobs, **item)}
        except Refused as refused:
            return {"error": refused.error}

    def _file_stat(
        self,
        path: str,
        digest: bool = True,
        wanted: Json | None = None,
        text_max: int = 0,
        private: bool = False,
        **_: Any,
    ) -> Json:
        node = self.nodes.get(path)
        if node is None:
            return {"exists": False, "state": state_of(None), **self.in_the_way(path, wanted)}
        found: Json = {
            "exists": True,
            "type": node.type,
            "mode": f"{node.mode:04o}",
            "uid": node.uid,
            "gid": node.gid,
            "owner": NAMES.get(node.uid, str(node.uid)),
            "group": NAMES.get(node.gid, str(node.gid)),
        }
        if node.type == "file":
            found["size"] = len(node.content)
            if digest:
                found |= {"digest": digest_of(node.content), "state": state_of(node)}
                readable = private or node.mode & 0o077
                known = (wanted or {}).get("digest")
                if readable and found["digest"] != known and len(node.content) <= text_max:
                    with contextlib.suppress(UnicodeDecodeError):
                        found["text"] = node.content.decode()
        else:
            found["state"] = state_of(node)
        if node.type == "symlink":
            found["to"] = node.to
        return found

    def in_the_way(self, path: str, wanted: Json | None) -> Json:
        """What keeps a thing from being made at a path."""
        parent = path.rpartition("/")[0]
        if wanted is None or wanted["type"] == "absent":
            return {}
        if parent in self.immutable:
            obstacle = {"class": "permanent", "code": "immutable", "message": f"{parent} is immutable"}
        elif self.has_parent(path):
            return {}
        else:
            obstacle = {"class": "transient", "code": "enoent", "message": f"{parent} does not exist"}
        return {"obstacles": [{**obstacle, "subjects": [f"path:{parent}"]}]}

    def _dir_list(
        self, path: str, recursive: bool = False, limit: int = 50_000, contents: Sequence[str] = (), **_: Any
    ) -> Json:
        node = self.nodes.get(path)
        if node is None:
            raise Refused("enoent", f"{path} does not exist", "transient")
        if node.type != "directory":
            raise Refused("not_directory", f"{path} is no directory", "permanent")
        entries = []
        for below in self.below(path):
            name = below[len(path) + 1 :]
            if "/" in name and not recursive:
                continue
            stat = self._file_stat(below, digest=False)
            known = ("type", "mode", "uid", "gid", "owner", "group")
            if name in contents:
                stat, known = self._file_stat(below), (*known, "digest", "size", "to")
            entries.append({"name": name, **{k: stat[k] for k in known if k in stat}})
        listing = {"entries": entries[:limit], "truncated": len(entries) > limit}
        return listing | {"state": canonical_digest(list(listing.values()))}

    def _facts(self, only: Any = (), **_: Any) -> Json:
        if self.facts is None:
            raise Refused("io_error", "nobody knows what this is", "transient")
        return {"cut": [], "facts": {name: self.facts.get(name, {}) for name in only or SECTIONS}}

    def _file_write(
        self,
        path: str,
        blobs: dict[str, bytes],
        blob: str = "",
        text: str | None = None,
        size: int = 0,
        backup: str = "",
        expect: str = "",
        validate: Any = (),
        **args: Any,
    ) -> Json:
        node = self.prepare(path, expect)
        if text is not None:
            blob = digest_of(text.encode())
            blobs = {**blobs, blob: text.encode()}
        if not blob:
            if node is None:
                raise Refused("conflict", f"{path} is not there", "conflict")
            if node.type != "file":
                raise Refused("wrong_type", f"{path} is a {node.type}", "permanent")
            return self._finish(path, node, args)
        if node is not None and node.type == "directory":
            raise Refused("is_directory", f"{path} is a directory", "permanent")
        if node is not None and node.type == "file" and digest_of(node.content) == blob:
            return self._finish(path, node, args)
        if blob not in blobs:
            raise Refused("blob_missing", f"{blob} is not here", "transient")
        content = blobs[blob]
        if self.full and content:
            raise Refused("no_space", f"{path}: no space left on device", "transient")
        if backup and node is not None:
            self.put(path + backup, node, None)
        if node is None or node.type != "file":
            node = Node()
        return self._finish(path, replace(node, content=content), args)

    def _file_remove(self, path: str, expect: str = "", **_: Any) -> Json:
        node = self.prepare(path, expect, parent=False)
        if node is None:
            return {"changed": False}
        if node.type == "directory":
            raise Refused("is_directory", f"{path} is a directory", "permanent")
        return {"changed": self.remove(path, None)}

    def _dir_ensure(self, path: str, expect: str = "", **args: Any) -> Json:
        node = self.prepare(path, expect)
        if node is not None and node.type != "directory":
            raise Refused("not_directory", f"{path} is a {node.type}", "permanent")
        if node is None and self.full:
            raise Refused("no_space", f"{path}: no space left on device", "transient")
        return self._finish(path, node or Node("directory", 0o755), args)

    def _dir_remove(self, path: str, expect: str = "", recursive: bool = False, **_: Any) -> Json:
        node = self.prepare(path, expect, parent=False)
        if node is None:
            return {"changed": False}
        if node.type != "directory":
            raise Refused("not_directory", f"{path} is no directory", "permanent")
        if not recursive and next(self.below(path), None) is not None:
            raise Refused("not_empty", f"{path} is not empty", "permanent")
        return {"changed": self.remove(path, None)}

    def _link_ensure(self, path: str, to: str, expect: str = "", **args: Any) -> Json:
        node = self.prepare(path, expect)
        if node is not None and node.type == "directory":
            raise Refused("is_directory", f"{path} is a directory", "permanent")
        if node is None and self.full:
            raise Refused("no_space", f"{path}: no space left on device", "transient")
        if node is None or node.type != "symlink":
            node = Node("symlink", 0o777)
        return self._finish(path, replace(node, to=to), args)

    # --- rules ------------------------------------------------------------------------------------------------

    def prepare(self, path: str, expect: str, *, parent: bool = True) -> Node | None:
        """What is at a path that is about to be written.

        Raises:
            Refused: it cannot be, or is not what was expected.
        """
        node = self.nodes.get(path)
        if expect and expect != state_of(node):
            raise Refused("conflict", f"{path} has changed", "conflict")
        if parent and not self.has_parent(path):
            raise Refused("enoent", f"the directory of {path} does not exist", "transient")
        if self.read_only:
            raise Refused("read_only", f"{path}: read-only file system", "transient")
        if path.rpartition("/")[0] in self.immutable or (path in self.immutable and path in self.nodes):
            raise Refused("immutable", f"{path} is immutable", "permanent")
        return node

    def _finish(self, path: str, node: Node, args: Json) -> Json:
        uid = NUMBERS[args["owner"]] if "owner" in args else args.get("uid", node.uid)
        gid = NUMBERS[args["group"]] if "group" in args else args.get("gid", node.gid)
        mode = int(args["mode"], 8) if "mode" in args else node.mode
        changed = self.put(path, replace(node, uid=uid, gid=gid, mode=mode), None)
        return {"changed": changed, **self._file_stat(path)}
