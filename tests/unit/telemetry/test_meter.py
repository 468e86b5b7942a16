"""What is measured is kept in plain numbers, and told as Prometheus reads it."""

import subprocess
import sys

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from reconciler.core.redaction import Redactor
from reconciler.model import metrics
from reconciler.model.evidence import Evidence, by_whom
from reconciler.model.metrics import MEASURED, NOBODY, READ, Family, Metric, Sample, bounded
from reconciler.telemetry.exposition import expose
from reconciler.telemetry.meter import Measures

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


def exposed(families, accept="", redactor=None):
    text, content_type = expose(families, accept, redactor or Redactor())
    parse = openmetrics if "openmetrics" in content_type else classic
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(text.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", "text/plain", OPENMETRICS])
def test_what_was_counted_and_observed_is_told(accept):
    measures = Measures()
    for _ in range(3):
        measures.count(metrics.RECONCILE, "target", "success")
    for value in (0.0005, 0.001, 0.002, 400.0):
        measures.observe(metrics.DRIFT_LATENCY, value, "File")
    found = exposed(measures.families(), accept)
    assert found["froyo_reconcile_total", ("controller", "target"), ("result", "success")] == 3
    bucket = "froyo_drift_latency_seconds_bucket"
    assert found[bucket, ("kind", "File"), ("le", "0.001")] == 2  # a bound is in its bucket
    assert found[bucket, ("kind", "File"), ("le", "0.0025")] == 3
    assert found[bucket, ("kind", "File"), ("le", "300.0")] == 3
    assert found[bucket, ("kind", "File"), ("le", "+Inf")] == 4
    assert found["froyo_drift_latency_seconds_count", ("kind", "File")] == 4
    assert found["froyo_drift_latency_seconds_sum", ("kind", "File")] == pytest.approx(400.0035)
    assert found["process_resident_memory_bytes",] > 0


def test_what_has_no_labels_is_told_before_it_has_happened():
    found = exposed(Measures().families())
    assert found["froyo_loop_lag_seconds_count",] == 0
    assert not any(name == "froyo_reconcile_total" for name, *_ in found)


def test_no_secret_is_a_label_even_where_somebody_has_made_it_one():
    redactor = Redactor()
    redactor.add("hunter22-canary")
    family = Family(metrics.SOURCE_INFO, [Sample(("https://user:hunter22-canary@git/", "r1"), 1.0)])
    text, _ = expose([family], "", redactor)
    assert b"hunter22" not in text
    assert b"[redacted]" in text


def test_labels_are_few_by_their_nature():
    allowed = {"name", "controller", "kind", "cause", "outcome", "by", "result", "ready", "reason"}
    allowed |= {"alert", "target", "source", "revision", "task", "check", "version", "stage", "effect"}
    assert {label for metric in (*MEASURED, *READ) for label in metric.labels} <= allowed


def test_names_are_as_prometheus_wants_them():
    every = [*MEASURED, *READ]
    assert len({metric.name for metric in every}) == len(every)
    for metric in every:
        assert metric.name.startswith("froyo_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.help.endswith(".")
    declared = [one for one in vars(metrics).values() if isinstance(one, Metric)]
    assert set(declared) == set(every)


def test_too_many_targets_share_one_label():
    assert bounded(["c", "a", "b"], 2) == {"a": "a", "b": "b", "c": "others"}


def test_where_nobody_wants_to_know_nothing_happens():
    NOBODY.count(metrics.QUEUE_ADDS, "target")
    NOBODY.observe(metrics.STORE_WRITE, 1.0)


@pytest.mark.parametrize(
    ("evidence", "word"),
    [
        (None, "unknown"),
        (Evidence(), "unknown"),
        (Evidence(command="vim", session="ssh from 10.0.0.9"), "person"),
        (Evidence(command="vim", login="alice"), "person"),
        (Evidence(command="sh", unit="froyo-op-1.service"), "operation"),
        (Evidence(pid=1, unit="cron.service"), "service"),
        (Evidence(pid=1), "process"),
    ],
)
def test_whose_doing_a_change_was_is_one_of_a_few_words(evidence, word):
    assert by_whom(evidence) == word


def test_the_engine_runs_without_the_library():
    program = "import sys, reconciler.engine.loop.controller, reconciler.app.backend, reconciler.api.server\n"
    program += "sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
