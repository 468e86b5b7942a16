"""A snapshot to what it declares, on a thread of its own.

Invariant: whatever goes wrong with that is an error of the source: it takes away nothing that is in force, nor what was
in force when the last controller ended, and ends nobody who has it evaluated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from reconciler.errors import ConfigError, FroyoError, Problem, in_words
from reconciler.model.desired import Desired
from reconciler.model.manifests import is_program
from reconciler.model.source import Snapshot, SnapshotGone
from reconciler.runtime import Runtime
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

Load = Callable[[Snapshot], Desired]
"""Evaluates a snapshot. Raises ConfigError or SnapshotGone. It may take a while."""


def lane_of(snapshot: Snapshot) -> str:
    """On which lane a snapshot is evaluated: programs may take their time, and hold up no other source."""
    return f"programs of {snapshot.source}" if any(map(is_program, snapshot.files)) else "config"


async def evaluated(load: Load, snapshot: Snapshot, runtime: Runtime) -> Desired:
    """What a snapshot declares.

    Raises:
        ConfigError: it does not evaluate.
        SnapshotGone: it has moved on before it was read.
    """
    try:
        return await runtime.offload(lane_of(snapshot), partial(load, snapshot))
    except (FroyoError, SnapshotGone):
        raise
    except Exception as error:
        log.exception("a source cannot be evaluated; this is a defect", source=snapshot.source)
        message = f"froyo fails to evaluate {snapshot.revision}, which is a defect of it: {in_words(error)}"
        raise ConfigError([Problem("", 0, 0, message, "the daemon's log says where")]) from error
