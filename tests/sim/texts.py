"""Files that several own a part of: what `text.look` and `text.edit` of micro_runner/protocol.md make of their lines.

A text is its bytes. `tests/contract/linux_text/test_model.py` holds this to what the real runner answers.
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tests.sim.files import Files, Node, Refused, canonical_digest, digest_of

Json = dict[str, Any]

BOM = b"\xef\xbb\xbf"
ROUNDS = 4
"""How often an edit may follow from itself."""


class Line(NamedTuple):
    """What is in a line, and what ends it."""

    content: bytes
    end: bytes


def parse(content: bytes) -> list[Line]:
    """The lines of a text, without the mark at its beginning.

    Raises:
        Refused: it is no text of single bytes.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("wrong_type", "it is UTF-16 or UTF-32, of which no line is edited", "permanent")
    pieces = re.findall(rb"([^\n]*?)(\r?\n|\Z)", content.removeprefix(BOM), re.DOTALL)
    return [Line(*piece) for piece in pieces if piece != (b"", b"")]


@dataclass(slots=True)
class Patch:
    """Which lines go, and before which of them there are new ones."""

    drops: list[int]
    at: int | None = None
    there: bool = False
    others: int = 0
    problem: str = ""

    @property
    def empty(self) -> bool:
        return not self.drops and self.at is None and not self.problem


def ended(lines: Sequence[bytes]) -> bytes:
    """With a newline behind each."""
    return b"".join(line + b"\n" for line in lines)


def told(lines: Sequence[bytes]) -> bytes:
    """As a difference shows them: of a single one without what ends it."""
    return lines[0] if len(lines) == 1 else ended(lines)


class Edit:
    """What is wanted of a text: arguments of either call."""

    def __init__(self, item: Json) -> None:
        self.absent = item.get("absent", False)
        self.digest: str = item.get("digest") or item.get("blob", "")
        self.marks = (item["begin"].encode(), item["end"].encode()) if "begin" in item else None
        self._several: str = item.get("several", "")
        self._match, self._after, self._before = (
            _compiled(item, name) for name in ("match", "after", "before")
        )
        self._begins = item.get("at") == "begin"

    def on(self, lines: list[Line]) -> Patch:
        """What it does to a text."""
        return self._block(lines) if self.marks else self._line(lines)

    def _line(self, lines: list[Line]) -> Patch:
        exact = [i for i, line in enumerate(lines) if digest_of(line.content) == self.digest]
        similar = [
            i for i, line in enumerate(lines) if i not in exact and self._match and self._match.search(line.content)
        ]  # fmt: skip
        found = Patch([], there=bool(exact or similar))
        if self.absent:
            found.drops = sorted([*exact, *similar])
        elif exact and self._several == "all":
            found.drops = similar
        elif exact:
            found.others = len(similar)
        elif not similar:
            self._put(lines, found)
        elif len(similar) > 1 and not self._several:
            found.problem = "it is not certain which line is meant"
        else:
            found.drops = {"all": similar, "last": similar[-1:]}.get(self._several, similar[:1])
            found.at = found.drops[0]
        return found

    def _put(self, lines: list[Line], found: Patch) -> None:
        found.at = 0 if self._begins else len(lines)
        anchor = self._after or self._before
        if self._begins or anchor is None:
            return
        places = [i for i, line in enumerate(lines) if anchor.search(line.content)]
        if not places:
            found.problem = "there is no place for it"
        else:
            found.at = places[-1] + 1 if self._after else places[0]

    def _block(self, lines: list[Line]) -> Patch:
        assert self.marks is not None
        pairs, alone, open_ = list[tuple[int, int]](), list[int](), -1
        for i, line in enumerate(lines):
            bare = line.content.rstrip(b" \t")
            if bare == self.marks[0]:
                alone += [open_] if open_ >= 0 else []
                open_ = i
            elif bare == self.marks[1]:
                if open_ >= 0:
                    pairs.append((open_, i))
                else:
                    alone.append(i)
                open_ = -1
        alone += [open_] if open_ >= 0 else []
        found = Patch([], there=bool(pairs or alone))
        if alone:
            whole = self._mended(lines, alone) if not pairs and len(alone) == 1 and self.digest else None
            if whole is None:
                found.problem = "nobody can tell what the block is"
            else:
                found.drops = list(range(*whole))
                found.at = None if self.absent else whole[0]
            return found
        for number, (begin, end) in enumerate(pairs):
            if number == 0 and not self.absent:
                if self._is_content([line.content for line in lines[begin + 1 : end]]):
                    continue
                found.at = begin
            found.drops += range(begin, end + 1)
        if not pairs and not self.absent:
            self._put(lines, found)
        return found

    def _mended(self, lines: list[Line], alone: list[int]) -> tuple[int, int] | None:
        """Where a block is of which one marker is missing: what is declared is beside the other one."""
        assert self.marks is not None
        (at,) = alone
        begins = lines[at].content.rstrip(b" \t") == self.marks[0]
        sizes = range(len(lines) - at) if begins else range(at + 1)
        for size in sizes:
            span = (at, at + 1 + size) if begins else (at - size, at + 1)
            inside = lines[span[0] + 1 : span[1]] if begins else lines[span[0] : span[1] - 1]
            if self._is_content([line.content for line in inside]):
                return span
        return None

    def _is_content(self, lines: list[bytes]) -> bool:
        whole = ended(lines)
        return digest_of(whole) == self.digest or bool(
            lines and lines[-1] and digest_of(whole[:-1]) == self.digest
        )

    def fresh(self, content: bytes) -> list[bytes]:
        """The lines that it puts there."""
        if self.absent:
            return []
        lines = content.removesuffix(b"\n").split(b"\n") if content else []
        bare = {line.rstrip(b" \t") for line in lines}
        if not bare.isdisjoint(self.marks) if self.marks else len(lines) != 1 or content.endswith(b"\n"):
            raise Refused("bad_request", "no such lines can be there", "permanent")
        return [self.marks[0], *lines, self.marks[1]] if self.marks else lines


