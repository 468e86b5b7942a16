"""Selectors with Kubernetes' semantics: every requirement must hold, and an empty selector selects everything.

What facts have to be may be part of one, too. Unknown is not empty: of a target whose facts are not known nobody can
say whether such a selector selects it, unless its labels say that it does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.model.fact_paths import FactPath, look_up
from reconciler.model.facts import Facts, Section

LABEL_KEY_HINT = (
    "letters, digits, '-', '_' and '.', behind a domain and a slash if you like: example.com/role"
)
"""How a label may be called, for a person."""
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def is_label_key(text: str) -> bool:
    """Whether a label may be called so, by Kubernetes' rule."""
    prefix, slash, name = text.rpartition("/")
    if slash and not (len(prefix) <= 253 and _PREFIX.fullmatch(prefix)):
        return False
    return len(name) <= 63 and _NAME.fullmatch(name) is not None


class Operator(StrEnum):
    """How a requirement compares a label."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GREATER = "Gt"
    LESS = "Lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One `matchExpressions` entry. As in Kubernetes, `NotIn` also holds where the label is absent."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` satisfy it."""
        present = self.key in labels
        if self.operator is Operator.IN:
            return present and labels[self.key] in self.values
        if self.operator is Operator.NOT_IN:
            return not present or labels[self.key] not in self.values
        return present is (self.operator is Operator.EXISTS)


@dataclass(frozen=True, slots=True)
class FactRequirement:
    """What a fact has to be. Values are compared as they are written: `12`, `true`, `bookworm`.

    Attributes:
        path: of the fact.
        operator: how it is compared. Where it is a list, `In` and `NotIn` ask whether one of the values is in it.
        values: of `Gt` and `Lt` one, a whole number.
    """

    path: FactPath
    operator: Operator
    values: tuple[str, ...] = ()

    @property
    def section(self) -> Section:
        """Where the fact is."""
        return Section(str(self.path[0]))

    def holds(self, facts: Facts) -> bool:
        """Whether facts of which the section is known satisfy it."""
        try:
            value = look_up(facts.sections, self.path)
        except KeyError:
            return self.operator in {Operator.NOT_IN, Operator.DOES_NOT_EXIST}
        if self.operator in {Operator.EXISTS, Operator.DOES_NOT_EXIST}:
            return self.operator is Operator.EXISTS
        if self.operator in {Operator.GREATER, Operator.LESS}:
            return _is_number(value) and _compared(value, int(self.values[0]), self.operator)
        found = {_written(one) for one in (value if isinstance(value, list) else [value])}
        return (self.operator is Operator.IN) is not found.isdisjoint(self.values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _compared(value: int, limit: int, operator: Operator) -> bool:
    return value > limit if operator is Operator.GREATER else value < limit


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class Selector:
    """`matchLabels`, `matchFacts` and `matchExpressions`, together."""

    labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    facts: tuple[FactRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` satisfy all of it that is about labels."""
        return all(labels.get(key) == value for key, value in self.labels) and all(
            requirement.matches(labels) for requirement in self.requirements
        )

    @property
    def words(self) -> str:
        """What it asks for, for a person."""
        return "these labels and facts" if self.facts else "these labels"
