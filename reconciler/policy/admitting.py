"""Whether a snapshot may be put in force: what its policies, and the operator's, say of all that it declares.

Invariant: a snapshot that is denied is an error like any other, at the place of what is denied, and none of it counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.documents.reading import read_documents
from reconciler.errors import ConfigError, Problem
from reconciler.model.decisions import PolicyDecision, PolicyFinding
from reconciler.model.desired import Desired
from reconciler.model.manifests import is_manifest
from reconciler.model.origin import Origin
from reconciler.model.policy import PolicyFiles
from reconciler.model.source import Snapshot
from reconciler.policy.deciding import decide
from reconciler.policy.questions import about_snapshot
from reconciler.policy.shelf import PolicyShelf


class NotAdmitted(ConfigError):
    """Policies do not let a snapshot be put in force.

    Args:
        problems: why, each at its place.
        decisions: that say so.
    """

    def __init__(self, problems: list[Problem], decisions: tuple[PolicyDecision, ...]) -> None:
        super().__init__(problems)
        self.decisions = decisions

    @classmethod
    def because(cls, where: str, decision: PolicyDecision) -> NotAdmitted:
        """That policies could not decide at all."""
        return cls([_failed(where, decision)], (decision,))

    def within(self, root: str) -> NotAdmitted:
        """The same with paths that can be opened from anywhere."""
        return NotAdmitted([problem.within(root) for problem in self.problems], self.decisions)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A snapshot that may be put in force.

    Attributes:
        desired: what it declares, with what policies warn of.
        decisions: that say so.
    """

    desired: Desired
    decisions: tuple[PolicyDecision, ...]


def admit(
    shelf: PolicyShelf,
    places: Collection[PolicyFiles],
    snapshot: Snapshot,
    desired: Desired,
    *,
    now: float,
) -> Admitted:
    """Ask the policies of some places whether a snapshot may be put in force.

    Args:
        shelf: has them ready.
        places: which.
        snapshot: what is written.
        desired: what that declares.
        now: what time it is, in seconds since the epoch.

    Raises:
        NotAdmitted: it may not, or they could not decide.
    """
    if not places:
        return Admitted(desired, ())
    question = about_snapshot(desired)
    problems: list[Problem] = []
    warnings: list[str] = []
    decisions = []
    for files in places:
        ready = shelf.ready(files)
        problems += [_of_policies(one, files, snapshot) for one in ready.problems]
        decision = decide(
            shelf, files, "admission", question, about=desired.source, decisive=("source", "objects"), now=now
        )
        decisions.append(decision)
        asked = [(one, "a policy wants it approved, and a snapshot is not approved") for one in decision.ask]
        denied = [(one, "denied by policy") for one in decision.deny] + asked
        problems += [_problem(finding, why, decision, files, snapshot, desired) for finding, why in denied]
        if decision.failed and not ready.problems:
            problems.append(_failed(snapshot.root or snapshot.source, decision))
        warnings += [_warning(finding, snapshot, desired) for finding in decision.warn]
    if problems:
        raise NotAdmitted(list(dict.fromkeys(problems)), tuple(decisions))
    return Admitted(replace(desired, warnings=(*desired.warnings, *warnings)), tuple(decisions))


def _of_policies(problem: Problem, files: PolicyFiles, snapshot: Snapshot) -> Problem:
    """What is wrong with policies, as who reads the problems of a source opens it."""
    if files.place == snapshot.source:
        return problem
    if files.root:
        return problem.within(files.root)
    return Problem(snapshot.root or snapshot.source, 0, 0, f"{files.place}: {problem}")


def _failed(where: str, decision: PolicyDecision) -> Problem:
    """That policies could not decide about what is declared in a place."""
    why = f"nothing is admitted, since the policies of {decision.place} fail: {decision.failed}"
    return Problem(where, 0, 0, why)


def _problem(
    finding: PolicyFinding,
    why: str,
    decision: PolicyDecision,
    files: PolicyFiles,
    snapshot: Snapshot,
    desired: Desired,
) -> Problem:
    message = f"{why}: {finding.message}"
    hint = f"policies of {files.place}, decision {decision.id}"
    origin = _origin(finding.about, desired)
    if origin is None or not origin.file:
        named = f"{finding.about}: " if finding.about else ""
        return Problem(snapshot.root or snapshot.source, 0, 0, named + message, hint, passing=decision.id)
    return replace(_placed(finding, origin, snapshot, message, hint), passing=decision.id)


def _placed(finding: PolicyFinding, origin: Origin, snapshot: Snapshot, message: str, hint: str) -> Problem:
    """A problem at the field that it is about, or at the object."""
    file = snapshot.files.get(origin.file)
    if file is not None and is_manifest(origin.file):
        read = read_documents(origin.file, file.read())
        # The line tells it from an item of a List, of which nothing says which one it was.
        wanted = (origin.document, origin.line)
        document = next((one for one in read.documents if (one.index, one.line) == wanted), None)
        if document is not None and read.places is not None:
            path = _path(finding.field, document.value)
            found = read.places.problem(document, path, message, hint)
            if found is not None:
                return found
    return Problem(origin.file, origin.line, 1 if origin.line else 0, message, hint)


def _path(field: str, value: Any) -> tuple[str | int, ...]:
    """A path such as `spec.mode`, as far as there is something at it."""
    found: list[str | int] = []
    for part in filter(None, field.replace("[", ".").replace("]", "").split(".")):
        if isinstance(value, Mapping) and part in value:
            found.append(part)
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            found.append(int(part))
            value = value[int(part)]
        else:
            break
    return tuple(found)


def _origin(about: str, desired: Desired) -> Origin | None:
    if not about:
        return None
    for name, target in desired.targets.items():
        if about == f"Target/{name}":
            return target.origin
    return next((one.origin for one in desired.instances.values() if about in {one.ref, one.address}), None)


def _warning(finding: PolicyFinding, snapshot: Snapshot, desired: Desired) -> str:
    origin = _origin(finding.about, desired)
    message = f"a policy warns: {finding.message}"
    if origin is None or not origin.file:
        return f"{finding.about}: {message}" if finding.about else message
    return str(_placed(finding, origin, snapshot, message, "").within(snapshot.root))
