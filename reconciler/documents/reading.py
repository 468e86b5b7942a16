"""The documents of a manifest file: fast where all is well, with places and explanations where it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.documents.json_nodes import MAX_DIGITS, skip_between
from reconciler.documents.json_nodes import read_nodes as read_json_nodes
from reconciler.documents.leftovers import merge_marks
from reconciler.documents.nodes import DocumentTrees, Located, Path, locate, plain
from reconciler.documents.text import FileText, decode
from reconciler.documents.values import MAX_DEPTH, NotPlain, ValueReader
from reconciler.documents.yaml_nodes import chunks
from reconciler.documents.yaml_nodes import read_nodes as read_yaml_nodes
from reconciler.errors import Problem
from reconciler.model.origin import Origin

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKET = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file, or one item of a `kind: List` in it.

    Attributes:
        value: what it says, as JSON would have it.
        index: 0-based position in the file, empty documents counted.
        line: 1-based line of its first key.
        chunk: where the text begins and ends that it was read from, and its position there.
        path: from the document's root to this item; empty but for items of a List.
    """

    value: Any
    index: int
    line: int
    chunk: tuple[int, int, int]
    path: tuple[str | int, ...] = ()

    def where(self) -> Document:
        """The document without what it says, for who only has to find it again."""
        return Document(None, self.index, self.line, self.chunk, self.path)


class Locator:
    """Finds values of documents in the text of their file. Reads only those that it is asked about.

    Attributes:
        file: the text.
        searched: what an expression or a template in them shows itself in.
    """

    __slots__ = ("_read_nodes", "_streams", "file", "searched")

    def __init__(self, file: FileText) -> None:
        self.file = file
        self.searched = file.text
        self._read_nodes = read_json_nodes if _is_json(file) else read_yaml_nodes
        self._streams: dict[int, DocumentTrees] = {}

    def stream(self, start: int, end: int) -> DocumentTrees:
        """The documents of a stretch of the text, read with care."""
        stream = self._streams.get(start)
        if stream is None:
            stream = self._streams[start] = self._read_nodes(self.file, start, end)
        return stream

    def locate(self, document: Document, path: Path) -> Located:
        """Where a path of a document leads."""
        start, end, position = document.chunk
        root = self.stream(start, end).roots[position]
        assert root is not None  # noqa: S101 - both readers find the same documents
        return locate(root, (*document.path, *path))

    def origin(self, origin: Origin, index: int) -> Origin:
        """Where what stands at an index is declared, in a document that is at `origin`."""
        return replace(origin, line=self.file.place(index)[0])

    def origin_of(self, document: Document, root: str) -> Origin:
        """Where a document is declared.

        Args:
            document: one of this file.
            root: the directory of the source on the controller, or "".
        """
        return Origin(self.file.path, document.line, document.index, root)

    def problem(
        self, document: Document, path: Path, message: str, hint: str = "", *, key: bool = False
    ) -> Problem | None:
        """A problem with a value, or with its key; None when that value has been complained about already."""
        located = self.locate(document, path)
        if located.broken:
            return None
        index = located.key if key or not located.exact else located.node.index
        return self.file.problem(index, message, hint)


@dataclass(slots=True)
class Documents:
    """A file that has been read.

    Attributes:
        places: where everything stands; None when the file is no text.
        documents: those that are not empty and could be read.
        problems: what is wrong with the text.
        lost: text of documents that could not be read.
    """

    places: Locator | None
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def read_documents(path: str, data: bytes) -> Documents:
    """Read a file, JSON or YAML by its name. Problems are returned, never raised."""
    file = decode(path, data)
    if isinstance(file, Problem):
        return Documents(None, problems=[file], lost=[data.decode(errors="replace")])
    places = Locator(file)
    read = Documents(places)
    read_fast = _read_json if _is_json(file) else ValueReader().read
    index = 0
    for start, end in _stretches(file, read.problems):
        try:
            found = read_fast(file.text[start:end])
        except NotPlain:
            stream = places.stream(start, end)
            read.problems += stream.problems
            if stream.lost:
                read.lost.append(stream.lost)
            found = [(root.index - start, plain(root)) if root else (0, None) for root in stream.roots]
        for position, (offset, value) in enumerate(found):
            if value is not None:
                line = file.place(start + offset)[0]
                read.documents.append(Document(value, index, line, (start, end, position)))
            index += 1
    read.problems = _told(file, read.problems)
    return read


def read_trees(file: FileText) -> DocumentTrees:
    """All documents of a file with their places."""
    places = Locator(file)
    whole = DocumentTrees()
    for start, end in _stretches(file, whole.problems):
        stream = places.stream(start, end)
        whole.roots += stream.roots
        whole.problems += stream.problems
    whole.problems = _told(file, whole.problems)
    return whole


def _is_json(file: FileText) -> bool:
    return file.path.endswith(".json")


def _stretches(file: FileText, problems: list[Problem]) -> Iterator[tuple[int, int]]:
    """Where what can be read by itself begins and ends."""
    for start, end in [(0, len(file.text))] if _is_json(file) else chunks(file.text):
        if start and file.text[start - 1] == "\ufeff":
            message = "a byte order mark: another file begins here, and no document"
            problems.append(file.problem(start, message, "put --- on a line of its own before it"))
        yield start, end


def _told(file: FileText, problems: list[Problem]) -> list[Problem]:
    """What is said of a text: where a merge is not over, all else that is wrong with it may come of that."""
    return (problems and merge_marks(file)) or problems


def _read_json(text: str) -> list[tuple[int, Any]]:
    """The values of well-formed JSON, as `json_nodes` would have them.

    Raises:
        NotPlain: the careful reader must have a look.
    """
    import json

    if _SURROGATE_ESCAPE.search(text) or _depth(text) > MAX_DEPTH:
        raise NotPlain

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise NotPlain
        return fields

    def number(digits: str) -> float | int:
        if len(digits) > MAX_DIGITS:
            raise NotPlain
        value = float(digits) if digits.strip("-0123456789") else int(digits)
        if value in {float("inf"), float("-inf")}:
            raise NotPlain
        return value

    def no_constant(_: str) -> None:
        raise NotPlain

    decoder = json.JSONDecoder(
        object_pairs_hook=unique, parse_constant=no_constant, parse_float=number, parse_int=number
    )
    found: list[tuple[int, Any]] = []
    index = skip_between(text, 0)
    try:
        while index < len(text):
            value, end = decoder.raw_decode(text, index)
            found.append((index, value))
            index = skip_between(text, end)
    except ValueError as error:
        raise NotPlain from error
    return found


def _depth(text: str) -> int:
    """No less than how deeply the text is nested; brackets inside strings count too."""
    depth = deepest = 0
    for bracket in _BRACKET.finditer(text):
        if bracket.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest
