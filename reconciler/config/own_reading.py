"""How a valid manifest of each kind of our own becomes what it declares, and where that is kept.

Invariant: a kind of ours that nobody reads is refused when it is first met, and not taken for another one. Those whose
values stand apart from each other, Vars and Inventory, are read where manifests are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.config.alerts import alert
from reconciler.config.declared import FileDeclarations
from reconciler.config.own_fields import Complain
from reconciler.config.rollouts import lock, rollout
from reconciler.config.targets import ControllerPaths, source, target
from reconciler.documents.reading import Document
from reconciler.model.origin import Origin

Given = tuple[Mapping[str, Any], Mapping[str, Any], Origin, ControllerPaths, Complain]
"""What a reader is given: the metadata and the spec as written, where it stands, what paths are relative to, and who is
told what no schema can say is wrong."""

READERS: Mapping[str, Callable[[FileDeclarations, Given, Document], None]] = {
    "Target": lambda declared, given, kept: declared.targets.append((target(*given), kept)),
    "Source": lambda declared, given, kept: declared.sources.append((source(*given), kept)),
    "Alert": lambda declared, given, kept: declared.alerts.append((alert(*given), kept)),
    "Rollout": lambda declared, given, kept: declared.rollouts.append((rollout(*given), kept)),
    "Lock": lambda declared, given, kept: declared.locks.append((lock(*given), kept)),
}
"""By kind."""
