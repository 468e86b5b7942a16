"""What is not reported as it happens but read when somebody asks: how much of what there is, and since when.

Invariants: nothing is read from the store, and nothing waits for a target. A label is a kind, a reason, a task, a
source, or one of at most `TARGETS` targets; what is left of these is summed up as others.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.api.health import HealthCheck, lives
from reconciler.core.conditions import summarize
from reconciler.core.sharing import SHARDS
from reconciler.engine.loop.workers import WHAT
from reconciler.model import metrics
from reconciler.model.metrics import Family, Metric, Sample, bounded

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon

TARGETS = 1000
"""How many targets have labels of their own."""
ALERTS = 100
"""The same of alerts."""
AT_ONCE = 100
"""How many instances are counted before others have their turn."""


async def gauges(checks: Sequence[HealthCheck], daemon: Daemon) -> list[Family]:
    """Of all metrics of `READ`; what was found of the health of the daemon is one of them."""
    return [
        *_work(daemon),
        *await _resources(daemon),
        *await _targets(daemon),
        *_alerts(daemon),
        *_sharing(daemon),
        *_self(checks, daemon),
    ]


def _one(metric: Metric, value: float, *labels: str) -> Family:
    return Family(metric, [Sample(labels, value)])


def _many(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    return Family(metric, [Sample(labels, value) for labels, value in samples])


def _work(daemon: Daemon) -> list[Family]:
    load = daemon.controller.load
    return [
        _one(metrics.QUEUE_DEPTH, load.depth, WHAT),
        _one(metrics.QUEUE_DELAYED, load.delayed, WHAT),
        _one(metrics.UNFINISHED_WORK, sum(load.under_way), WHAT),
        _one(metrics.LONGEST_WORK, max(load.under_way, default=0.0), WHAT),
        _one(metrics.ACTIVE_WORKERS, len(load.under_way), WHAT),
        _one(metrics.MOST_WORKERS, load.most, WHAT),
    ]


async def _resources(daemon: Daemon) -> list[Family]:
    """Of what is in force. Without what an answer about each would say besides: there may be ten thousand."""
    by_reason: Counter[tuple[str, ...]] = Counter()
    by_target: Counter[tuple[str, ...]] = Counter()
    controller, share = daemon.controller, daemon.controller.share
    # What others work on they measure.
    declared = {a: one for a, one in controller.in_force.instances.items() if share.has(one.target)}
    known = controller.states()
    label = bounded({instance.target for instance in declared.values()}, TARGETS)
    for number, (address, instance) in enumerate(list(declared.items())):
        if number % AT_ONCE == AT_ONCE - 1:
            await asyncio.sleep(0)
        state = known.get(address)
        summary = summarize(state.conditions if state is not None else ())
        ready = "Unknown" if summary.ready is None else str(summary.ready)
        by_reason[instance.kind, ready, summary.reason.value] += 1
        by_target[label[instance.target], ready] += 1
    return [_many(metrics.RESOURCES, by_reason.items()), _many(metrics.TARGET_RESOURCES, by_target.items())]


async def _targets(daemon: Daemon) -> list[Family]:
    controller = daemon.controller
    label = bounded((name for name in controller.in_force.targets if controller.share.has(name)), TARGETS)
    now = daemon.parts.runtime.now()
    # Of those that have no label of their own: the oldest look, and whether all are connected.
    age: dict[tuple[str, ...], float] = {}
    connected: dict[tuple[str, ...], float] = {}
    for name, own in label.items():
        state = controller.targets.get(name)  # type: ignore[call-overload] # a TargetName is a str
        session = float(state is not None and state.connected_since is not None)
        connected[own,] = min(session, connected.get((own,), 1.0))
        if (at := controller.looked_at.get(name)) is not None:  # type: ignore[call-overload]
            age[own,] = max(now - at, age.get((own,), 0.0))
    return [_many(metrics.SESSION, connected.items()), _many(metrics.OBSERVATION_AGE, age.items())]


def _sharing(daemon: Daemon) -> list[Family]:
    share, sharing = daemon.controller.share, daemon.sharing
    return [
        _one(metrics.SHARDS, SHARDS if share.alone else len(share.shards)),
        _one(metrics.MEMBERS, 1 if sharing is None else sharing.members),
        _one(metrics.LEADS, float(share.leads)),
    ]


def _alerts(daemon: Daemon) -> list[Family]:
    known = daemon.alerts.known()
    label = bounded({one.state.name for one in known}, ALERTS)
    values: dict[Metric, Counter[tuple[str, ...]]] = {metric: Counter() for metric in metrics.OF_ALERTS}
    for one in known:
        for metric, value in (
            (metrics.ALERTS_SENT, one.state.sent),
            (metrics.ALERTS_DROPPED, one.state.dropped),
            (metrics.ALERTS_WAITING, one.waiting),
            (metrics.ALERTS_FAILING, one.state.failures),
            (metrics.ALERTS_FIRING, one.firing),
        ):
            values[metric][label[one.state.name],] += value
    return [_many(metric, counted.items()) for metric, counted in values.items()]


def _self(checks: Sequence[HealthCheck], daemon: Daemon) -> list[Family]:
    wrong = daemon.supervisor.health()
    sources = daemon.sources.intakes
    in_force = daemon.controller.in_force.sources
    shown = {name: intake.shown for name, intake in sources.items()}
    return [
        _one(metrics.SUSPENSIONS, len(daemon.controller.suspensions.all())),
        _many(
            metrics.SOURCE_INFO,
            [((name, one.revision), 1.0) for name, one in in_force.items() if name in sources],
        ),
        _many(
            metrics.SOURCE_READY,
            [((name,), float(bool(summarize(one.conditions).ready))) for name, one in shown.items()],
        ),
        _many(metrics.TASK_UP, [((task,), float(task not in wrong)) for task in daemon.supervisor.tasks]),
        _many(
            metrics.CHECK,
            [
                (("livez",), float(not any(check.wrong for check in lives(checks)))),
                (("readyz",), float(not any(check.wrong for check in checks))),
            ],
        ),
        _one(metrics.BUILD_INFO, 1.0, __version__),
    ]
