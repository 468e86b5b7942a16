"""Selectors as they are written, to selectors as they are matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.model.selector import LABEL_KEY_HINT, Operator, Requirement, Selector, is_label_key

Complain = Callable[[tuple[str | int, ...], str, str], None]


def selector(written: Mapping[str, Any], complain: Complain) -> Selector:
    """The selector that is meant by `matchLabels` and `matchExpressions`.

    Args:
        written: valid by its schema.
        complain: is told the path within `written`, a message and a hint.
    """
    requirements = []
    for key in written.get("matchLabels") or ():
        _check(key, ("matchLabels", key), complain)
    for index, expression in enumerate(written.get("matchExpressions") or ()):
        _check(expression["key"], ("matchExpressions", index, "key"), complain)
        operator = Operator(expression["operator"])
        values = tuple(expression.get("values") or ())
        wants = operator in {Operator.IN, Operator.NOT_IN}
        if wants and not values:
            complain(("matchExpressions", index), f"{operator} wants values", "values: [one, another]")
        elif values and not wants:
            complain(("matchExpressions", index, "values"), f"{operator} takes no values", "leave them out")
        requirements.append(Requirement(expression["key"], operator, values))
    return Selector(tuple(sorted((written.get("matchLabels") or {}).items())), tuple(requirements))


def _check(key: str, path: tuple[str | int, ...], complain: Complain) -> None:
    if not is_label_key(key):
        complain(path, f"no label can be called {key!r}", LABEL_KEY_HINT)
