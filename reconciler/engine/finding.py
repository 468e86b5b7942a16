"""What there is on a target that could be declared: what `froyo import` writes manifests of. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reconciler.engine.round.performing import ReadingPerformer
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ProviderError
from reconciler.model.provider import Finding
from reconciler.plugins.phases import Phases
from reconciler.targets.session import Session


@dataclass(slots=True)
class Findings:
    """What was found.

    Attributes:
        kinds: of which anything could be said.
        found: what there is, kind by kind.
        failed: by kind or package, why nothing could be said of it.
    """

    kinds: list[str] = field(default_factory=list)
    found: list[Finding] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


async def find(
    session: Session, host: Phases, settings: EngineSettings, wanted: Mapping[str, Collection[str]]
) -> Findings:
    """Ask providers what there is.

    Args:
        session: to the target.
        host: runs the providers.
        settings: the numbers.
        wanted: by package, the kinds to look for; none for all of it.
    """
    findings = Findings()
    for package, kinds in wanted.items():
        performer = ReadingPerformer(session, settings)
        try:
            known, found, faults = await host.find(package, session.target.name, kinds, performer.of(package))
        except ProviderError as error:
            findings.failed[package] = str(error)
            continue
        findings.kinds += known
        findings.found += found
        findings.failed |= {kind: str(error) for kind, error in faults.items()}
    return findings
