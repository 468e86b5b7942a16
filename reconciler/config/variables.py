"""Values of targets: what each Vars gives, and which of several counts.

The rule (docs/spec/values.md): the more specific one gives a name its whole value. What names its target is more
specific than any selector, and of two selectors the one with more requirements is. Two that are equally specific and
give one name on one target are an error, unless a more specific one gives it there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.config.composing import Composing
from reconciler.config.expressions import dotted
from reconciler.config.secret_values import SecretReading, Unread, secret_problems
from reconciler.core.spoken import some
from reconciler.model.names import split_target
from reconciler.model.secrets import marks_in
from reconciler.model.selector import Selector
from reconciler.model.values import NOWHERE, Read

if TYPE_CHECKING:
    from reconciler.config.cel import Context
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Leaf
    from reconciler.config.knowing import FactReading
    from reconciler.config.selection import TargetSelection
    from reconciler.config.templates import Template
    from reconciler.core.vault import Vault
    from reconciler.model.facts import Section
    from reconciler.model.names import TargetName
    from reconciler.model.origin import Origin
    from reconciler.model.target import Target

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# fmt: off
_RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
})
# fmt: on
_MAX_INT = 2**63 - 1


def value_problems(
    values: Mapping[str, Any], leaves: Sequence[Leaf]
) -> Iterator[tuple[tuple[str | int, ...], str, str, bool]]:
    """What no schema says of the values of a Vars: path, message, hint, and whether it is about a key."""
    for leaf in leaves:
        reads = [path for one in leaf.expressions for path in one.reads]
        if any(path[0] == "facts" for path in reads):
            yield leaf.path[2:], "a Vars reads no facts", "read them where the value is used", False
        elif any(path == ("vars",) for path in reads):
            yield leaf.path[2:], "a Vars names the values that it reads", "write vars.NAME", False
    for name, value in values.items():
        if not _NAME.fullmatch(name) or name in _RESERVED:
            hint = "letters, digits and '_', no digit first, and no word of CEL's own such as in"
            yield (name,), f"no value can be called {name!r}", hint, True
        yield from _within(value, (name,))
        for path, message, hint in secret_problems(value, (name,)):
            yield path, message, hint, False


def _within(
    value: Any, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str, str, bool]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _within(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _within(item, (*path, index))
    elif isinstance(value, int) and not -_MAX_INT <= value <= _MAX_INT:
        yield path, "a whole number of more than 64 bits", "quote it", False


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


class Values:
    """The values of all targets.

    Args:
        given: by everything that gives some.
        targets: by name.
        selection: of those.
        facts: what is known of them.
        complaints: told of ties.
        vault: has the secrets among them.

    Attributes:
        secrets: where those are.
    """

    def __init__(
        self,
        given: Sequence[Variables],
        targets: Mapping[TargetName, Target],
        selection: TargetSelection,
        facts: FactReading,
        complaints: Complaints,
        vault: Vault,
    ) -> None:
        self._secrets = SecretReading(vault, complaints, complaints.root, complaints.namespace)
        self.secrets = self._secrets.files
        self._targets = targets
        self._facts = facts
        self._known: dict[TargetName, TargetValues] = {}
        self._merged: dict[tuple[int, ...], tuple[dict[str, Any], dict[str, Origin]]] = {}
        self._for: dict[TargetName, list[Variables]] = {}
        self._given = {name: one for one in reversed(given) for name in one.values}
        for one in sorted(given, key=lambda one: one.weight):
            for name in selection.of(one.where) if isinstance(one.where, Selector) else (one.where,):
                self._for.setdefault(name, []).append(one)
        self._check(complaints)
        self._composing = Composing(complaints, self._secrets)
        for target in self._for if any(one.leaves or one.secret for one in given) else ():
            if target in targets:
                self.of(target)
        self._composing.tell()

    def of(self, target: TargetName) -> TargetValues:
        """Those of one target."""
        known = self._known.get(target)
        if known is None:
            given = self._for.get(target, ())
            key = tuple(map(id, given))
            merged = self._merged.get(key)
            if merged is None:
                merged = self._merged[key] = {}, {}
                for one in given:
                    merged[0].update(one.values)
                    merged[1].update(dict.fromkeys(one.values, one.origin))
                if any(one.secret for one in given):
                    self._mark(merged[0], given)
            known = self._known[target] = TargetValues(
                self._targets[target], *merged, self._facts, self._given
            )
            if any(one.secret for one in given):
                known.vault = self._secrets.vault
            if any(one.leaves for one in given):
                winning = {name: one for one in given for name in one.values}
                known.vars = dict(known.vars)
                self._composing.compose(
                    target, known, {name: one for name, one in winning.items() if name in one.composed}
                )
        return known

    def _mark(self, values: dict[str, Any], given: Sequence[Variables]) -> None:
        """Have marks in the place of secrets, but for those that are made of other values."""
        winning = {name: one for one in given for name in one.values}
        for name, one in winning.items():
            if name in one.secret - one.composed:
                try:
                    values[name] = self._secrets.marked(one, ("spec", "values", name), values[name])
                except Unread:
                    del values[name]

    def hold(self, targets: Iterable[TargetName]) -> None:
        """What these targets are makes no sense of what is declared for them: nothing of it is in force there."""
        self._facts.held.update(targets)

    def _check(self, complaints: Complaints) -> None:
        """No two may give one name on one target without one being the more specific."""
        ties: dict[tuple[int, int, str], tuple[Variables, Variables, list[TargetName]]] = {}
        for target, given in self._for.items():
            best: dict[str, list[Variables]] = {}
            for one in given:
                for name in one.values:
                    others = best.get(name)
                    tied = others is not None and others[0].weight == one.weight
                    best[name] = [*others, one] if others and tied else [one]
            for name, (first, *others) in best.items():
                for second in others:
                    ties.setdefault((id(first), id(second), name), (first, second, []))[2].append(target)
        for (_, _, name), (first, second, targets) in ties.items():
            path = ("spec", "values", name)
            complaints.problem_in(
                second.origin.file,
                second.document,
                path,
                f"{second.ref} and {first.ref} both give vars.{name} on {some(targets)}, and neither is more specific; "
                f"{first.ref} gives it at {complaints.place_in(first.origin, first.document, path)}",
                "let one of them select by one more label, or name its target",
            )
