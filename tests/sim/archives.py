"""What a modelled target makes of archives, with the rules of micro_runner/protocol.md that an engine can notice.

An archive is a list in JSON: `[[NAME, TEXT, EXECUTABLE]...]`. What is in one is put on record before anything of it is
written, and a mark beside the record says that it was begun; so what is cut off in the middle is known as ours.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.sim.files import Files, Node, Refused, canonical_digest, digest_of

Json = dict[str, Any]

SHOWN = 100

Members = dict[str, tuple[str, int]]
"""By name, what it is to be: `directory`, or the text of a file; and its mode."""


def members_of(content: bytes) -> Members:
    """What an archive has in it, a directory before what is in it.

    Raises:
        Refused: it is none.
    """
    try:
        listed = [(str(name), str(text), bool(runs)) for name, text, runs in json.loads(content)]
    except (ValueError, TypeError) as error:
        raise Refused("bad_archive", "it is no archive of a kind that is known", "permanent") from error
    found: Members = {}
    for name, text, runs in listed:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            found["/".join(parts[:depth])] = ("directory", 0o755)
        found[name] = (f"file:{text}", 0o755 if runs else 0o644)
    return dict(sorted(found.items()))


@dataclass(slots=True)
class Record:
    """What was unpacked at a path.

    Attributes:
        archive: its digest.
        members: what is in it.
        made: whether the directory was made for it.
    """

    archive: str
    members: Members
    made: bool


@dataclass(slots=True)
class Step:
    """One thing that is not as it is to be, and what is to be done about it."""

    difference: tuple[str, str, str, str]
    do: Callable[[], None]


@dataclass(slots=True)
class Archives:
    """See the module.

    Attributes:
        records: by path.
        begun: paths at which an unpacking has not come to its end.
    """

    files: Files
    records: dict[str, Record] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)

    def do(self, call: str, item: Json, blobs: dict[str, bytes], *, most: int | None = None) -> Json:
        """One item of a call, as a result on the wire.

        Args:
            call: such as `archive.look`.
            item: its arguments.
            blobs: bodies that the runner has.
            most: steps after which it is cut off, as by a loss of power.
        """
        try:
            match call:
                case "archive.look":
                    return {"ok": self._look(item)}
                case "archive.take":
                    return {"ok": self._take(item, blobs)}
            return {"ok": self._unpack(item, blobs, most)}
        except Refused as refused:
            return {"error": refused.error}

    def _look(self, item: Json) -> Json:
        record = self.records.get(item["path"])
        wanted = item.get("archive")
        known = record is not None and (item.get("absent") or wanted is None or record.archive == wanted)
        if record is None or not known:
            return {"known": False} | ({"before": record.archive} if record is not None else {})
        if item.get("absent"):
            return {"known": True, **_told([one.difference for one in self._taken(item, record)])}
        steps = self._compared(item, record.members)
        found = _told(differences := [one.difference for one in steps])
        found["lost"] = sum(field == "content" or after == "" for _, field, _, after in differences)
        found["directories"] = [name for name, (kind, _) in record.members.items() if kind == "directory"]
        if differences:
            found["changes"] = _changes(differences)
            if item["path"] in self.begun:
                found["unfinished"] = True
        return {"known": True, **found}

    def _take(self, item: Json, blobs: dict[str, bytes]) -> Json:
        node = self.files.nodes.get(item["path"])
        if node is None or node.type != "file":
            raise Refused("enoent", f"{item['path']} does not exist", "transient")
        if digest_of(node.content) != item["archive"]:
            raise Refused("bad_archive", f"{item['path']} is another archive", "permanent")
        blobs[item["archive"]] = node.content
        return {"changed": False}

    def _unpack(self, item: Json, blobs: Mapping[str, bytes], most: int | None) -> Json:
        path = item["path"]
        record = self.records.get(path)
        if item.get("absent"):
            return self._remove(item, record, most)
        if item["archive"] not in blobs:
            raise Refused("blob_missing", f"{item['archive']} is not here", "transient")
        fresh = record is None or record.archive != item["archive"]
        members = members_of(blobs[item["archive"]])
        steps = self._compared(item, members)
        differences = [one.difference for one in steps]
        if "expect" in item and item["expect"] != _changes(differences):
            raise Refused("conflict", f"{path} is not as expected", "conflict")
        if not fresh and not steps and path not in self.begun:
            return {"changed": False}
        self._room(path)
        self.begun.add(path)
        if fresh:
            made = bool(record and record.made) or path not in self.files.nodes
            self.records[path] = Record(item["archive"], members, made)
        for step in steps[:most]:
            step.do()
        if most is None or most >= len(steps):
            self.begun.discard(path)
        return {"changed": fresh or bool(steps)}

    def _remove(self, item: Json, record: Record | None, most: int | None) -> Json:
        path = item["path"]
        if record is None:
            return {"changed": False}
        steps = self._taken(item, record)
        for step in steps[:most]:
            step.do()
        if most is None:
            above = [name for name, (kind, _) in record.members.items() if kind == "directory"]
            gone = [f"{path}/{name}" for name in reversed(self._chosen(item, above))]
            for directory in [*gone, *([path] if record.made else [])]:
                node = self.files.nodes.get(directory)
                if node is not None and node.type == "directory" and not any(self.files.below(directory)):
                    self.files.prepare(directory, "", parent=False)
                    self.files.remove(directory, None)
            del self.records[path]
            self.begun.discard(path)
        return {"changed": True}

    def _room(self, path: str) -> None:
        if self.files.full or self.files.read_only:
            code = "no_space" if self.files.full else "read_only"
            raise Refused(code, f"{path}: nothing can be written", "transient")

    # --- what is to be done ---------------------------------------------------------------------------------------

    def _chosen(self, item: Json, names: "list[str] | Members") -> list[str]:
        spared = item.get("spared", ())

        def is_left(name: str) -> bool:
            theirs = any(name == one or name.startswith(one + "/") for one in spared)
            return theirs or ("except" in item and is_excepted(name))

        return [name for name in names if not is_left(name)]

    def _taken(self, item: Json, record: Record) -> list[Step]:
        found = []
        for name in reversed(self._chosen(item, record.members)):
            path = f"{item['path']}/{name}"
            node = self.files.nodes.get(path)
            if record.members[name][0] != "directory" and node is not None and node.type == "file":
                found.append(Step((name, "", "file", ""), lambda path=path: self._drop(path)))  # type: ignore[misc]
        return found

    def _drop(self, path: str) -> None:
        self.files.prepare(path, "", parent=False)
        self.files.remove(path, None)

    def _compared(self, item: Json, members: Members) -> list[Step]:
        top, found = item["path"], list[Step]()
        chosen = self._chosen(item, members)
        node = self.files.nodes.get(top)
        if node is None:
            found.append(Step(("", "", "", "directory"), lambda: self._put(top, Node("directory", 0o755))))
        elif node.type != "directory":
            raise Refused("not_directory", f"{top} is no directory", "permanent")
        rest = [path[len(top) + 1 :] for path in self.files.below(top)] if item.get("purge") else []
        left = {name for name in rest if name not in members and self._chosen(item, [name])}
        kept = [*item.get("spared", ()), *(name for name in rest if "except" in item and is_excepted(name))]
        for name in sorted(left):
            if not any(one.startswith(name + "/") for one in kept):
                was = self.files.nodes[f"{top}/{name}"].type
                path = f"{top}/{name}"
                found.append(Step((name, "", was, ""), lambda path=path: self._drop(path)))  # type: ignore[misc]
        for name in chosen:
            found += self._one(f"{top}/{name}", name, *members[name])
        return found

    def _one(self, path: str, name: str, kind: str, mode: int) -> list[Step]:
        node, is_file = self.files.nodes.get(path), kind != "directory"
        wanted = Node(content=kind.partition(":")[2].encode(), mode=mode) if is_file else Node(kind, mode)
        if node is None:
            return [Step((name, "", "", wanted.type), lambda: self._put(path, wanted))]
        if node.type != wanted.type:
            if "directory" in {node.type, wanted.type}:
                raise Refused("wrong_type", f"{path} is a {node.type}", "permanent")
            return [Step((name, "type", node.type, wanted.type), lambda: self._put(path, wanted))]
        if not is_file:
            return []
        found = []
        owned = Node(content=wanted.content, mode=mode, uid=node.uid, gid=node.gid)
        if node.content != wanted.content:
            before, after = digest_of(node.content), digest_of(wanted.content)
            found.append(Step((name, "content", before, after), lambda: self._put(path, owned)))
        if node.mode != mode:
            was, to_be = f"{node.mode:04o}", f"{mode:04o}"
            found.append(Step((name, "mode", was, to_be), lambda: self._put(path, owned)))
        return found

    def _put(self, path: str, node: Node) -> None:
        self.files.prepare(path, "")
        self.files.put(path, node, None)


def is_excepted(name: str) -> bool:
    """Whether `keep-*` names it, or what it lies in."""
    return any(part.startswith("keep-") for part in name.split("/"))


def _told(differences: list[tuple[str, str, str, str]]) -> Json:
    return {"differs": [list(one) for one in differences[:SHOWN]], "total": len(differences)}


def _changes(differences: list[tuple[str, str, str, str]]) -> str:
    return canonical_digest([list(one) for one in differences]) if differences else ""
