"""Values of targets: what each Vars gives, and which of several counts.

The rule (docs/spec/values.md): the more specific one gives a name its whole value. What names its target is more
specific than any selector, and of two selectors the one with more requirements is. Two that are equally specific and
give one name on one target are an error, unless a more specific one gives it there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.config.composing import Composing
from reconciler.config.secret_reading import SecretReading, Unread
from reconciler.config.secret_values import secret_problems
from reconciler.config.target_values import TargetValues
from reconciler.core.spoken import some
from reconciler.model.selector import Selector

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Leaf
    from reconciler.config.knowing import FactReading
    from reconciler.config.selection import TargetSelection
    from reconciler.core.vault import Vault
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
        self._secrets = SecretReading(vault, complaints)
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
                second.origin.base,
                second.document,
                path,
                f"{second.ref} and {first.ref} both give vars.{name} on {some(targets)}, and neither is more specific; "
                f"{first.ref} gives it at {complaints.place_in(first.origin, first.document, path)}",
                "let one of them select by one more label, or name its target",
            )
