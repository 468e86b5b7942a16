"""What earlier loads have found out about files that have not changed, and about programs that read nothing else."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from reconciler.config.declared import FileDeclarations
    from reconciler.config.programs import Evaluation, Surroundings
    from reconciler.config.schemas import Kinds
    from reconciler.config.targets import ControllerPaths
    from reconciler.errors import Problem
    from reconciler.model.catalog import Catalog
    from reconciler.model.names import Digest
    from reconciler.model.source import Snapshot


AGAIN = 60.0
"""Seconds for which a program that was ended is taken for one that has to be, however often somebody looks."""


class ParseCache:
    """Keeps, by path and digest, what each file declares; what each program does; and the catalog's schemas, compiled.

    Give the same one to every load of a source. It holds what the last load needed and no more. A new
    catalog, or other directories of the controller, empty it.
    """

    __slots__ = ("_basis", "_files", "_held", "_programs", "kinds")

    def __init__(self) -> None:
        self._basis: tuple[str, ControllerPaths] | None = None
        self._files: dict[str, tuple[Digest, FileDeclarations]] = {}
        self._programs: dict[str, _Program] = {}
        self._held: dict[str, _HeldTo] = {}
        self.kinds: Kinds | None = None

    def prepare(self, catalog: Catalog, controller: ControllerPaths) -> Kinds:
        """The kinds of `catalog`, compiled; forget whatever was found out with another one."""
        basis = (catalog.digest, controller)
        if self.kinds is None or self._basis != basis:
            from reconciler.config.schemas import Kinds

            self._basis = basis
            self._files.clear()
            self._programs.clear()
            self._held.clear()
            self.kinds = Kinds(catalog)
        return self.kinds

    def get(self, path: str, digest: Digest) -> FileDeclarations | None:
        """What the file declares, if it is known."""
        known = self._files.get(path)
        return known[1] if known is not None and known[0] == digest else None

    def put(self, path: str, digest: Digest, declared: FileDeclarations) -> None:
        """Remember what a file declares."""
        self._files[path] = (digest, declared)

    def keep_only(self, paths: Collection[str]) -> None:
        """Forget the files that are not among `paths`."""
        kept = set(paths)
        for known in (self._files, self._programs, self._held):
            for path in known.keys() - kept:
                known.pop(path, None)

    def program(self, path: str, snapshot: Snapshot, surroundings: Surroundings) -> FileDeclarations | None:
        """What a program declares, if it is known and would read the same again."""
        known = self._programs.get(path)
        if known is None or time.monotonic() >= known.until:
            return None
        same = all(_digest(snapshot, file) == digest for file, digest in known.read.items())
        if same and all(surroundings.digest(part) == digest for part, digest in known.asked.items()):
            return known.declared
        return None

    def put_program(
        self,
        path: str,
        snapshot: Snapshot,
        surroundings: Surroundings,
        evaluation: Evaluation,
        declared: FileDeclarations,
    ) -> None:
        """Remember what a program declares, with all that it depends on."""
        read = {file: _digest(snapshot, file) for file in evaluation.read}
        asked = {part: surroundings.digest(part) for part in evaluation.asked}
        until = time.monotonic() + AGAIN if evaluation.passing else math.inf
        self._programs[path] = _Program(read, asked, declared, until)

    def held(
        self,
        path: str,
        constraint: FileDeclarations,
        files: Mapping[str, FileDeclarations],
        hold: Callable[[Mapping[str, FileDeclarations]], list[Problem]],
    ) -> list[Problem]:
        """What of some files a program does not allow, found anew only when it or one of them is another one.

        Args:
            path: the program.
            constraint: what it declares.
            files: what is declared by those that are held to it.
            hold: finds out.
        """
        known = self._held.get(path)
        if known is None or known.constraint is not constraint or not _are(known.files, files):
            known = self._held[path] = _HeldTo(constraint, dict(files), hold(files))
        return known.problems


def _are(some: Mapping[str, FileDeclarations], others: Mapping[str, FileDeclarations]) -> bool:
    return some.keys() == others.keys() and all(some[path] is others[path] for path in some)


@dataclass(frozen=True, slots=True)
class _HeldTo:
    constraint: FileDeclarations
    files: dict[str, FileDeclarations]
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class _Program:
    read: dict[str, Digest | None]
    asked: dict[str, str]
    declared: FileDeclarations
    until: float


def _digest(snapshot: Snapshot, path: str) -> Digest | None:
    file = snapshot.files.get(path)
    return None if file is None else file.digest
