"""What a namespace of a cluster may not declare where others share the operator with it: the operator's own machine.

Invariant: who may write objects in a namespace that is not trusted reaches what its own objects and Secrets let it
reach, and nothing by what the operator is, has, or stands on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.errors import ConfigError, Problem
from reconciler.model.alert import CommandOut, FileOut
from reconciler.model.secrets import KeyRef
from reconciler.model.source import DirectoryPlace
from reconciler.model.target import LocalTransport

if TYPE_CHECKING:
    from reconciler.engine.intake.evaluating import Load
    from reconciler.model.alert import WayOut
    from reconciler.model.desired import Desired
    from reconciler.model.source import Snapshot

_TRUST = "who runs the operator can allow it: --trust NAMESPACE"


def isolated(load: Load) -> Load:
    """What evaluates a snapshot, and refuses what is not for a namespace that is not trusted."""

    def evaluate(snapshot: Snapshot) -> Desired:
        desired = load(snapshot)
        if problems := list(_refused(desired)):
            raise ConfigError(problems)
        instances = {address: replace(one, guest=True) for address, one in desired.instances.items()}
        return replace(desired, instances=instances)

    return evaluate


def _refused(desired: Desired) -> Iterator[Problem]:
    for target in desired.targets.values():
        transport, at = target.transport, target.origin
        if isinstance(transport, LocalTransport):
            yield Problem(
                at.file, 0, 0, "spec.local: the operator's own machine is not for this namespace", _TRUST
            )
            continue
        for field, path in (("identityFile", transport.identity_file), ("knownHosts", transport.known_hosts)):
            if path and KeyRef.parsed(path) is None:
                message = f"spec.ssh.{field}: files of the operator's machine are not for this namespace"
                yield Problem(at.file, 0, 0, message, "name a key of a Secret: identityFrom, knownHostsFrom")
        if not transport.identity_file:
            message = "spec.ssh: the operator's own keys are not for this namespace"
            yield Problem(at.file, 0, 0, message, "name a key of a Secret: identityFrom")
    for source in desired.sources.values():
        # What one declares would be served as the operator's own, wherever it is.
        field = "directory" if isinstance(source.place, DirectoryPlace) else "git"
        message = (
            f"spec.{field}: what a Source declares is the operator's, and so it is not for this namespace"
        )
        yield Problem(source.origin.file, 0, 0, message, _TRUST)
    for alert in desired.alerts.values():
        for field, what in _ways(alert.way):
            message = f"spec.{field}: {what} of the operator's machine are not for this namespace"
            yield Problem(alert.origin.file, 0, 0, message, _TRUST)


def _ways(way: WayOut) -> Iterator[tuple[str, str]]:
    """What of the operator's machine an alert would go out by."""
    if isinstance(way, CommandOut):
        yield "command", "programs"
    elif isinstance(way, FileOut):
        yield "file", "files"
    elif way.ca_file:
        yield "webhook.caFile", "files"
