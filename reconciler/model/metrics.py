"""What is measured while a controller runs: the one list of it, and the narrow way in which it is reported.

The names are those of controller-runtime and client-go's work queue, under our prefix, so that who knows one dashboard
knows the other. Invariants: every label has few values by its nature (a kind, a cause, a reason), or is bounded where
it is read (a target); no address, no path on a target and no value of a manifest is ever one. Whoever reports does not
know whether anybody listens: `NOBODY` is what everything but a daemon has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets of durations: from what a repair takes to what a package transaction does."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One thing that is measured.

    Attributes:
        name: as it is exposed; a counter's ends in `_total`.
        help: one line for a person.
        labels: names of its labels.
        kind: `counter`, `gauge` or `histogram`.
        buckets: upper bounds, of a histogram.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: str = "counter"
    buckets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """A value that something has right now.

    Attributes:
        labels: the values of the metric's labels.
        value: of a counter or a gauge; the sum of a histogram.
        counts: of a histogram: how many were in each bucket, the last being above all bounds.
    """

    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A metric and all its samples."""

    metric: Metric
    samples: list[Sample] = field(default_factory=list)


class Meter(Protocol):
    """Is told what happens. Called on the loop, and from no other thread; never fails and never waits."""

    def count(self, metric: Metric, /, *labels: str) -> None:
        """It happened once more."""

    def observe(self, metric: Metric, value: float, /, *labels: str) -> None:
        """It took, or was, so much."""


class _Nobody:
    def count(self, _metric: Metric, /, *labels: str) -> None:
        """Nobody wants to know."""

    def observe(self, _metric: Metric, _value: float, /, *labels: str) -> None:
        """Nobody wants to know."""


NOBODY: Meter = _Nobody()


def _seconds(name: str, about: str, *labels: str) -> Metric:
    return Metric(name, about, labels, "histogram", SECONDS)


def _gauge(name: str, about: str, *labels: str) -> Metric:
    return Metric(name, about, labels, "gauge")


# --- The work queue: as client-go has it. Its name is "target", since targets are what is queued ----------------------

QUEUE_ADDS = Metric("froyo_workqueue_adds_total", "How often a target was asked to be looked at.", ("name",))
QUEUE_RETRIES = Metric("froyo_workqueue_retries_total", "Rounds that failed and are tried again.", ("name",))
QUEUE_DURATION = _seconds(
    "froyo_workqueue_queue_duration_seconds", "How long targets waited for a worker.", "name"
)
WORK_DURATION = _seconds("froyo_workqueue_work_duration_seconds", "How long rounds took.", "name")
QUEUE_DEPTH = _gauge("froyo_workqueue_depth", "Targets that wait for a worker.", "name")
QUEUE_DELAYED = _gauge("froyo_workqueue_delayed", "Looks that wait for their time.", "name")
UNFINISHED_WORK = _gauge(
    "froyo_workqueue_unfinished_work_seconds", "How long the rounds under way have taken, together.", "name"
)
LONGEST_WORK = _gauge(
    "froyo_workqueue_longest_running_processor_seconds", "How long the longest of them has taken.", "name"
)

# --- Rounds: as controller-runtime has them ---------------------------------------------------------------------------

RECONCILE = Metric(
    "froyo_reconcile_total",
    "Rounds by what came of them: success, error, or requeue where there was no session.",
    ("controller", "result"),
)
RECONCILE_ERRORS = Metric("froyo_reconcile_errors_total", "Rounds that failed.", ("controller",))
RECONCILE_PANICS = Metric(
    "froyo_reconcile_panics_total", "Rounds that failed for a defect of froyo.", ("controller",)
)
RECONCILE_TIME = _seconds("froyo_reconcile_time_seconds", "How long rounds took.", "controller")
ACTIVE_WORKERS = _gauge("froyo_active_workers", "Rounds under way.", "controller")
MOST_WORKERS = _gauge("froyo_max_concurrent_reconciles", "Rounds that may be under way.", "controller")
RESOURCE_RECONCILE = Metric(
    "froyo_resource_reconcile_total",
    "Resources that were looked at, by what was concluded: success, error, held, or requeue where they wait.",
    ("kind", "result"),
)

# --- What is done, and why --------------------------------------------------------------------------------------------

APPLIES = Metric(
    "froyo_applies_total", "Operations that were begun, by what came of them.", ("kind", "cause", "outcome")
)
DRIFT = Metric(
    "froyo_drift_total",
    "Differences that came about after the resource had been seen in sync, by whose doing it was.",
    ("kind", "by", "outcome"),
)
DRIFT_LATENCY = _seconds(
    "froyo_drift_latency_seconds", "From when a change was heard of until it was right again.", "kind"
)

