"""YAML to trees with places: the careful reader, for files that need explaining, aliases, merge keys or tags.

A file is cut at its `---` lines first (YAML allows them nowhere else), and where a byte order mark shows that another
file was appended without one, so that a syntax error costs one document and everything that is wrong in the others is
found in the same run. Aliases share their node: a bomb
of aliases costs what is written, and is refused by the size that it would have if written out.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from reconciler.core.suggest import did_you_mean
from reconciler.documents.leftovers import TEMPLATE, remedy
from reconciler.documents.nodes import DocumentTrees, Node
from reconciler.documents.scalars import Trap, resolve
from reconciler.documents.text import FileText
from reconciler.documents.values import MAX_DEPTH
from reconciler.errors import Problem

MAX_WEIGHT = 100_000
"""Values by which one document may grow when its aliases are written out."""

_MARKER = re.compile(r"---(?=[ \t\r\n]|\Z)")
"""Without the beginning of a line, since what begins with letters is found ten times sooner."""
_BYTE_ORDER_MARK = re.compile(r"^\ufeff+", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
SECRET = "!secret"  # noqa: S105 - a tag
"""The tag of a text that is a secret, encrypted with age."""
_CORE = "tag:yaml.org,2002:"


def chunks(text: str) -> list[tuple[int, int]]:
    """Where each document begins and ends. One piece where there are directives, which precede the `---`."""
    if "%" in text and _DIRECTIVE.search(text):
        return [(0, len(text))]
    markers = [match.start() for match in _MARKER.finditer(text)]
    cuts = [index for index in markers if index == 0 or text[index - 1] == "\n"]
    if "\ufeff" in text:
        cuts = sorted([*cuts, *(match.end() for match in _BYTE_ORDER_MARK.finditer(text))])
    starts = cuts if cuts and cuts[0] == 0 else [0, *cuts]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def read_nodes(file: FileText, start: int, end: int) -> DocumentTrees:
    """Read one chunk of a file."""
    stream = DocumentTrees()
    text = file.text[start:end]
    reader = _Reader(file, start, stream.problems)
    try:
        reader.documents(CParser(text.encode()).get_event, stream.roots)
    except yaml.YAMLError as error:
        from reconciler.documents.syntax import explain  # worth its import only where something is wrong

        problem = explain(file, start, end, error)
        if problem not in stream.problems:
            stream.problems.append(problem)
    except _TooDeepError as error:
        stream.problems.append(file.problem(error.index, f"nested more than {MAX_DEPTH} levels deep"))
    else:
        return stream
    stream.lost = text
    stream.roots.append(None)
    return stream


class _TooDeepError(Exception):
    def __init__(self, index: int) -> None:
        self.index = index


class _Reader:
    """Builds the nodes of one stretch of text from libyaml's events."""

    def __init__(self, file: FileText, start: int, problems: list[Problem]) -> None:
        self.file = file
        self.start = start
        self.problems = problems
        self.get: Any = None
        self.anchors: dict[str, Node | None] = {}
        self.written = 0
        self.merged = 0

    def documents(self, get: Any, roots: list[Node | None]) -> None:
        self.get = get
        get()  # the start of the stream
        while not isinstance(get(), StreamEndEvent):  # else the start of a document
            self.anchors = {}
            self.written = self.merged = 0
            root = self.node(get(), 0)
            get()  # the end of the document; only now is it known to be one
            empty = root.value is None and root.fields is None and root.items is None
            if root.weight - self.written > MAX_WEIGHT:
                empty = True
                self.complain(
                    root.index,
                    f"with its aliases written out this document would hold {root.weight:,} values",
                    "write it without nested aliases, or as several documents",
                )
            roots.append(None if empty else root)

    def complain(self, index: int, message: str, hint: str = "") -> None:
        self.problems.append(self.file.problem(index, message, hint))

    def node(self, event: Any, depth: int) -> Node:
        index = self.start + event.start_mark.index
        if isinstance(event, AliasEvent):
            return self.alias(event.anchor or "", index)
        self.written += 1
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, ScalarEvent):
            node = self.scalar(event, index)
            end: Any = event.end_mark
            node.end = self.start + end.index
            node.block = event.style in {"|", ">"}
        elif depth == MAX_DEPTH:
            raise _TooDeepError(index)
        elif isinstance(event, MappingStartEvent):
            node = self.mapping(event, index, depth)
        else:
            node = self.sequence(event, index, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def alias(self, name: str, index: int) -> Node:
        if name not in self.anchors:
            known = [anchor for anchor, node in self.anchors.items() if node is not None]
            self.complain(
                index, f"nothing above is marked &{name}", did_you_mean(f"*{name}", [f"*{k}" for k in known])
            )
        elif (node := self.anchors[name]) is None:
            self.complain(index, f"*{name} stands inside of what it refers to")
        else:
            return node
        return Node(index, broken=True)

    def scalar(self, event: Any, index: int) -> Node:
        text: str = event.value
        if event.tag == SECRET:
            return _secret(index, text)
        if event.tag not in {None, "!", _CORE + "str"} and event.tag in _TAGS:
            return self.tagged(event.tag.removeprefix(_CORE), text, index)
        if event.tag not in {None, "!", _CORE + "str"}:
            self.complain(index, f"the tag {_shown(event.tag)} means nothing here", "leave it out")
            return Node(index, text, broken=True)
        if event.style or event.tag is not None:
            return Node(index, text)
        value = resolve(text)
        if value is Trap.OCTAL:
            self.complain(
                index,
                f"unquoted {text} is octal to some readers of YAML and decimal to others",
                f'quote it: "{text}"',
            )
            return Node(index, text, plain=text, broken=True)
        if value is Trap.NOT_A_NUMBER:
            self.complain(
                index, f"{text} is no number that JSON can hold", f'quote it if it is text: "{text}"'
            )
            return Node(index, text, plain=text, broken=True)
        return Node(index, value, plain=text)

    def tagged(self, tag: str, text: str, index: int) -> Node:
        value = resolve(text)
        if tag == "float" and type(value) is int:
            value = float(value)
        if type(value) is _TAGS[_CORE + tag]:
            return Node(index, value, plain=text)
        self.complain(index, f"{text!r} is not of the type that !!{tag} says")
        return Node(index, broken=True)

    def sequence(self, event: Any, index: int, depth: int) -> Node:
        if event.tag not in {None, "!", _CORE + "seq"}:
            self.complain(index, f"the tag {_shown(event.tag)} means nothing here", "leave it out")
        items = []
        while not isinstance(event := self.get(), SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return Node(index, items=items, weight=1 + sum(item.weight for item in items))

    def mapping(self, event: Any, index: int, depth: int) -> Node:
        if event.tag not in {None, "!", _CORE + "map"}:
            self.complain(index, f"the tag {_shown(event.tag)} means nothing here", "leave it out")
        fields: dict[str, tuple[int, Node]] = {}
        merges: list[Node] = []
        template = begun = False
        while not isinstance(event := self.get(), MappingEndEvent):
            at = self.start + event.start_mark.index
            if not isinstance(event, ScalarEvent):
                self.node(event, depth + 1)
                self.node(self.get(), depth + 1)
                # Unquoted braces are a mapping whose key is another one; or they stand where a key should.
                if at > index and (found := TEMPLATE.match(self.file.text, index)):
                    self.complain(found.start(), *remedy(found.group()))
                    template = True
                elif TEMPLATE.match(self.file.text, at):
                    template = True  # which has been said of the key
                else:
                    self.complain(at, "a key must be text")
                continue
            if event.anchor is not None:
                self.anchors[event.anchor] = Node(at, event.value)
            value = self.node(self.get(), depth + 1)
            key = event.value
            if key == "<<" and not event.style:
                merges.append(value)
            elif key in fields:
                line, _ = self.file.place(fields[key][0])
                begun = begun or (not depth and key == "apiVersion")
                hint = "put a line with --- above it if another manifest begins here" if begun else "keep one"
                if not begun or key == "apiVersion":
                    message = f"the key {key!r} stands here a second time; first in line {line}"
                    self.complain(at, message, hint)
            else:
                fields[key] = (at, value)
        for merge in merges:
            self.merge(merge, fields)
        weight = 1 + sum(child.weight for _, child in fields.values())
        return Node(index, fields=fields, broken=template and not fields, weight=weight)

    def merge(self, merge: Node, fields: dict[str, tuple[int, Node]]) -> None:
        """YAML 1.1's merge key: what is written in the mapping itself wins, then the earlier of several."""
        for source in merge.items if merge.items is not None else [merge]:
            if source.fields is not None:
                within = self.merged <= MAX_WEIGHT
                self.merged += len(source.fields)
                if self.merged > MAX_WEIGHT:
                    if within:
                        self.complain(
                            merge.index, f"more than {MAX_WEIGHT:,} keys are merged into this document"
                        )
                    return
                for key, found in source.fields.items():
                    fields.setdefault(key, found)
            elif not source.broken:
                self.complain(source.index, "<< takes a mapping or a list of mappings")


_TAGS: dict[str | None, type] = {
    _CORE + "int": int,
    _CORE + "float": float,
    _CORE + "bool": bool,
    _CORE + "null": type(None),
}


def _secret(index: int, text: str) -> Node:
    """What `!secret TEXT` is short for: {secret: {age: TEXT}}."""
    inner = Node(index, fields={"age": (index, Node(index, text))}, weight=2)
    return Node(index, fields={"secret": (index, inner)}, weight=3)


def _shown(tag: str) -> str:
    return "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
