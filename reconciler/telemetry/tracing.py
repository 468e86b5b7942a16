"""What rounds do, as OpenTelemetry has it: one trace a round, whose id begins with the round's own.

The libraries are an extra, `openfroyo[otel]`, and are imported only where the environment names somebody to send spans
to, as OpenTelemetry's own variables do. Invariant: no span has a value of a manifest, a path or a message in it: it
says what is done, of how many instances of which package, on which target.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

NAMED_BY = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""What names who wants spans."""
FAREWELL = 2000
"""Milliseconds that the last spans get at the end."""

_round: ContextVar[str] = ContextVar("round", default="")


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment names somebody who wants spans."""
    off = (
        environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environ.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not off and any(environ.get(name) for name in NAMED_BY)


def trace_id(reconcile: str) -> int:
    """The id of a round's trace: the round's, and zeros. What is random in it is where samplers look."""
    return int(reconcile.ljust(32, "0")[:32], 16)


class OpenTelemetry:
    """A Tracer that tells OpenTelemetry.

    Args:
        processor: is given the spans; None for one that sends them where the environment says.
        environ: the process's environment.

    Raises:
        UsageError: the libraries are not installed.
    """

    def __init__(self, processor: SpanProcessor | None, environ: Mapping[str, str]) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

            if processor is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

                processor = BatchSpanProcessor(OTLPSpanExporter())
        except ModuleNotFoundError as error:
            raise UsageError(
                f"the environment says where traces go ({' or '.join(NAMED_BY)}), and {error.name} is not installed; "
                "install it: pip install 'openfroyo[otel]', or do without: OTEL_SDK_DISABLED=true"
            ) from error

        class Ids(RandomIdGenerator):
            """Traces have the ids of rounds."""

            def generate_trace_id(self) -> int:
                reconcile = _round.get()
                return trace_id(reconcile) if reconcile else super().generate_trace_id()

        service = environ.get("OTEL_SERVICE_NAME", "froyo")
        resource = Resource.create({"service.name": service, "service.version": __version__})
        self._provider = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("froyo", __version__)

    @contextlib.contextmanager
    def span(self, name: str, /, **about: str | int) -> Iterator[None]:
        """What is done within it; see Tracer. One that fails says by what class of error, and no more."""
        from opentelemetry.trace import Status, StatusCode

        # Of the round alone: what begins beside rounds has a trace of its own.
        token = _round.set(str(about["reconcile"])) if "reconcile" in about else None
        attributes = {f"froyo.{key}": value for key, value in about.items()}
        try:
            with self._tracer.start_as_current_span(
                name, attributes=attributes, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    yield
                except BaseException as error:
                    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                    raise
        finally:
            if token is not None:
                _round.reset(token)

    def close(self) -> None:
        """Send what is left. May take a moment: not to be called on the loop."""
        self._provider.force_flush(FAREWELL)
        self._provider.shutdown()
