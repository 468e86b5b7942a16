"""What policies decide: about a snapshot before it is put in force, and about changes right before these are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SHOWN = 50
"""Findings of one rule that a document of a decision lists."""


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """One thing that a policy has to say.

    Attributes:
        message: what, in its words.
        about: what of all that it was asked about: the address of a change, or `Kind/name`; "" for all of it.
        field: a path in that, such as `spec.mode`; "" for the whole.
    """

    message: str
    about: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDecision:
    """What the policies of one place have decided about one thing that they were asked.

    Attributes:
        id: the same whenever the same policies were asked the same and said the same.
        place: where the policies are.
        about: the target, or the source, that they were asked about.
        deny: why what is asked about must not be.
        ask: why a person has to approve it first.
        warn: what a person should know.
        failed: why they could not decide, so that all of it is denied; "" where they could.
        changes: how many changes, or objects, they were asked about.
        asked: what they were asked, with the time.
    """

    id: str
    place: str
    about: str
    deny: tuple[PolicyFinding, ...] = ()
    ask: tuple[PolicyFinding, ...] = ()
    warn: tuple[PolicyFinding, ...] = ()
    failed: str = ""
    changes: int = 0
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def denies(self) -> bool:
        """Whether anything of it must not be."""
        return bool(self.deny or self.failed)

    @property
    def effect(self) -> str:
        """`deny`, `ask` or `allow`: the strictest of what it says about anything."""
        return "deny" if self.denies else "ask" if self.ask else "allow"

    def document(self, *, recorded: bool = False) -> dict[str, Any]:
        """For machines: in plans, in events and in the audit log.

        Args:
            recorded: with all that is needed to ask the same again.
        """
        most = None if recorded else SHOWN
        said = {"deny": self.deny, "requireApproval": self.ask, "warn": self.warn}
        found: dict[str, Any] = {
            "id": self.id,
            "policies": self.place,
            "about": self.about,
            "effect": self.effect,
            "changes": self.changes,
        }
        if self.failed:
            found["failed"] = self.failed
        for name, findings in said.items():
            if findings:
                found[name] = [_shown(one) for one in findings[:most]]
            if most is not None and len(findings) > most:
                found["more"] = True
        return {**found, "input": self.asked} if recorded else found


def _shown(finding: PolicyFinding) -> dict[str, str]:
    found = {"message": finding.message, "about": finding.about, "field": finding.field}
    return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What all policies together have decided about one change.

    Attributes:
        deny: why it must not be done.
        ask: why a person has to approve it.
        warn: what a person should know.
        decisions: the ids of the decisions that this comes of.
    """

    deny: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()


NO_RULING = Ruling()
"""Of a change that nobody decides about."""
