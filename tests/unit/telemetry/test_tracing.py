"""A round as a trace, with a real OpenTelemetry that keeps its spans in memory."""

import subprocess
import sys
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reconciler.errors import StoreError, UsageError
from reconciler.telemetry.tracing import OpenTelemetry, trace_id, wanted
from tests.unit.engine.stage import file, staged

TO = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


async def traced(stage):
    spans = InMemorySpanExporter()
    await stage.end()
    stage.runtime = replace(stage.runtime, tracer=OpenTelemetry(SimpleSpanProcessor(spans), {}))
    await stage.begin()
    return spans


def tree(spans, trace):
    """Who is within whom, by name."""
    mine = [span for span in spans.get_finished_spans() if span.context.trace_id == trace]
    names = {span.context.span_id: span.name for span in mine}
    return {(span.name, names[span.parent.span_id] if span.parent else None) for span in mine}


@staged
async def test_a_round_that_repairs_is_one_trace_with_the_id_that_its_events_have(stage):
    spans = await traced(stage)
    await stage.declare(file("motd", "hello, canary\n"))
    await stage.settled()
    stage.spoil("motd")
    await stage.settled()
    [repaired] = await stage.events("Repaired")
    reconcile = repaired.data["reconcile"]
    assert tree(spans, trace_id(reconcile)) == {
        ("round", None),
        ("plan", "round"),
        ("read", "plan"),
        ("intent", "round"),
        ("apply", "round"),
        ("verify", "round"),
        ("plan", "verify"),
    }
    [root] = [one for one in spans.get_finished_spans() if one.attributes.get("froyo.reconcile") == reconcile]
    assert root.attributes["froyo.target"] == "m0"
    assert root.resource.attributes["service.name"] == "froyo"
    every = " ".join(one.to_json() for one in spans.get_finished_spans())
    for untold in ("canary", "/srv/motd", "File/motd", "vim"):
        assert untold not in every


@staged
async def test_what_fails_says_by_what_class_of_error_and_no_more(stage):
    spans = await traced(stage)
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.store_fails = StoreError("the disk with /secret/path is full")
    stage.spoil("motd")
    await stage.until(lambda: bool(stage.controller.troubles))
    failed = [one for one in spans.get_finished_spans() if not one.status.is_ok and one.status.description]
    assert {one.status.description for one in failed} == {"StoreError"}
    assert "/secret" not in " ".join(one.to_json() for one in failed)
    stage.store_fails = None
    await stage.settled()


def test_ids_of_traces_are_those_of_rounds():
    assert f"{trace_id('019fd35c2a1b4c5d6e7f80'):032x}" == "019fd35c2a1b4c5d6e7f800000000000"


def test_what_begins_beside_rounds_has_a_trace_of_its_own():
    spans = InMemorySpanExporter()
    tracer = OpenTelemetry(SimpleSpanProcessor(spans), {"OTEL_SERVICE_NAME": "mine"})
    with tracer.span("plan", package="linux.file"):
        pass
    with tracer.span("plan", package="linux.file"):
        pass
    first, second = spans.get_finished_spans()
    assert first.context.trace_id != second.context.trace_id
    assert first.resource.attributes["service.name"] == "mine"
    tracer.close()


@pytest.mark.parametrize(
    ("environ", "is_wanted"),
    [
        ({}, False),
        (TO, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True),
        (TO | {"OTEL_SDK_DISABLED": "true"}, False),
        (TO | {"OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_traces_are_wanted_where_the_environment_says_where_they_go(environ, is_wanted):
    assert wanted(environ) == is_wanted


def test_by_default_they_go_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", TO["OTEL_EXPORTER_OTLP_ENDPOINT"])
    OpenTelemetry(None, TO).close()


def test_without_the_libraries_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UsageError, match=r"openfroyo\[otel\]"):
        OpenTelemetry(None, TO)


def test_nothing_of_it_is_loaded_where_nobody_wants_traces():
    program = (
        "import sys, reconciler.cli.commands.up, reconciler.app.assembly, reconciler.telemetry.tracing\n"
    )
    program += "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
