"""What programs hold manifests to that others wrote: each constraint for its directory and all below it.

Held to it is what is declared there, in whatever language, as it is written: an expression is looked at as text. What
has problems of its own has to be right first. Nothing is looked at again as long as neither a constraint nor what is
held is another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.config.explain import shown
from reconciler.config.programs import Broken, Constrained, Constraint
from reconciler.config.sops_manifests import manifest_in
from reconciler.config.trees import is_below
from reconciler.documents.reading import Document, Documents, Locator, read_documents
from reconciler.errors import Problem

if TYPE_CHECKING:
    from reconciler.config.cache import ParseCache
    from reconciler.config.declared import FileDeclarations
    from reconciler.model.source import Snapshot


@dataclass(frozen=True, slots=True)
class _Place:
    places: Locator
    document: Document
    path: tuple[str | int, ...]


def broken_constraints(
    snapshot: Snapshot, declared: Mapping[str, FileDeclarations], cache: ParseCache
) -> list[Problem]:
    """What is declared that some program does not allow.

    Args:
        snapshot: the source.
        declared: what each of its files and programs declares.
        cache: keeps what was found.

    Raises:
        SnapshotGone: a file moved on before it was read.
    """
    problems: list[Problem] = []
    for program, own in declared.items():
        if own.constraint is None:
            continue
        files = {
            path: one
            for path, one in declared.items()
            if path != program and not one.foreign and not one.problems and _within(path, own.constraint)
        }
        problems += cache.held(program, own, files, partial(_broken, snapshot, own.constraint))
    return problems


def _within(path: str, constraint: Constraint) -> bool:
    return constraint.directory == "." or is_below(path, (constraint.directory,))


def _broken(
    snapshot: Snapshot, constraint: Constraint, files: Mapping[str, FileDeclarations]
) -> list[Problem]:
    held: list[Constrained] = []
    places: list[_Place] = []
    for path, one in files.items():
        documents = one.generated or read_documents(path, snapshot.files[path].read())
        for value, place in _each(documents, path):
            held.append(Constrained(path, value))
            places.append(place)
    return [problem for one in constraint.hold(held) if (problem := _problem(one, places)) is not None]


def _each(documents: Documents, path: str) -> Iterator[tuple[object, _Place]]:
    assert documents.places is not None  # noqa: S101 - what is no text has a problem
    for document in documents.documents:
        manifest = manifest_in(document, path)
        if manifest is None:
            continue
        value = manifest.value
        if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
            for index, item in enumerate(value["items"]):
                yield item, _Place(documents.places, document, ("items", index))
        else:
            yield value, _Place(documents.places, document, ())


def _problem(found: Broken | Problem, places: list[_Place]) -> Problem | None:
    if isinstance(found, Problem):
        return found
    place = places[found.number]
    message = f"{shown(found.path)}: {found.message}" if found.path else found.message
    problem = place.places.problem(place.document, (*place.path, *found.path), message)
    return None if problem is None else replace(problem, others=found.others)
