"""Manifests of what is on a target already, for those who begin with machines that others have set up.

Invariant: what is written can be applied, and then there is nothing to do: its provider says how it is. What is
declared already is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.app.assembly import Parts
from reconciler.app.evaluating import Evaluated, declared_target
from reconciler.config.expressions import meant
from reconciler.config.fields import subjects_of
from reconciler.config.schemas import CompiledKind
from reconciler.core.suggest import did_you_mean
from reconciler.engine.finding import find
from reconciler.errors import UsageError
from reconciler.model.catalog import Kind
from reconciler.model.names import TargetName
from reconciler.model.provider import Finding
from reconciler.model.resource import Instance
from reconciler.model.subjects import Subject

_NAME_MAX = 253


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of it.

    Attributes:
        manifests: each with what a person should know of it, or "".
        declared: how many were left out, since something else is declared about the same.
        silent: kinds of which nothing can be said.
        failed: by kind or package, why nothing could be said of it.
    """

    manifests: list[tuple[dict[str, Any], str]]
    declared: int
    silent: list[str]
    failed: Mapping[str, str]


async def imported(parts: Parts, evaluated: Evaluated, name: str, kinds: Collection[str] = ()) -> Imported:
    """Look at a target, and write down what is there.

    Args:
        parts: the engine's parts.
        evaluated: the directory in which the target is declared.
        name: the target.
        kinds: of which kinds; none for all.

    Raises:
        UsageError: there is no such target or kind.
        TransportError: it cannot be reached.
    """
    target = declared_target(evaluated, name)
    every = {one.kind: one for one in parts.catalog.kinds.values()}
    wanted = _wanted(every, kinds)
    session = await parts.open_session(target, runtime=parts.runtime, on_event=lambda _event: None)
    try:
        findings = await find(session, parts.host, parts.settings, wanted)
    finally:
        await session.close()
    declared = [
        one for one in evaluated.instances.values() if one.target == target.name and one.removal is None
    ]
    undeclarable = _undeclarable(findings.found, every, target.name)
    found = [one for at, one in enumerate(findings.found) if at not in undeclarable]
    replaced = {subject for one in found for subject in one.replaces}
    # Of what one cannot be declared of, the others do not say everything.
    replaced -= {subject for at in undeclarable for subject in findings.found[at].replaces}
    found = [
        one
        for one in found
        if one.replaces or not any(subject in replaced for subject, _ in _told_by(every[one.kind], one))
    ]
    manifests, known = _manifests(found, every, target.name, declared)
    failed = {f"{findings.found[at].kind} {findings.found[at].name}": why for at, why in undeclarable.items()}
    asked = set(kinds) or set(every)
    silent = sorted(asked - set(findings.kinds) - findings.failed.keys())
    return Imported(manifests, known, silent, {**findings.failed, **failed})


def _wanted(every: Mapping[str, Kind], kinds: Collection[str]) -> dict[str, list[str]]:
    """The kinds to look for, by package."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        if kind not in every:
            raise UsageError(
                f"there is no kind {kind!r}; {did_you_mean(kind, every) or 'see: froyo explain'}"
            )
        found.setdefault(every[kind].package, []).append(kind)
    return found if kinds else {one.package: [] for one in every.values()}


def _undeclarable(found: Sequence[Finding], every: Mapping[str, Kind], target: TargetName) -> dict[int, str]:
    """What there is, and is of no form that its kind takes, by its place, and why.

    One odd thing on a target must not spoil all the others.
    """
    wrong: dict[int, str] = {}
    compiled = {one.kind: CompiledKind(every[one.kind]) for one in found}
    for at, one in enumerate(found):
        document = {
            "apiVersion": every[one.kind].api_version,
            "kind": one.kind,
            "metadata": {"name": _named(one.name)},
            "spec": {"target": str(target), **one.spec},
        }
        if not compiled[one.kind].accepts(document):
            paths = (error.instance_path for error in compiled[one.kind].errors(document))
            fields = dict.fromkeys(".".join(map(str, path)) or "spec" for path in paths)
            wrong[at] = f"is left out: what {', '.join(fields)} is cannot be declared"
    return wrong


def _manifests(
    found: Iterable[Finding], every: Mapping[str, Kind], target: TargetName, declared: Collection[Instance]
) -> tuple[list[tuple[dict[str, Any], str]], int]:
    """What was found as manifests, and how much of it is declared already."""
    manifests: list[tuple[dict[str, Any], str]] = []
    names: set[tuple[str, str]] = set()
    known = 0
    provided = {subject for one in declared for subject in one.provides}
    found = list(found)
    closest: dict[Subject, int] = {}
    for one in found:
        for subject, near in _told_by(every[one.kind], one):
            closest[subject] = max(near, closest.get(subject, 0))
    for one in found:
        kind = every[one.kind]
        told = _told_by(kind, one)
        # What owns nothing by itself, such as one of several keys, is told by all that is said of it.
        if any(subject in provided for subject, _ in told) or any(
            other.kind == one.kind and one.spec.items() <= other.spec.items() for other in declared
        ):
            known += 1
            continue
        if any(near < closest[subject] for subject, near in told):
            continue
        name = _named(one.name)
        number = 1
        while (one.kind, name) in names:
            number += 1
            name = f"{_named(one.name)}-{number}"
        names.add((one.kind, name))
        manifest = {
            "apiVersion": kind.api_version,
            "kind": one.kind,
            "metadata": {"name": name},
            "spec": {"target": str(target), **meant(one.spec)},
        }
        manifests.append((manifest, one.remark))
    return manifests, known


def _told_by(kind: Kind, one: Finding) -> list[tuple[Subject, int]]:
    """What a finding is about, and how much of that its kind knows by itself.

    Where several are about the same, the one whose kind knows more is written: a unit, rather than the file of it.
    """
    return [
        (subject, len(template.partition("{")[0]))
        for template in kind.provides
        for subject in subjects_of([template], one.spec)
    ]


def _named(written: str) -> str:
    """A name that a manifest may have."""
    return re.sub(r"[^a-z0-9.]+", "-", written.lower())[: _NAME_MAX - 6].strip("-.") or "unnamed"
