"""Recorded plans as tests: what was asked is asked again, and has to be decided as it was, or as is written there.

A recorded plan is what `froyo plan -o json` prints or `froyo plan --out` writes: its decisions have their inputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.decisions import PolicyDecision
from reconciler.model.policy import PolicyFiles
from reconciler.policy.deciding import decide
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.shelf import PolicyShelf
from reconciler.policy.times import parse_rfc3339

RULES = ("deny", "requireApproval", "warn")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision that was made again.

    Attributes:
        name: which: the file, and what it is about.
        wrong: how it differs from what is recorded; empty where it does not.
    """

    name: str
    wrong: tuple[str, ...] = ()


def replay(shelf: PolicyShelf, files: PolicyFiles, path: str, text: bytes) -> Iterator[Replayed]:
    """Make the decisions of a recorded plan again.

    Args:
        shelf: has policies ready.
        files: which policies.
        path: what the file is called.
        text: what is in it.

    Raises:
        PolicyFailure: it is no recorded plan.
    """
    try:
        document = json.loads(text)
        plans = document["plans"] if document["kind"] == "SavedPlan" else document["items"]
        recorded = [(plan["target"], one) for plan in plans for one in plan.get("decisions", ())]
        known = [(target, one, one["input"], _seconds(one["input"])) for target, one in recorded]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PolicyFailure(
            f"{path} is no recorded plan: froyo plan -o json prints one where policies decide"
        ) from error
    if not known:
        raise PolicyFailure(f"{path} has no decisions: no policies decided about that plan")
    for target, expected, asked, now in known:
        question = {name: value for name, value in asked.items() if name != "time"}
        found = decide(shelf, files, "plan", question, about=target, decisive=(), now=now)
        yield Replayed(f"{path}: {target}", tuple(_differing(expected, found)))


def _seconds(asked: Mapping[str, Any]) -> float:
    return parse_rfc3339(asked["time"]["rfc3339"]) / 1e9


def _differing(expected: Mapping[str, Any], decision: PolicyDecision) -> Iterator[str]:
    found = decision.document(recorded=True)
    if found.get("failed", "") != expected.get("failed", ""):
        yield f"failed: {found.get('failed') or 'it does not any more'}"
        return
    if expected.get("effect", found["effect"]) != found["effect"]:
        yield f"effect: {found['effect']}, and {expected['effect']} is expected"
    for rule in RULES:
        there, wanted = (_said(one.get(rule, ())) for one in (found, expected))
        yield from (f"{rule}: more than expected: {one}" for one in sorted(there - wanted))
        yield from (f"{rule}: expected, and not said: {one}" for one in sorted(wanted - there))


def _said(findings: Any) -> set[str]:
    return {
        f"{one['message']} ({one['about']})" if one.get("about") else str(one["message"]) for one in findings
    }
