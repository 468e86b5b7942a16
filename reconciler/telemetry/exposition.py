"""What was measured, as Prometheus reads it: text in the classic format, or OpenMetrics for who asks for it.

prometheus-client is imported here and with the first question, not before: a daemon that nobody asks does not carry it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from reconciler.model.metrics import Family

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Exposed

    from reconciler.core.redaction import Redactor


def expose(families: Sequence[Family], accept: str, redactor: Redactor) -> tuple[bytes, str]:
    """What was measured, and what this process takes.

    Args:
        families: what was measured.
        accept: the header of who asks.
        redactor: knows the secrets; no label has one, and should that fail, none leaves here.

    Returns:
        The text, and its content type.
    """
    from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families, redactor))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Families:
    """A collector, as prometheus-client calls it, of what is known already."""

    def __init__(self, families: Iterable[Family], redactor: Redactor) -> None:
        self._families = families
        self._redactor = redactor

    def collect(self) -> Iterator[Exposed]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for family in self._families:
            metric = family.metric
            if metric.kind == "histogram":
                histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                bounds = [*map(str, metric.buckets), "+Inf"]
                for sample in family.samples:
                    buckets = list(zip(bounds, accumulate(sample.counts), strict=True))
                    histogram.add_metric(self._clean(sample.labels), buckets, sample.value)
                yield histogram
                continue
            made = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            single = made(metric.name, metric.help, labels=metric.labels)
            for sample in family.samples:
                single.add_metric(self._clean(sample.labels), sample.value)
            yield single

    def _clean(self, labels: tuple[str, ...]) -> list[str]:
        return [self._redactor.text(label) for label in labels]
