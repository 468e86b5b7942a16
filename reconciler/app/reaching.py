"""The runtime of a process that reaches targets, the same for the long way and for the short one.

Apart from `assembly`, because the short way must not import what it does not need.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from reconciler.app.places import Places
from reconciler.model.metrics import NOBODY, Meter
from reconciler.outside.calls import Outside
from reconciler.outside.dialing import dial_elsewhere
from reconciler.runtime import NO_TRACER, Runtime, ThreadLanes, Tracer
from reconciler.targets.artifacts import Artifacts
from reconciler.targets.connect import make_connect


def reaching(
    places: Places,
    environ: Mapping[str, str],
    lanes: ThreadLanes,
    artifacts: Artifacts,
    notice: Callable[[str], None] = lambda _text: None,
    meter: Meter = NOBODY,
    tracer: Tracer = NO_TRACER,
) -> Runtime:
    """The world as it is.

    Args:
        places: where things are kept.
        environ: the process's environment.
        lanes: run what would hold the loop up; the caller closes them.
        artifacts: the runner's binaries.
        notice: told what a person should know and no target fails for.
        meter: is told what is measured.
        tracer: is told what rounds do.
    """
    connect = make_connect(
        state=places.state,
        cache=places.cache,
        offload=lanes,
        artifacts=artifacts,
        environ=environ,
        warn=notice,
    )
    return Runtime(
        connect=connect,
        offload=lanes,
        environ=environ,
        outside=Outside(now=time.time),
        outside_of_guests=Outside(now=time.time, directly=dial_elsewhere),
        meter=meter,
        tracer=tracer,
    )
