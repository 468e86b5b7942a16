"""What expressions and templates read on one target: its values, what it is, and what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.config.expressions import dotted
from reconciler.model.names import split_target
from reconciler.model.secrets import marks_in
from reconciler.model.values import NOWHERE, Read

if TYPE_CHECKING:
    from reconciler.config.cel import Context
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Leaf
    from reconciler.config.knowing import FactReading
    from reconciler.config.templates import Template
    from reconciler.core.vault import Vault
    from reconciler.model.facts import Section
    from reconciler.model.origin import Origin
    from reconciler.model.target import Target


class TargetValues:
    """What expressions read on one target.

    Attributes:
        vars: values by name.
        origins: where each was given.
        target: its name and labels.
        facts: those that something has asked for, by section.
        vault: has the secrets that are among `vars` by their marks; None where there are none.
    """

    __slots__ = ("_contexts", "_facts", "_given", "_name", "facts", "origins", "target", "vars", "vault")

    def __init__(
        self,
        target: Target,
        values: dict[str, Any],
        origins: Mapping[str, Origin],
        facts: FactReading,
        given: Mapping[str, Variables],
    ) -> None:
        self.vars = values
        self.vault: Vault | None = None
        self.origins = origins
        self.target = {"name": split_target(target.name)[1], "labels": dict(target.labels)}
        self.facts: dict[str, Mapping[str, Any]] = {}
        self._name = target.name
        self._facts = facts
        self._given = given
        self._contexts: dict[frozenset[Section], Context] = {}

    def given_by(self, name: str) -> str:
        """Which Vars gives a value to any target at all, and where that is declared; "" if none does."""
        found = self._given.get(name)
        return f"{found.ref} gives it at {found.origin}" if found is not None else ""

    def knows(self, sections: Collection[Section]) -> bool:
        """Whether these facts are known; else the target waits for them."""
        for section in sections:
            found = self._facts.section(self._name, section)
            if found is not None:
                self.facts[section] = found
        return all(section in self.facts for section in sections)

    def context(self, sections: frozenset[Section]) -> Context:
        """For expressions that read these facts, all of which are known."""
        context = self._contexts.get(sections)
        if context is None:
            from reconciler.config.cel import context as made

            context = self._contexts[sections] = made(self.variables(sections))
        return context

    def variables(self, sections: frozenset[Section]) -> dict[str, Any]:
        """All that can be read, with these facts."""
        facts = {section: self.facts[section] for section in sections}
        return {"vars": self.vars, "target": self.target, "facts": facts}

    def own_context(self, read: Collection[str]) -> Context:
        """For an expression of the values themselves, of which some are still to be made: with those that it reads."""
        from reconciler.config.cel import context

        known = {name: self.vars[name] for name in read if name in self.vars}
        return context({"vars": known, "target": self.target})

    def changes_secret(self, leaf: Leaf, value: Any) -> bool:
        """Whether `value`, which a string came to, has something else in it that was made of a secret."""
        if self.vault is None or not self._reads_secret(
            path for one in leaf.expressions for path in one.reads
        ):
            return False
        from reconciler.config.cel import context

        wrong: list[object] = []
        real = leaf.value(context(self._revealed(self.facts)), lambda _, error: wrong.append(error))
        return bool(wrong) or self.vault.revealed(value) != real

    def render_changes_secret(self, template: Template, text: str) -> bool:
        """Whether `text`, which a template has given, has something else in it that was made of a secret."""
        if self.vault is None or not self._reads_secret(template.reads):
            return False
        from reconciler.config.template_trees import TemplateError

        try:
            real = template.render(self._revealed(template.sections))
        except TemplateError:
            return True
        return bool(self.vault.revealed(text) != real)

    def _reads_secret(self, paths: Iterable[Sequence[str]]) -> bool:
        return any(path[0] == "vars" and marks_in(self.look(path)[0]) for path in paths)

    def _revealed(self, sections: Iterable[str]) -> dict[str, Any]:
        """All that can be read with the secrets themselves, to compare with: nothing of that is kept or told."""
        assert self.vault is not None  # noqa: S101 - there is a secret
        facts = {section: self.facts[section] for section in sections}
        return {"vars": self.vault.revealed(self.vars), "target": self.target, "facts": facts}

    def read(self, path: Sequence[str]) -> Read | None:
        """What an expression reads by a path; None where nothing is there, or it may be any of the values."""
        value, depth = self.look(path)
        if depth < len(path) or len(path) < 2:
            return None
        return Read(dotted(path), value, self.origins.get(path[1], NOWHERE) if path[0] == "vars" else NOWHERE)

    def look(self, path: Sequence[str]) -> tuple[Any, int]:
        """What a path such as ("vars", "port") leads to, and how many of its steps there are."""
        here: Any = {"vars": self.vars, "target": self.target, "facts": self.facts}
        for depth, step in enumerate(path):
            if not isinstance(here, Mapping) or step not in here:
                return here, depth
            here = here[step]
        return here, len(path)