POLICY_DECISIONS = Metric(
    "froyo_policy_decisions_total",
    "Decisions of policies: allow, ask, deny, or failed where they could not decide.",
    ("stage", "effect"),
)
POLICY_TIME = _seconds("froyo_policy_decision_seconds", "How long policies took to decide.", "stage")

# --- What is known ----------------------------------------------------------------------------------------------------

RESOURCES = _gauge("froyo_resources", "Declared resources by condition.", "kind", "ready", "reason")
TARGET_RESOURCES = _gauge("froyo_target_resources", "Declared resources of a target.", "target", "ready")
OBSERVATION_AGE = _gauge(
    "froyo_observation_age_seconds", "How long ago all of a target was last looked at.", "target"
)
SESSION = _gauge("froyo_target_connected", "Whether there is a session to a target.", "target")
SUSPENSIONS = _gauge("froyo_suspensions", "Suspensions in force.")
SHARDS = _gauge("froyo_shards", "Parts of the targets that this controller works on, of 64.")
MEMBERS = _gauge("froyo_members", "Controllers that share the store with this one, and this one.")
LEADS = _gauge("froyo_leads", "Whether this controller decides what is in force.")
SOURCE_INFO = _gauge(
    "froyo_source_info", "The revision of each source that is in force.", "source", "revision"
)
SOURCE_READY = _gauge("froyo_source_ready", "Whether the newest revision of a source is in force.", "source")

ALERTS_SENT = Metric("froyo_alert_messages_sent_total", "Messages of an alert that were taken.", ("alert",))
ALERTS_DROPPED = Metric(
    "froyo_alert_messages_dropped_total", "Messages of an alert that were given up.", ("alert",)
)
ALERTS_WAITING = _gauge(
    "froyo_alert_messages_waiting", "Messages of an alert that nobody has taken yet.", "alert"
)
ALERTS_FAILING = _gauge(
    "froyo_alert_failures", "How often in a row the first of them was not taken.", "alert"
)
ALERTS_FIRING = _gauge(
    "froyo_alert_firing", "Trouble that an alert has told of and that is not over.", "alert"
)

OF_ALERTS = (ALERTS_SENT, ALERTS_DROPPED, ALERTS_WAITING, ALERTS_FAILING, ALERTS_FIRING)
"""What is read of each alert."""

# --- The daemon itself ------------------------------------------------------------------------------------------------

STORE_WRITE = _seconds("froyo_store_write_duration_seconds", "How long transactions of the store took.")
LOOP_LAG = _seconds("froyo_loop_lag_seconds", "How late the event loop came round, once a second.")
TASK_UP = _gauge("froyo_task_up", "Whether a long task of the daemon lives.", "task")
CHECK = _gauge("froyo_healthy", "Whether a check passes: livez, readyz.", "check")
BUILD_INFO = _gauge("froyo_build_info", "The version of froyo.", "version")

MEASURED = (
    *(QUEUE_ADDS, QUEUE_RETRIES, QUEUE_DURATION, WORK_DURATION),
    *(RECONCILE, RECONCILE_ERRORS, RECONCILE_PANICS, RECONCILE_TIME, RESOURCE_RECONCILE),
    *(APPLIES, DRIFT, DRIFT_LATENCY, POLICY_DECISIONS, POLICY_TIME, STORE_WRITE, LOOP_LAG),
)
"""What is reported as it happens."""

READ = (
    *(QUEUE_DEPTH, QUEUE_DELAYED, UNFINISHED_WORK, LONGEST_WORK, ACTIVE_WORKERS, MOST_WORKERS),
    *(RESOURCES, TARGET_RESOURCES, OBSERVATION_AGE, SESSION, SUSPENSIONS, SOURCE_INFO, SOURCE_READY),
    *(SHARDS, MEMBERS, LEADS),
    *OF_ALERTS,
    *(TASK_UP, CHECK, BUILD_INFO),
)
"""What is read when somebody asks."""


def bounded(values: Iterable[str], limit: int) -> dict[str, str]:
    """A label for each value: its own for the first `limit` of them in order, and `OTHERS` for all that are left."""
    return {value: value if number < limit else OTHERS for number, value in enumerate(sorted(values))}


OTHERS = "others"
"""What is said for all targets of which there are too many to have a label each."""
