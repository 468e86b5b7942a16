"""The properties of a package, and what was found about each."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.conformance.trials import Trial

PROPERTIES = {
    "cases": "each case comes out as it says",
    "kinds": "every kind has a case that was tried",
    "described": "every field of every kind says what it means",
    "reading": "reading and planning change nothing, and try nothing that would",
    "pure": "what is planned depends on what was read and on nothing else, also in another instance",
    "equal": "equal worlds give equal states",
    "idempotent": "what was applied needs nothing more, and says truly whether it has changed something",
    "convergence": "from any mixture of states it is as declared after one apply, or says why not",
    "destroy": "what is declared no longer goes, and takes nothing along",
    "faults": "a call that fails is the fault of its instance alone, of the class that the call gave",
    "recovery": "whatever call an apply failed at, the next one comes to its end",
    "many": "many instances take no more round trips than one",
    "secrets": "nothing that it says has CANARY in it, which a case puts where a secret would be",
    "capabilities": "it asks for the calls that it makes, and for no others",
    "clean": "what was made on a host is gone in the end, and all else as it was",
}
"""By name: what each promises."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that is not as it should be.

    Attributes:
        case: the name of the case, or "" where it is about the package.
        place: `file:line` of the case or of what is wrong, or "".
        message: what is wrong.
    """

    case: str
    place: str
    message: str


@dataclass(slots=True)
class PropertyVerdict:
    """What was found about one property.

    Attributes:
        name: of the property.
        looked: how many times it was looked at.
        findings: what is wrong.
        note: what a person should know, such as why it could not be looked at, or "".
        trials: by kind, the cases that it was looked at with, where not all are.
    """

    name: str
    looked: int = 0
    findings: list[Violation] = field(default_factory=list)
    note: str = ""
    trials: dict[str, list[Trial]] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether nothing was found against it."""
        return not self.findings

    def look(self, message: str, trial: Trial | None = None, *, place: str = "") -> None:
        """Note that it was looked at, and what is wrong, if that is something."""
        self.looked += 1
        finding = Violation(trial.case.name if trial else "", trial.case.place if trial else place, message)
        if message and finding not in self.findings:
            self.findings.append(finding)
