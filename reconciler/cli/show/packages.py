"""Provider packages for people: what there is, what it may do, and whether it keeps what it promises."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.cli.here import from_here
from reconciler.cli.phrases import count
from reconciler.cli.terminal import Terminal
from reconciler.conformance.verdicts import PROPERTIES, PropertyVerdict
from reconciler.core.visible import one_line
from reconciler.plugins.capabilities import Capability
from reconciler.plugins.packages import Package

Granted = Mapping[str, tuple[Capability, ...]]


def package_lines(
    screen: Terminal, package: Package, granted: Granted, *, built_in: bool, grants: Path
) -> Iterator[str]:
    """A package: what it is, and what it may do."""
    origin = "built-in" if built_in else f"installed in {package.directory}"
    digest = package.digest[: len("sha256:") + 12]
    yield f"{screen.paint('bold', package.name)} {package.version}  {screen.paint('dim', f'{digest}  {origin}')}"
    yield f"  kinds    {', '.join(kind.kind for kind in package.kinds)}"
    yield f"  asks     {_capabilities(package.capabilities)}"
    given = granted.get(package.name, ())
    if given == package.capabilities:
        yield "  granted  all of it"
    elif given:
        yield f"  granted  {_capabilities(given)}"
    else:
        asked = json.dumps({package.name: [capability_document(one) for one in package.capabilities]})
        yield screen.paint("warn", "  granted  nothing")
        yield f"           to grant what it asks for, or less, write into {grants}:"
        yield f"           {asked}"


def package_document(package: Package, granted: Granted, *, built_in: bool) -> dict[str, Any]:
    """The same for machines."""
    return {
        "name": package.name,
        "version": package.version,
        "digest": package.digest,
        "builtIn": built_in,
        "directory": str(package.directory),
        "entry": package.entry.name,
        "kinds": [{"kind": kind.kind, "apiVersion": kind.api_version} for kind in package.kinds],
        "asks": [capability_document(one) for one in package.capabilities],
        "granted": [capability_document(one) for one in granted.get(package.name, ())],
    }


def capability_document(one: Capability) -> dict[str, Any]:
    """A capability as manifests and grants write it."""
    made: dict[str, Any] = {"call": one.call}
    if one.subjects:
        made["subjects"] = list(one.subjects)
    if one.argv:
        made["argv"] = [list(command) for command in one.argv]
    return made


def verdict_lines(screen: Terminal, verdicts: Sequence[PropertyVerdict]) -> Iterator[str]:
    """A line for each property, and below it what is wrong."""
    width = max(map(len, PROPERTIES))
    for verdict in verdicts:
        style, sign = ("good", "✔") if verdict.held else ("bad", "✘")
        if verdict.held and not verdict.looked:
            style, sign = "dim", "·"
        if screen.quiet and verdict.held:
            continue
        said = PROPERTIES[verdict.name] if verdict.looked else f"not looked at: {verdict.note}"
        yield f"{screen.paint(style, sign)} {verdict.name:<{width}}  {one_line(said)}"
        if verdict.held and verdict.looked and verdict.note and screen.verbose:
            yield f"  {'':<{width}}  {screen.paint('note', one_line(verdict.note))}"
        for finding in verdict.findings:
            where = f"{from_here(finding.place)}: " if finding.place else ""
            about = f"{finding.case}: " if finding.case else ""
            yield f"  {'':<{width}}  {screen.paint('bad', one_line(f'{where}{about}{finding.message}'))}"


def summary(package: Package, verdicts: Sequence[PropertyVerdict], cases: int) -> str:
    """What came of all of it."""
    broken = [verdict.name for verdict in verdicts if not verdict.held]
    told = f"{package.name} {package.version}, {count(len(package.kinds), 'kind')}, {count(cases, 'case')}"
    if broken:
        return f"{told}: does not keep {', '.join(broken)}"
    return f"{told}: keeps all {sum(1 for one in verdicts if one.looked)} properties that its cases show"


def report_document(
    package: Package, verdicts: Sequence[PropertyVerdict], cases: int, world: str
) -> dict[str, Any]:
    """What came of it, for machines."""
    return {
        "package": package.name,
        "version": package.version,
        "digest": package.digest,
        "world": world,
        "cases": cases,
        "passed": all(verdict.held for verdict in verdicts),
        "properties": [
            {
                "name": verdict.name,
                "promise": PROPERTIES[verdict.name],
                "looked": verdict.looked,
                "held": verdict.held,
                "note": verdict.note,
                "findings": [
                    {"case": one.case, "place": one.place, "message": one.message} for one in verdict.findings
                ],
            }
            for verdict in verdicts
        ],
    }


def _capabilities(found: Iterable[Capability]) -> str:
    return (
        ", ".join(" ".join((one.call, *one.subjects, *map(_command, one.argv))) for one in found) or "nothing"
    )


def _command(pattern: Sequence[str]) -> str:
    return f"`{' '.join(pattern)}`"
