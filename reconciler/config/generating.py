"""Programs of a source to what they declare, beside what its files declare.

Languages come one after the other, and each sees the targets and values of the files, and of the languages before it.
Invariant: what a program makes depends on the files that it read and on what it asked of its surroundings, so it is
evaluated again only when one of these is another one. A program that depends on what targets say of themselves declares
no targets and no values: what there is may not hang on what is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.config.complaints import Complaints
from reconciler.config.declared import FileDeclarations
from reconciler.config.inventory.fleet import FleetFiles
from reconciler.config.manifests import declarations
from reconciler.config.owned import Owned
from reconciler.config.programs import NOT_MADE, Evaluation, Surroundings, text_of
from reconciler.config.selection import TargetSelection
from reconciler.config.trees import is_below, roots_of
from reconciler.config.variables import Values
from reconciler.documents.generated import GeneratedDocument, generated_documents, problem_at
from reconciler.errors import Problem
from reconciler.model.facts import Section
from reconciler.model.manifests import is_program
from reconciler.model.names import split_target
from reconciler.model.secrets import marks_in

if TYPE_CHECKING:
    from reconciler.config.cache import ParseCache
    from reconciler.config.knowing import FactReading
    from reconciler.config.programs import Language
    from reconciler.config.schemas import Kinds
    from reconciler.config.targets import ControllerPaths
    from reconciler.core.vault import Vault
    from reconciler.documents.reading import Locator
    from reconciler.model.names import TargetName
    from reconciler.model.source import Snapshot

FACTS = "facts."
"""What the part of facts begins with; the section follows."""

_NOT_BY_FACTS = ("Target", "Inventory", "Vars")


class Generating:
    """See the module.

    Args:
        snapshot: the source.
        kinds: what may be declared.
        controller: what paths are relative to.
        facts: what is known of targets.
        vault: reads secrets.
        cache: keeps what came of each program.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        kinds: Kinds,
        controller: ControllerPaths,
        *,
        facts: FactReading,
        vault: Vault,
        cache: ParseCache,
    ) -> None:
        self._snapshot = snapshot
        self._kinds = kinds
        self._controller = controller
        self._facts = facts
        self._vault = vault
        self._cache = cache

    def add(self, language: Language, declared: dict[str, FileDeclarations]) -> None:
        """Add what the programs of a language declare to what is declared without them."""
        roots = roots_of((file, root) for file, found in declared.items() for root in found.trees)
        bodies = {body for found in declared.values() for body in found.bodies}
        paths = sorted(
            path
            for path in self._snapshot.files
            if is_program(path) and path not in bodies and not is_below(path, roots)
        )
        programs = language.programs(self._snapshot, paths) if paths else ()
        if not programs:
            return
        known = _Known(self._snapshot, declared, self._facts, self._controller, self._vault)
        surroundings = Surroundings(self._snapshot, self._kinds, known.part, paths)
        known_of = {path: self._cache.program(path, self._snapshot, surroundings) for path in programs}
        found = {path: one for path, one in known_of.items() if one is not None}
        if waiting := [path for path in programs if path not in found]:
            for path, evaluation in language.evaluate(waiting, surroundings).items():
                found[path] = self._declared(path, evaluation)
                self._cache.put_program(path, self._snapshot, surroundings, evaluation, found[path])
        declared.update(found)

    def _declared(self, path: str, evaluation: Evaluation) -> FileDeclarations:
        read = partial(text_of, self._snapshot)
        problems = list(evaluation.problems)
        if not problems:
            for one in evaluation.documents:
                problems += self._refused(one, evaluation)
        if problems:
            # What it would have declared is not known, and so it may be anything.
            lost = [text.text for file in sorted(evaluation.read) if (text := read(file)) is not None]
            return FileDeclarations(problems=problems, lost=lost, warnings=evaluation.warnings, foreign=False)
        documents = generated_documents(path, evaluation.documents, read)
        made = declarations(documents, self._kinds, self._controller)
        made.generated = documents
        made.warnings += evaluation.warnings
        made.constraint = evaluation.constraint
        made.foreign = False
        return made

    def _refused(self, one: GeneratedDocument, evaluation: Evaluation) -> Iterator[Problem]:
        kind = one.value.get("kind") if isinstance(one.value, dict) else None
        read = partial(text_of, self._snapshot)
        if kind in NOT_MADE:
            yield problem_at(one.spots[()], *NOT_MADE[kind], read)
        if kind in _NOT_BY_FACTS and any(part.startswith(FACTS) for part in evaluation.asked):
            message = f"a program that reads facts declares no {kind}"
            hint = "declare it in YAML, or in a program of its own, which reads none"
            yield problem_at(one.spots[()], message, hint, read)


class _Known:
    """What is known to programs of what is declared without them."""

    def __init__(
        self,
        snapshot: Snapshot,
        declared: Mapping[str, FileDeclarations],
        facts: FactReading,
        controller: ControllerPaths,
        vault: Vault,
    ) -> None:
        self._snapshot = snapshot
        self._declared = dict(declared)
        self._facts = facts
        self._controller = controller
        self._vault = vault
        self._owned: Owned | None = None
        self._unsaid = Complaints(snapshot, (), places=places_of(declared))

    @property
    def owned(self) -> Owned:
        """What is declared beside resources. What is wrong with it is said when all of it is looked at."""
        if self._owned is None:
            files = FleetFiles(self._snapshot, self._controller, self._unsaid.suggestions)
            self._owned = Owned(self._declared, self._unsaid, files)
        return self._owned

    def part(self, name: str) -> Any:
        """One part of what a program may ask for, as JSON has it."""
        if name == "revision":
            return self._snapshot.revision
        if name == "source":
            return self._snapshot.source
        if name == "targets":
            return [_target(name, target.labels) for name, target in self.owned.targets.items()]
        if name == "vars":
            return self._vars()
        section = Section(name.removeprefix(FACTS))
        return {target: self._facts.section(target, section) for target in self.owned.targets}

    def _vars(self) -> dict[str, dict[str, Any]]:
        owned = self.owned
        selection = TargetSelection(owned.targets, self._facts)
        values = Values(owned.variables, owned.targets, selection, self._facts, self._unsaid, self._vault)
        return {
            target: {name: value for name, value in values.of(target).vars.items() if not marks_in(value)}
            for target in owned.targets
        }


def _target(name: TargetName, labels: Mapping[str, str]) -> dict[str, Any]:
    namespace, plain = split_target(name)
    return {"key": name, "name": plain, "namespace": namespace, "labels": dict(labels)}


def places_of(declared: Mapping[str, FileDeclarations]) -> dict[str, Locator]:
    """What finds where things come from that programs made, by the program."""
    made = {path: one.generated for path, one in declared.items() if one.generated is not None}
    return {path: one.places for path, one in made.items() if one.places is not None}
