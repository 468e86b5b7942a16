"""A target in memory that answers the calls about files as micro_runner/protocol.md says.

It is strict where a real target is: a body has to be known, a parent has to be there, `expect` has to hold, a
change of owner clears setuid and setgid, and a directory with something in it stays. A call that is refused leaves
nothing behind.

Example:
    >>> host = MemoryHost({"/srv/motd": Node(content=b"old")})
    >>> test = Harness(File, host)

It answers for every call that there is about files, and so it is longer than a module should be.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json: TypeAlias = "dict[str, Any]"

USERS = {"root": 0, "www-data": 33, "daemon": 1}
GROUPS = {"root": 0, "adm": 4, "www-data": 33, "daemon": 1}
CALLS = (
    "file.stat",
    "file.write",
    "file.remove",
    "dir.list",
    "dir.ensure",
    "dir.remove",
    "link.ensure",
)
"""What it answers."""


class Refused(Exception):
    """A call is answered with an error.

    Args:
        code: for programs, such as `enoent`.
        message: for people.
        error_class: what is done about it.
    """

    def __init__(self, code: str, message: str, error_class: str = "permanent") -> None:
        super().__init__(message)
        self.error = {"class": error_class, "code": code, "message": message}


@dataclass(frozen=True)
class Node:
    """What is at a path.

    Attributes:
        type: `file`, `directory`, `symlink` or `other`.
        mode: its permissions.
        uid: its owner.
        gid: its group.
        content: of a file.
        to: where a link leads.
        mountpoint: whether something is mounted there.
        immutable: whether nobody can change it.
        loses: what would be lost with another content.
        mtime_us: when the content was last written.
    """

    type: str = "file"
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    content: bytes = b""
    to: str = ""
    mountpoint: bool = False
    immutable: bool = False
    loses: tuple[str, ...] = ()
    mtime_us: int = 0

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Node:
        """A node as people write it: `{type, mode: "0644", uid, gid, content or base64, to, …}`.

        Raises:
            TypeError, ValueError: it is none.
        """
        written = dict(value)
        content = written.pop("content", "")
        body = (
            base64.b64decode(written.pop("base64"), validate=True)
            if "base64" in written
            else content.encode()
        )
        default = "0755" if written.get("type") == "directory" else "0644"
        mode = int(written.pop("mode", default), 8)
        return cls(**{**written, "mode": mode, "content": body, "loses": tuple(written.get("loses", ()))})

    def to_json(self) -> Json:
        """The same as JSON, for `parse`."""
        found: Json = {"type": self.type, "mode": f"{self.mode:04o}", "uid": self.uid, "gid": self.gid}
        if self.type == "symlink":
            found["to"] = self.to
        found |= {
            field: value
            for field in ("mountpoint", "immutable", "mtime_us")
            if (value := getattr(self, field))
        }
        if self.loses:
            found["loses"] = list(self.loses)
        if self.type == "file":
            try:
                found["content"] = self.content.decode()
            except UnicodeDecodeError:
                found["base64"] = base64.b64encode(self.content).decode()
        return found


def digest_of(content: bytes) -> str:
    """The digest of a content, as it is written."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def body(content: bytes) -> Json:
    """How a specification names a content."""
    return {"digest": digest_of(content), "size": len(content)}


def canonical_digest(value: Any) -> str:
    """The digest of a value of JSON."""
    return digest_of(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def obstacle(code: str, message: str, error_class: str, *subjects: str) -> Json:
    """What would make a write fail."""
    return {"class": error_class, "code": code, "message": message, "subjects": list(subjects)}


def _ways(path: str) -> list[str]:
    """The directories on the way to a path, from the root on."""
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: at + 1]) for at in range(len(parts))]


