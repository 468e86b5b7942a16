"""What a directory declares, with what is known of its targets already, for commands that reach none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from reconciler.app.declaring import evaluation
from reconciler.cli.asking import Asking
from reconciler.model.facts import Facts, Section
from reconciler.model.names import TargetName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.app.places import Places
    from reconciler.model.desired import Desired
    from reconciler.model.source import Snapshot


def declared(where: Places, snapshot: Snapshot) -> Desired:
    """What a snapshot comes to; facts that it reads are those that the daemon, or the store, knows.

    Raises:
        ConfigError: something is wrong with it.
    """
    facts: dict[TargetName, Facts] = {}
    _, _, load = evaluation(where, os.environ, lambda: facts)
    desired = load(snapshot)
    if desired.waiting:
        facts |= known(where)
    return load(snapshot) if facts else desired


def known(where: Places) -> Mapping[TargetName, Facts]:
    """What is known of targets: to the daemon, or the store."""
    asking = Asking(where)
    if asking.daemon is None and not where.has_store:
        return {}
    found = asking.get("/v1/facts")["items"]
    return {
        TargetName(one["target"]): Facts({Section(name): value for name, value in one["facts"].items()})
        for one in found
    }
