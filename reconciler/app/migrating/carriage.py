"""What all need who carry a document of a directory over: where it stands, what is complained about, what is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.app.migrating.kept import SharedKey, key_of
from reconciler.errors import Problem

if TYPE_CHECKING:
    from reconciler.app.migrating.kept import KeptData
    from reconciler.config.targets import ControllerPaths
    from reconciler.documents.reading import Document, Locator
    from reconciler.model.desired import Desired
    from reconciler.model.origin import Origin
    from reconciler.model.secrets import Secret
    from reconciler.model.source import Snapshot

Json = dict[str, Any]
FieldPath = tuple[str | int, ...]


@dataclass(slots=True)
class Carriage:
    """See the module.

    Attributes:
        snapshot: of the directory.
        desired: what it declares.
        secret: reads a secret.
        controller: what paths are relative to.
        kept: the Secrets and ConfigMaps.
        problems: what cannot be carried over.
        notes: what a person should know, with what it is about.
        left: what is left out, since it means nothing in a cluster: `Source/site`.
        written: where the document stands, and it; None for what files stand for.
        made_of: where that was read.
        called: the object, `Kind/name`.
    """

    snapshot: Snapshot
    desired: Desired
    secret: Callable[[Secret], str]
    controller: ControllerPaths
    kept: KeptData
    problems: list[Problem] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    written: tuple[Locator, Document] | None = None
    made_of: Origin | None = None
    called: str = ""

    @property
    def file(self) -> str:
        """The manifest."""
        return "" if self.written is None else self.written[0].file.path

    def problem(self, path: FieldPath, message: str, hint: str) -> None:
        """Something of it cannot be carried over."""
        if self.written is not None:
            places, document = self.written
            found = places.problem(document, path, message, hint)
        else:
            where, line = ("", 0) if self.made_of is None else (self.made_of.file, self.made_of.line)
            found = Problem(where, line, 0, message, hint)
        if found is not None:
            self.problems.append(found)

    def note(self, message: str) -> None:
        """Something of it a person should know."""
        self.notes.setdefault(message, []).append(self.called)

    def put(self, sort: str, place: str, file: str, content: bytes, path: FieldPath) -> str | None:
        """Keep the content of a file; its key, or None where that was complained about."""
        try:
            return self.kept.put(sort, place, file, content)
        except SharedKey as other:
            message = f"{file} and {other} would both be the key {key_of(file)} of the {sort} {place}"
            self.problem(path, message, "give one of them another name")
            return None
