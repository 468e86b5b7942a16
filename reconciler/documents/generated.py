"""Documents that a program made: values without a text of their own, whose places are in the program.

Who looks for the place of a value asks as with a file (`reading.Locator`), and is answered with a place in whichever
file of the program made it. A path that has no place of its own has that of the nearest above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.documents.nodes import Located, Node, Path, locate
from reconciler.documents.reading import Document, Documents, Locator
from reconciler.documents.text import FileText
from reconciler.errors import Problem
from reconciler.model.origin import Origin


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a program something stands.

    Attributes:
        file: path in the source.
        line: 1-based; 0 where it is not known.
        column: 1-based; 0 where it is not known.
    """

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class GeneratedDocument:
    """One object that a program made.

    Attributes:
        value: as JSON has it.
        spots: where its values come from, by path; that of `()` is where all of it does.
        keys: where the keys come from, by path; what is not in here has the place of its value.
    """

    value: Any
    spots: Mapping[tuple[str | int, ...], Spot]
    keys: Mapping[tuple[str | int, ...], Spot] = field(default_factory=dict)


class GeneratedText(FileText):
    """What stands for a text: its "characters" are the places that its documents have, by number."""

    __slots__ = ("_texts", "read", "spots")

    def __init__(self, program: str, read: Callable[[str], FileText | None]) -> None:
        super().__init__(program, "")
        self.spots: list[Spot] = []
        self.read = read

    def number(self, spot: Spot) -> int:
        """The index by which a place is known here."""
        self.spots.append(spot)
        return len(self.spots) - 1

    def place(self, index: int) -> tuple[int, int]:
        """The line and column of a place."""
        return self.spots[index].line, self.spots[index].column

    def problem(self, index: int, message: str, hint: str = "") -> Problem:
        """A problem at a place, in the file where that is."""
        return problem_at(self.spots[index], message, hint, self.read)


def problem_at(spot: Spot, message: str, hint: str, read: Callable[[str], FileText | None]) -> Problem:
    """A problem at a place of a program, with its line."""
    file = read(spot.file) if spot.line else None
    excerpt = file.excerpt(spot.line, max(spot.column, 1)) if file is not None else ""
    return Problem(spot.file, spot.line, spot.column, message, hint, excerpt)


class GeneratedLocator(Locator):
    """Finds where the values of a program's documents come from.

    Args:
        program: what its paths are relative to: the path of a file in the source.
        documents: what it made.
        read: gives a file of it as text; None where that cannot be had any more.
    """

    __slots__ = ("_documents", "_roots", "_text")

    def __init__(
        self,
        program: str,
        documents: list[GeneratedDocument],
        read: Callable[[str], FileText | None],
    ) -> None:
        self._text = GeneratedText(program, read)
        super().__init__(self._text)
        self._documents = documents
        self._roots: dict[int, Node] = {}
        self.searched = "\n".join(text for one in documents for text in _texts(one.value))

    def locate(self, document: Document, path: Path) -> Located:
        """Where a path of a document leads."""
        root = self._roots.get(document.index)
        if root is None:
            made = self._documents[document.index]
            root = self._roots[document.index] = self._node(
                made.value, (), made, self._text.number(made.spots[()])
            )
        return locate(root, (*document.path, *path))

    def origin(self, origin: Origin, index: int) -> Origin:
        """Where what stands at an index is declared."""
        spot = self._text.spots[index]
        return replace(origin, file=spot.file, line=spot.line)

    def origin_of(self, document: Document, root: str) -> Origin:
        """Where a document is declared."""
        # Of each that is declared: nothing else of it is looked up.
        made = self._documents[document.index].spots[()]
        spot = self._text.spots[self.locate(document, ()).node.index] if document.path else made
        program = self.file.path
        return Origin(spot.file, spot.line, document.index, root, program if program != spot.file else "")

    def _node(self, value: Any, path: tuple[str | int, ...], made: GeneratedDocument, above: int) -> Node:
        spot = made.spots.get(path)
        index = self._text.number(spot) if spot is not None and path else above
        if isinstance(value, dict):
            fields = {}
            for key, child in value.items():
                node = self._node(child, (*path, key), made, index)
                at = made.keys.get((*path, key))
                fields[key] = (node.index if at is None else self._text.number(at), node)
            return Node(index, fields=fields)
        if isinstance(value, list):
            items = [self._node(child, (*path, number), made, index) for number, child in enumerate(value)]
            return Node(index, items=items)
        return Node(index, value, end=index)


def generated_documents(
    program: str, documents: Iterable[GeneratedDocument], read: Callable[[str], FileText | None]
) -> Documents:
    """What a program made, as if it had been read from a file."""
    made = list(documents)
    found = [Document(one.value, index, one.spots[()].line, (0, 0, index)) for index, one in enumerate(made)]
    return Documents(GeneratedLocator(program, made, read), found)


def _texts(value: Any) -> Iterator[str]:
    """The strings in a value that may hold an expression or a template."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if "{" in one or ".j" in one:
                yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