def _compiled(item: Json, name: str) -> re.Pattern[bytes] | None:
    return re.compile(item[name].encode()) if name in item else None


def state_of(lines: list[Line], patch: Patch) -> str:
    """What `expect` compares: which lines go, and whether there are new ones."""
    return canonical_digest([digest_of(ended([lines[i].content for i in patch.drops])), patch.at is not None])


def applied(lines: list[Line], patch: Patch, fresh: list[bytes]) -> list[Line]:
    """The lines once it is made; all others stay as they are, to the byte."""
    at = len(lines) if patch.at is None else patch.at
    near = [at, at - 1, 0] if patch.drops and patch.drops[0] == at else [at - 1, at, 0]
    end = next((lines[i].end for i in near if 0 <= i < len(lines) and lines[i].end), b"\n")
    gone = set(patch.drops)
    put = [] if patch.at is None else [Line(content, end) for content in fresh]
    after = [line for i, line in enumerate(lines[:at]) if i not in gone]
    after += put
    after += [line for i, line in enumerate(lines[at:], at) if i not in gone]
    after[:-1] = [line if line.end else Line(line.content, end) for line in after[:-1]]
    replaces_end = gone and len(lines) - 1 in gone and all(i in gone for i in range(at, len(lines)))
    if patch.at is not None and after and replaces_end:
        after[-1] = Line(after[-1].content, lines[-1].end)
    return after


# --- The two calls ------------------------------------------------------------------------------------------------


def do(files: Files, command: str, item: Json, blobs: dict[str, bytes]) -> Json:
    """One item of either call, as a result on the wire."""
    try:
        return {
            "ok": look(files, item) if command == "text.look" else {"changed": _edited(files, item, blobs)}
        }
    except Refused as refused:
        return {"error": refused.error}


