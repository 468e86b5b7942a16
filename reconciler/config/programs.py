"""What makes manifests by evaluation, as loading knows it: programs, what they read, and what came of them.

No language is known here. One brings a `Language`; what it makes is held to the schemas as if it stood in a file, and
everything behind that is told nothing of it (`docs/adr/0066`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.documents.text import FileText, decode
from reconciler.errors import Problem
from reconciler.model.manifests import is_program
from reconciler.model.source import SnapshotGone

if TYPE_CHECKING:
    from reconciler.config.schemas import Kinds
    from reconciler.documents.generated import GeneratedDocument
    from reconciler.model.source import Snapshot


NOT_MADE = {
    "Source": (
        "a program declares no Source",
        "what is served is said in YAML, where it does not depend on what is evaluated",
    )
}
"""The kinds that no program makes: what is said of one that does, and a hint."""


@dataclass(frozen=True, slots=True)
class Constrained:
    """An object that is held to a constraint.

    Attributes:
        file: where it is declared: a path in the source.
        value: as it is written, as JSON has it.
    """

    file: str
    value: Any


@dataclass(frozen=True, slots=True)
class Broken:
    """What a constraint does not allow.

    Attributes:
        number: of which of the objects that were held to it.
        path: in that.
        message: what is wrong.
        others: where that is said.
    """

    number: int
    path: tuple[str | int, ...]
    message: str
    others: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a program holds the manifests to that lie beside it, in whatever language.

    Attributes:
        directory: in which, and below which, they are held to it.
        hold: says what of them is not allowed, and what is wrong with the constraint itself.
    """

    directory: str
    hold: Callable[[Sequence[Constrained]], Sequence[Broken | Problem]]


@dataclass(slots=True)
class Evaluation:
    """What came of a program.

    Attributes:
        documents: what it made, in order.
        problems: what is wrong with it; then nothing that it made counts.
        warnings: what it says to a person.
        read: the paths that it depends on, whether there is a file or not.
        asked: the parts of its surroundings that it depends on.
        constraint: what it holds others to, if it does.
        passing: whether what is wrong may be so no more in a while, although nothing that it depends on is another one:
            it was ended, and that may have been for want of something on this machine.
    """

    documents: list[GeneratedDocument] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    read: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    constraint: Constraint | None = None
    passing: bool = False


class Surroundings:
    """What a program may know beside the files of its source.

    Args:
        snapshot: all files of the source.
        kinds: what may be declared.
        parts: makes each part, as JSON has it, when it is first asked for.
        paths: the files that end as programs do, in order, and lie in no tree.

    Attributes:
        snapshot: as above.
        settings: what was set for the source, by name.
        kinds: as above.
        paths: as above.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        kinds: Kinds,
        parts: Callable[[str], Any],
        paths: Sequence[str] = (),
    ) -> None:
        self.snapshot = snapshot
        self.settings = snapshot.settings
        self.kinds = kinds
        self.paths = paths
        self._parts = parts
        self._made: dict[str, Any] = {}
        self._digests: dict[str, str] = {}

    def part(self, name: str) -> Any:
        """A part: `settings`, `programs`, `revision`, `source`, `targets`, `vars`, or `facts.SECTION`.

        `programs` is which files there are, for who has to look again when one comes; see `config.generating`.
        """
        if name not in self._made:
            self._made[name] = self._part(name)
        return self._made[name]

    def _part(self, name: str) -> Any:
        if name == "settings":
            return dict(self.settings)
        return list(self.paths) if name == "programs" else self._parts(name)

    def digest(self, name: str) -> str:
        """What is another one whenever that part is."""
        found = self._digests.get(name)
        if found is None:
            text = json.dumps(self.part(name), sort_keys=True, separators=(",", ":"), default=str)
            found = self._digests[name] = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return found

    def text(self, path: str) -> FileText | None:
        """A file of the source as text; None if there is none, or that is no text."""
        return text_of(self.snapshot, path)


def text_of(snapshot: Snapshot, path: str) -> FileText | None:
    """A file of a source as text; None if there is none, that is no text, or it cannot be had any more."""
    file = snapshot.files.get(path)
    if file is None:
        return None
    try:
        found = decode(path, file.read())
    except SnapshotGone:
        return None
    return found if isinstance(found, FileText) else None


def unread_settings(snapshot: Snapshot) -> list[str]:
    """What was set for a source and is in no program of it, so that nothing can depend on it; in the order of names."""
    left = set(snapshot.settings)
    for path in snapshot.files if left else ():
        if is_program(path) and (text := text_of(snapshot, path)) is not None:
            left = {name for name in left if name not in text.text}
    return sorted(left)


class Language(Protocol):
    """A language in which manifests are made."""

    @property
    def name(self) -> str:
        """What people call it."""

    def programs(self, snapshot: Snapshot, paths: Sequence[str]) -> Sequence[str]:
        """The programs of a source, each by a file of it: what paths that it names are relative to.

        Args:
            snapshot: all files of the source.
            paths: those that end as programs do, in order, and lie in no tree.
        """

    def evaluate(self, programs: Sequence[str], surroundings: Surroundings) -> Mapping[str, Evaluation]:
        """What comes of each of these programs. Nothing is raised for what is wrong with one.

        Raises:
            SnapshotGone: a file moved on before it was read.
        """