class MemoryHost:
    """What a `Harness` takes for a world. One that answers more says so in `answers`, and has a method for each.

    Args:
        nodes: what is on it, by path, beside `/` and `/srv`; of each, all that it lies in has to be there.

    Attributes:
        nodes: what is on it now.
        blobs: the contents that it is able to get, by digest.
        calls: everything that was asked, in order.
        writes: how many calls have changed something.
    """

    answers: ClassVar[tuple[str, ...]] = CALLS

    def __init__(self, nodes: dict[str, Node] | None = None) -> None:
        self.nodes: dict[str, Node] = {"/": Node("directory", 0o755), "/srv": Node("directory", 0o755)}
        self.nodes |= nodes or {}
        self.blobs: dict[str, bytes] = {digest_of(b""): b""}
        self.calls: list[Json] = []
        self.writes = 0

    def body(self, content: bytes) -> Json:
        """A body that the target is able to get."""
        self.blobs[digest_of(content)] = content
        return body(content)

    def reply(self, call: Json) -> Json:
        """The reply to one call.

        Raises:
            LookupError: it is none that this target answers.
        """
        if call["call"] not in self.answers:
            raise LookupError(f"a target in memory has files, and does not know what {call['call']} answers")
        self.calls.append(call)
        answer = getattr(self, "_" + call["call"].replace(".", "_"))
        before = dict(self.nodes)
        try:
            return {"ok": answer(**call["args"])}
        except Refused as refused:
            self.nodes = before
            return {"error": refused.error}
        except TypeError as error:
            return {"error": Refused("bad_request", f"{call['call']}: {error}").error}
        finally:
            self.writes += before != self.nodes

    # --- reading ---

    def _file_stat(
        self,
        path: str,
        *,
        digest: bool = True,
        wanted: Json | None = None,
        backup: str = "",
        validate: Any = (),  # noqa: ARG002 - no program runs in memory
        text_max: int = 0,
        private: bool = False,
        times: bool = False,
    ) -> Json:
        self._refuse_bad(path)
        node = self.nodes.get(path)
        obstacles = self._obstacles(path, node, wanted, path + backup) if wanted else []
        more: Json = {"obstacles": obstacles} if obstacles else {}
        if node is not None and node.loses and wanted and not self._is_wanted(node, wanted):
            more["loses"] = list(node.loses)
        if node is None:
            return {"exists": False, "state": self.state(path), **more}
        found: Json = {
            "exists": True,
            "type": node.type,
            "mode": f"{node.mode:04o}",
            "uid": node.uid,
            "gid": node.gid,
            "owner": self._name(USERS, node.uid),
            "group": self._name(GROUPS, node.gid),
        }
        if node.type == "file":
            found["size"] = len(node.content)
            if digest:
                found |= {"digest": digest_of(node.content), "state": self.state(path)}
                readable = private or node.mode & 0o077
                known = (wanted or {}).get("digest")
                if readable and found["digest"] != known and text_max and len(node.content) <= text_max:
                    with contextlib.suppress(UnicodeDecodeError):
                        found["text"] = node.content.decode()
        else:
            found["state"] = self.state(path)
        if node.type == "symlink":
            found["to"] = node.to
        if times:
            found["mtime_us"] = node.mtime_us
        return found | more | {flag: True for flag in ("mountpoint", "immutable") if getattr(node, flag)}

    def _obstacles(self, path: str, node: Node | None, wanted: Json, backup: str) -> list[Json]:
        """What would keep a write from the path, where it is not as it is wanted."""
        goes = wanted["type"] == "absent"
        if goes if node is None else not goes and self._is_wanted(node, wanted):
            return []
        found = self._missing(path) if node is None else self._in_it(path, node, wanted)
        if goes:
            return found
        for field, names, scheme in (("owner", USERS, "user"), ("group", GROUPS, "group")):
            if (name := wanted.get(field)) is not None and name not in names:
                message = f"there is no {name} on the target"
                found.append(obstacle("unknown_owner", message, "transient", f"{scheme}:{name}"))
        kept = self.nodes.get(backup) if node is not None and node.type == wanted["type"] == "file" else None
        if backup != path and kept is not None and kept.type == "directory":
            found.append(obstacle("is_directory", f"{backup} is a directory", "permanent", f"path:{backup}"))
        return found

    def _missing(self, path: str) -> list[Json]:
        """The directories on the way to a path that are not there."""
        found = []
        for way in _ways(path):
            there = self.nodes.get(way)
            if there is not None and there.type != "directory":
                found.append(obstacle("not_directory", f"{way} is not one", "permanent", f"path:{way}"))
            elif there is None:
                found.append(obstacle("enoent", f"{way} does not exist", "transient", f"path:{way}"))
        return found

    def _in_it(self, path: str, node: Node, wanted: Json) -> list[Json]:
        """What keeps a directory that is to go."""
        if node.type != "directory" or wanted["type"] == "directory":
            return []
        below = self._below(path)
        if not wanted.get("recursive"):
            return (
                [obstacle("not_empty", f"{path} is not empty", "permanent", f"path:{path}/")] if below else []
            )
        for one in below:
            if self.nodes[one].mountpoint or self.nodes[one].immutable:
                code = "mountpoint" if self.nodes[one].mountpoint else "immutable"
                return [obstacle(code, f"{one} stays", "permanent", f"path:{path}/")]
        return []

    def _is_wanted(self, node: Node, wanted: Json) -> bool:
        owner, group = self._name(USERS, node.uid), self._name(GROUPS, node.gid)
        return (
            node.type == wanted["type"]
            and (node.type != "file" or wanted.get("digest") in {None, digest_of(node.content)})
            and (node.type != "symlink" or wanted.get("to") == node.to)
            and (node.type == "symlink" or int(wanted.get("mode", f"{node.mode:o}"), 8) == node.mode)
            and (wanted.get("owner", owner), wanted.get("group", group)) == (owner, group)
            and (wanted.get("uid", node.uid), wanted.get("gid", node.gid)) == (node.uid, node.gid)
        )

    def _dir_list(
        self, path: str, *, recursive: bool = False, limit: int = 50_000, contents: Sequence[str] = ()
    ) -> Json:
        self._refuse_bad(path)
        if path not in self.nodes:
            raise Refused("enoent", f"{path} does not exist", "transient")
        if self.nodes[path].type != "directory":
            raise Refused("not_directory", f"{path} is no directory")
        entries = []
        for below in self._below(path):
            name = below[len(path) + 1 :]
            closed = any(
                self.nodes[f"{path}/{name[:at]}"].mountpoint for at, char in enumerate(name) if char == "/"
            )
            if closed or ("/" in name and not recursive):
                continue
            node = self.nodes[below]
            entry = {
                "name": name,
                "type": node.type,
                "mode": f"{node.mode:04o}",
                "uid": node.uid,
                "gid": node.gid,
            }
            entry |= {"owner": self._name(USERS, node.uid), "group": self._name(GROUPS, node.gid)}
            if name in contents and node.type == "file":
                entry |= {"digest": digest_of(node.content), "size": len(node.content)}
            if name in contents and node.type == "symlink":
                entry["to"] = node.to
            entries.append(entry | ({"mountpoint": True} if node.mountpoint else {}))
        entries.sort(key=lambda entry: str(entry["name"]).encode("utf-8", "surrogateescape"))
        listing = {"entries": entries[:limit], "truncated": len(entries) > limit}
        return listing | {"state": canonical_digest(list(listing.values()))}

    # --- writing ---

    def _file_write(
        self,
        path: str,
        *,
        blob: str = "",
        text: str | None = None,
        size: int = 0,
        backup: str = "",
        validate: Any = (),  # noqa: ARG002 - no program runs in memory
        expect: str = "",
        **args: Any,
    ) -> Json:
        self._prepare(path, expect)
        node = self.nodes.get(path)
        if text is not None:
            said = self.body(text.encode())
            blob, size = said["digest"], said["size"]
        if not blob:
            if node is None:
                raise Refused("conflict", f"{path} is not there", "conflict")
            if node.type != "file":
                raise Refused("wrong_type", f"{path} is a {node.type}")
            return self._finish(path, node, args)
        self._refuse_replacing(path, expect)
        if blob not in self.blobs:
            raise Refused("blob_missing", f"{blob} is not here", "transient")
        content = self.blobs[blob]
        if size != len(content):
            raise Refused("bad_request", f"{blob} has {len(content)} bytes, not {size}")
        if node is not None and node.type == "file" and node.content == content:
            return self._finish(path, node, args)
        if node is None or node.type != "file":
            return self._finish(path, Node(content=content, gid=self._group_in(path)), args)
        kept = {path + backup: node} if backup else {}
        done = self._finish(path, replace(node, content=content), args)
        self.nodes |= kept
        return done

    def _link_ensure(self, path: str, *, to: str, expect: str = "", **args: Any) -> Json:
        self._prepare(path, expect)
        self._refuse_replacing(path, expect)
        node = self.nodes.get(path)
        if node is None or node.type != "symlink" or node.to != to:
            node = Node("symlink", 0o777, gid=self._group_in(path), to=to)
        return self._finish(path, node, args)

    def _dir_ensure(self, path: str, *, expect: str = "", parents: bool = False, **args: Any) -> Json:
        self._refuse_bad(path)
        self._compare(path, expect)
        for way in _ways(path) if parents else ():
            self.nodes.setdefault(way, Node("directory", 0o755))
        self._prepare(path, expect)
        node = self.nodes.get(path)
        if node is not None and node.type != "directory":
            raise Refused("not_directory", f"{path} is a {node.type}")
        return self._finish(path, node or Node("directory", 0o755, gid=self._group_in(path)), args)

    def _file_remove(self, path: str, *, expect: str = "") -> Json:
        self._refuse_bad(path)
        self._compare(path, expect)
        node = self.nodes.get(path)
        if node is None:
            return {"changed": False}
        if node.type == "directory":
            raise Refused("is_directory", f"{path} is a directory")
        self._refuse_fixed(path)
        del self.nodes[path]
        return {"changed": True}

    def _dir_remove(self, path: str, *, expect: str = "", recursive: bool = False) -> Json:
        self._refuse_bad(path)
        self._compare(path, expect)
        if path not in self.nodes:
            return {"changed": False}
        if self.nodes[path].type != "directory":
            raise Refused("not_directory", f"{path} is no directory")
        below = self._below(path)
        if below and not recursive:
            raise Refused("not_empty", f"{path} is not empty")
        for one in (path, *below):
            self._refuse_fixed(one)
        for one in (path, *below):
            del self.nodes[one]
        return {"changed": True}

    # --- rules ---

    def state(self, path: str) -> str:
        """What `expect` is compared with."""
        node = self.nodes.get(path)
        if node is None:
            return canonical_digest(["absent"])
        body_ = (len(node.content), digest_of(node.content)) if node.type == "file" else (None, None)
        return canonical_digest([node.type, f"{node.mode:04o}", node.uid, node.gid, *body_, node.to or None])

    def _finish(self, path: str, node: Node, args: Json) -> Json:
        old = self.nodes.get(path)
        owner = self._number(USERS, args.get("owner"), args.get("uid", node.uid))
        group = self._number(GROUPS, args.get("group"), args.get("gid", node.gid))
        if (owner, group) != (node.uid, node.gid) and node.type == "file":
            node = replace(node, mode=node.mode & 0o1777)
        mode = int(args["mode"], 8) if "mode" in args else node.mode
        new = replace(node, uid=owner, gid=group, mode=mode)
        if old is not None and new != old and old.immutable:
            raise Refused("immutable", f"{path} is immutable")
        self.nodes[path] = new
        return {"changed": new != old, **self._file_stat(path)}

    def _prepare(self, path: str, expect: str) -> None:
        self._refuse_bad(path)
        self._compare(path, expect)
        parent = self.nodes.get(path.rpartition("/")[0] or "/")
        if parent is None:
            raise Refused("enoent", f"the directory of {path} does not exist", "transient")
        if parent.type != "directory":
            raise Refused("not_directory", f"{path} is not in a directory")

    def _refuse_replacing(self, path: str, expect: str) -> None:
        node = self.nodes.get(path)
        if node is not None and node.type == "other" and not expect:
            raise Refused("wrong_type", f"{path} is neither a file nor a link")
        if node is not None and node.type == "directory":
            raise Refused("is_directory", f"{path} is a directory")
        if node is not None and node.mountpoint:
            raise Refused("mountpoint", f"{path} is a mount point")

    def _group_in(self, path: str) -> int:
        """The group that something new gets there."""
        parent = self.nodes[path.rpartition("/")[0] or "/"]
        return parent.gid if parent.mode & 0o2000 else 0

    def _refuse_fixed(self, path: str) -> None:
        node = self.nodes[path]
        if node.mountpoint or node.immutable:
            raise Refused("mountpoint" if node.mountpoint else "immutable", f"{path} stays")

    def _compare(self, path: str, expect: str) -> None:
        if expect and expect != self.state(path):
            raise Refused("conflict", f"{path} has changed", "conflict")

    def _refuse_bad(self, path: str) -> None:
        first, *parts = path.split("/")
        if first or {"", ".", ".."}.intersection(parts):
            raise Refused("bad_request", f"{path!r} is not absolute, or has empty, `.` or `..` names")

    def _below(self, path: str) -> list[str]:
        return sorted(one for one in self.nodes if one.startswith(path + "/"))

    @staticmethod
    def _name(names: dict[str, int], number: int) -> str:
        return next((name for name, own in names.items() if own == number), str(number))

    @staticmethod
    def _number(names: dict[str, int], name: str | None, number: int) -> int:
        if name is None:
            return number
        if name not in names:
            raise Refused("unknown_owner", f"there is no {name} on the target", "transient")
        return names[name]
