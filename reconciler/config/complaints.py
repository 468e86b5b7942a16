"""Problems and warnings of a whole snapshot, each with its place.

A file is read for its places when the first complaint about it is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from reconciler.config.declared import Manifest, Sketch, Variables
from reconciler.config.expressions import Leaf, Path, place
from reconciler.core.suggest import Suggestions
from reconciler.documents.inside import within
from reconciler.documents.reading import Document, Locator
from reconciler.documents.text import FileText, decode
from reconciler.errors import Problem
from reconciler.model.cluster import namespace_of
from reconciler.model.names import Reference
from reconciler.model.origin import Origin
from reconciler.model.source import Snapshot

_NAME = re.compile(r"[a-z0-9][-a-z0-9.]*")


class Complaints:
    """What is wrong, and what a person should know.

    Attributes:
        problems: what is wrong.
        warnings: what a person should know.
        lost: whether some document could not be read.
        values_lost: whether that, or what is wrong with it, may be why a value is not given.
        snapshot: the source.
        root: of it.
        namespace: of a cluster, where it is one; else "".
    """

    def __init__(
        self,
        snapshot: Snapshot,
        lost: Sequence[str],
        broken: Collection[Reference] = (),
        *,
        places: Mapping[str, Locator] = MappingProxyType({}),
    ) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.lost = bool(lost)
        self.values_lost = self.lost or any(name.startswith("Vars/") for name in broken)
        self.suggestions = Suggestions()
        self._lost = lost
        self._names_in_lost: set[str] | None = None
        self.root = snapshot.root
        self.namespace = namespace_of(snapshot.source)
        self.snapshot = snapshot
        self._places = dict(places)

    def may_be_lost(self, name: str) -> bool:
        """Whether a name that nothing declares stands in a document that could not be read."""
        if self._names_in_lost is None:
            self._names_in_lost = {word for text in self._lost for word in _NAME.findall(text)}
        return name in self._names_in_lost

    def problem(
        self,
        manifest: Manifest | Sketch | Variables,
        path: Sequence[str | int],
        message: str,
        hint: str = "",
        *,
        key: bool = False,
        excerpt: bool = True,
    ) -> None:
        """Something is wrong with a value of a manifest, or with its key; it may be that its line is not told."""
        found = self._at(manifest.origin.base, manifest.document, path, message, hint, key=key)
        self.problems.append(found if excerpt else replace(found, excerpt=""))

    def problem_in(
        self, file: str, document: Document, path: Sequence[str | int], message: str, hint: str
    ) -> None:
        """Something is wrong with a value of any document."""
        self.problems.append(self._at(file, document, path, message, hint, key=False))

    def at(
        self, file: str, document: Document, path: Sequence[str | int], *, key: bool = False
    ) -> Callable[[str, str], Problem]:
        """What makes a problem with a value of any document, or with its key."""
        return lambda message, hint: self._at(file, document, path, message, hint, key=key)

    def place(self, manifest: Manifest, path: Sequence[str | int]) -> str:
        """Where a value of a manifest stands: `/srv/site/a.yaml:7`."""
        return self.place_in(manifest.origin, manifest.document, path)

    def place_in(self, origin: Origin, document: Document, path: Sequence[str | int]) -> str:
        """Where a value of any document stands."""
        found = self._at(origin.base, document, path, "", key=False)
        return str(replace(origin, file=found.file, line=found.line))

    def at_expression(
        self, manifest: Manifest | Variables, leaf: Leaf, count: int, message: str, hint: str
    ) -> Problem:
        """What is wrong with an expression in a value of a manifest, at its place."""
        return self._place(manifest, leaf, count)(message, hint)

    def in_text(
        self, manifest: Manifest, path: Path, text: str, at: tuple[int, int], message: str, hint: str
    ) -> Problem:
        """What is wrong at a line and column of a text that stands in a manifest."""
        places = self._places_of(manifest.origin.base)
        node = places.locate(manifest.document, path).node
        index, besides = within(places.file, node, text, *at)
        return places.file.problem(index, message + besides, hint)

    def rendered(
        self, manifest: Manifest, value: Any, leaves: Sequence[Leaf]
    ) -> list[tuple[Problem, Leaf | None]]:
        """What its schema has against a manifest with values in the place of its expressions.

        Each with the expressions that stand where the problem is.
        """
        from reconciler.config.explain import explain

        document = replace(manifest.document, value=value)
        places = self._places_of(manifest.origin.base)
        at = {self._place(manifest, leaf, -1)("", "").location: leaf for leaf in leaves}
        found = explain(places, document, manifest.compiled, rendered=[leaf.path for leaf in leaves])
        return [(problem, at.get(problem.location)) for problem in found]

    def _place(self, manifest: Manifest | Variables, leaf: Leaf, count: int) -> Callable[[str, str], Problem]:
        """What makes a problem that is about an expression; about all of the string with a count of -1."""
        places = self._places_of(manifest.origin.base)
        node = places.locate(manifest.document, leaf.path).node
        at = place(places.file.text, node.index, node.end, count) if count >= 0 else node.index
        return lambda message, hint: places.file.problem(at, message, hint)

    def warning(
        self, manifest: Manifest | Variables, path: Sequence[str | int], message: str, hint: str
    ) -> None:
        """A person should know something about a key of a manifest."""
        self.warning_in(manifest.origin.base, manifest.document, path, message, hint)

    def warning_in(
        self, file: str, document: Document, path: Sequence[str | int], message: str, hint: str
    ) -> None:
        """A person should know something about a key of any document."""
        self.warnings.append(self._at(file, document, path, message, hint, key=True))

    def _at(
        self,
        file: str,
        document: Document,
        path: Sequence[str | int],
        message: str,
        hint: str = "",
        *,
        key: bool,
    ) -> Problem:
        found = self._places_of(file).problem(document, path, message, hint, key=key)
        return found or Problem(file, document.line, 1, message, hint)

    def _places_of(self, file: str) -> Locator:
        places = self._places.get(file)
        if places is None:
            text = decode(file, self.snapshot.files[file].read())
            assert isinstance(text, FileText)  # noqa: S101 - a document was read from it
            places = self._places[file] = Locator(text)
        return places
