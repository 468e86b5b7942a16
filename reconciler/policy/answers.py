"""What policies say, as findings. Whatever has not the shape that it should have is a failure, and so denies.

A rule gives a set: of texts, or of objects with `msg` and, where it is about one thing alone, `address` (a change) or
`ref` (`Kind/name`, an object), and `field`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.visible import one_line
from reconciler.model.decisions import PolicyFinding
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.rego import RULES

MOST = 1_000
"""Findings of one rule that are kept; one more says that there were others."""
LONGEST = 500
"""Characters of a message."""

Said = Mapping[str, tuple[PolicyFinding, ...]]


def findings(answer: Any) -> Said:
    """What each rule says.

    Raises:
        PolicyFailure: the answer says nothing, or something else.
    """
    if not isinstance(answer, dict):
        raise PolicyFailure("it is undefined: it gives no answer at all")
    return {rule: _of_rule(rule, answer[rule]) for rule in RULES if rule in answer}


def _of_rule(rule: str, value: Any) -> tuple[PolicyFinding, ...]:
    if not isinstance(value, list):
        kind = {dict: "an object", str: "a text", bool: "true or false"}.get(type(value), "something else")
        raise PolicyFailure(f"`{rule}` is {kind}, and has to be a set; write `{rule} contains … if {{ … }}`")
    # A set has no order of its own.
    found = tuple(
        sorted((_finding(rule, one) for one in value[:MOST]), key=lambda one: (one.about, one.message))
    )
    left = len(value) - MOST
    # About all of it: of those that are not kept nobody knows what they are about.
    return (*found, PolicyFinding(f"and {left:,} more like these")) if left > 0 else found


def _finding(rule: str, value: Any) -> PolicyFinding:
    if isinstance(value, str):
        return PolicyFinding(_short(value))
    if not isinstance(value, dict) or not isinstance(value.get("msg"), str):
        raise PolicyFailure(f"an item of `{rule}` is neither a text nor an object with a text `msg`")
    about, field = value.get("address", value.get("ref", "")), value.get("field", "")
    if not isinstance(about, str) or not isinstance(field, str):
        raise PolicyFailure(f"an item of `{rule}` has an `address`, a `ref` or a `field` that is no text")
    return PolicyFinding(_short(value["msg"]), about, field)


def _short(text: str) -> str:
    text = one_line(text).strip()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
