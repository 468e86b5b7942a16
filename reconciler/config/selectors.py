"""Selectors as they are written, to selectors as they are matched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.config.own_fields import Complain
from reconciler.core.fact_hints import fact_hint
from reconciler.model.fact_paths import FactPath, parse_fact_path
from reconciler.model.selector import (
    LABEL_KEY_HINT,
    FactRequirement,
    Operator,
    Requirement,
    Selector,
    is_label_key,
)


def selector(written: Mapping[str, Any], complain: Complain) -> Selector:
    """The selector that is meant by `matchLabels`, `matchFacts` and `matchExpressions`.

    Args:
        written: valid by its schema.
        complain: is told the path within `written`, a message and a hint.
    """
    requirements, facts = [], []
    for key in written.get("matchLabels") or ():
        _check(key, ("matchLabels", key), complain)
    for fact, value in (written.get("matchFacts") or {}).items():
        path = _fact_path(fact, ("matchFacts", fact), complain)
        facts.append(FactRequirement(path, Operator.IN, (str(value),)))
    for index, expression in enumerate(written.get("matchExpressions") or ()):
        at = ("matchExpressions", index)
        operator = Operator(expression["operator"])
        values = tuple(expression.get("values") or ())
        _check_values(operator, values, at, complain)
        if ("key" in expression) is ("fact" in expression):
            complain(at, "it is about a key or a fact, and one of them", "key: LABEL, or fact: os.family")
        elif "fact" in expression:
            path = _fact_path(expression["fact"], (*at, "fact"), complain)
            facts.append(FactRequirement(path, operator, values))
        else:
            _check(expression["key"], (*at, "key"), complain)
            if operator in _NUMERIC:
                complain((*at, "operator"), f"{operator} compares facts, and a label is text", "")
            requirements.append(Requirement(expression["key"], operator, values))
    labels = tuple(sorted((written.get("matchLabels") or {}).items()))
    return Selector(labels, tuple(requirements), tuple(facts))


_LISTED = frozenset({Operator.IN, Operator.NOT_IN})
_NUMERIC = frozenset({Operator.GREATER, Operator.LESS})


def _check_values(
    operator: Operator, values: tuple[str, ...], at: tuple[str | int, ...], complain: Complain
) -> None:
    if operator in _NUMERIC:
        if len(values) != 1 or not re.fullmatch(r"-?[0-9]{1,18}", values[0]):
            complain(at, f"{operator} wants one whole number", 'values: ["11"]')
    elif operator in _LISTED and not values:
        complain(at, f"{operator} wants values", "values: [one, another]")
    elif values and operator not in _LISTED:
        complain((*at, "values"), f"{operator} takes no values", "leave them out")


def _fact_path(text: str, at: tuple[str | int, ...], complain: Complain) -> FactPath:
    try:
        return parse_fact_path(text)
    except ValueError as error:
        complain(at, str(error), fact_hint(text.replace("[", ".").split(".")))
        return ("os",)


def _check(key: str, path: tuple[str | int, ...], complain: Complain) -> None:
    if not is_label_key(key):
        complain(path, f"no label can be called {key!r}", LABEL_KEY_HINT)