def _edited(files: Files, item: Json, blobs: dict[str, bytes]) -> bool:
    path = item["path"]
    node = files.nodes.get(path)
    if node is None and item.get("absent"):
        return False
    if not files.has_parent(path):
        raise Refused("enoent", f"the directory of {path} does not exist", "transient")
    content = made(node, item, blobs)
    if content is None:
        return False
    files.prepare(path, "")
    if files.full and content:
        raise Refused("no_space", f"{path}: no space left on device", "transient")
    fresh = Node(mode=int(item.get("mode", "0644"), 8))
    return files.put(path, replace(node or fresh, content=content), None)


def look(files: Files, item: Json) -> Json:
    """One item of `text.look`."""
    edit, node = Edit(item), files.nodes.get(item["path"])
    lines = _lines_of(item["path"], node)
    patch = edit.on(lines)
    missing = node is None and not edit.absent and not item.get("create")
    found: Json = {"exists": node is not None, "there": patch.there}
    if node is not None:
        found["mode"] = f"{node.mode:04o}"
    if patch.others:
        found["others"] = patch.others
    if patch.empty:
        return found
    obstacles = []
    if missing or patch.problem:
        code, error_class = ("enoent", "transient") if missing else ("no_place", "permanent")
        message = f"{item['path']}: {'it does not exist' if missing else patch.problem}"
        about = {"class": error_class, "code": code, "message": message, "subjects": [f"path:{item['path']}"]}
        obstacles.append(about)
    obstacles += files.in_the_way(item["path"], {"type": "file"}).get("obstacles", [])
    if obstacles:
        found["obstacles"] = obstacles
    if taken := [lines[i].content for i in patch.drops]:
        text = told(taken)
        found["before"] = {"digest": digest_of(text), "size": len(text)}
        readable = item.get("private") or (node is not None and node.mode & 0o077)
        if readable and len(text) <= item.get("text_max", 0):
            with contextlib.suppress(UnicodeDecodeError):
                found["before"]["text"] = text.decode()
    return found | {"edit": state_of(lines, patch), "puts": patch.at is not None}


def made(node: Node | None, item: Json, blobs: dict[str, bytes]) -> bytes | None:
    """What is in a file once an item of `text.edit` is done; None where that is no change.

    Raises:
        Refused: it cannot be.
    """
    path, edit = item["path"], Edit(item)
    lines = _lines_of(path, node)
    if node is None and not edit.absent and not item.get("create"):
        raise Refused("enoent", f"{path} does not exist", "transient")
    patch = edit.on(lines)
    _possible(path, patch)
    if patch.empty:
        return None
    if item.get("expect", state := state_of(lines, patch)) != state:
        raise Refused("conflict", "what the edit is about has changed meanwhile", "conflict")
    content = b""
    if not edit.absent and item.get("size"):
        if item["blob"] not in blobs:
            raise Refused("blob_missing", f"{item['blob']} is not here", "transient")
        content = blobs[item["blob"]]
    fresh = edit.fresh(content)
    after = node.content if node is not None else b""
    for _ in range(ROUNDS):
        mark = BOM if after.startswith(BOM) else b""
        after = mark + b"".join(line.content + line.end for line in applied(lines, patch, fresh))
        lines = parse(after)
        patch = edit.on(lines)
        _possible(path, patch)
        if patch.empty:
            return after
    raise Refused("bad_request", f"{path}: this edit would have to be made again and again", "permanent")


def _possible(path: str, patch: Patch) -> None:
    if patch.problem:
        raise Refused("no_place", f"{path}: {patch.problem}", "permanent")


def _lines_of(path: str, node: Node | None) -> list[Line]:
    if node is None:
        return []
    if node.type != "file":
        code = "is_directory" if node.type == "directory" else "wrong_type"
        raise Refused(code, f"{path} is a {node.type}", "permanent")
    return parse(node.content)
