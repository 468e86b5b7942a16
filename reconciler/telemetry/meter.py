"""Keeps what is reported as it happens, in plain numbers: some hundred nanoseconds for each report.

No library: prometheus-client is there for who asks what was measured (`exposition.py`), and is not imported before.
Invariant: called on the loop alone, so nothing is locked, and what `families` gives is of one moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from reconciler.model.metrics import MEASURED, Family, Metric, Sample


class Measures:
    """A Meter that remembers.

    Args:
        metrics: that are reported to it. Those without labels are there from the beginning, with nothing.
    """

    def __init__(self, metrics: Sequence[Metric] = MEASURED) -> None:
        self._counts: dict[Metric, dict[tuple[str, ...], int]] = {}
        self._observed: dict[Metric, dict[tuple[str, ...], _Histogram]] = {}
        for metric in metrics:
            if metric.kind == "histogram":
                self._observed[metric] = {} if metric.labels else {(): _Histogram(len(metric.buckets))}
            else:
                self._counts[metric] = {} if metric.labels else {(): 0}

    def count(self, metric: Metric, /, *labels: str) -> None:
        """It happened once more."""
        counts = self._counts[metric]
        counts[labels] = counts.get(labels, 0) + 1

    def observe(self, metric: Metric, value: float, /, *labels: str) -> None:
        """It took, or was, so much."""
        histograms = self._observed[metric]
        histogram = histograms.get(labels)
        if histogram is None:
            histogram = histograms[labels] = _Histogram(len(metric.buckets))
        histogram.counts[bisect_left(metric.buckets, value)] += 1
        histogram.sum += value

    def families(self) -> list[Family]:
        """All that was reported until now."""
        counted = [
            Family(metric, [Sample(labels, count) for labels, count in counts.items()])
            for metric, counts in self._counts.items()
        ]
        observed = [
            Family(metric, [Sample(labels, one.sum, tuple(one.counts)) for labels, one in histograms.items()])
            for metric, histograms in self._observed.items()
        ]
        return counted + observed


class _Histogram:
    """How many were in each bucket, and their sum."""

    __slots__ = ("counts", "sum")

    def __init__(self, bounds: int) -> None:
        self.counts = [0] * (bounds + 1)
        self.sum = 0.0
