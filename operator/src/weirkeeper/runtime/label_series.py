"""Series of what labels said about each revision, made when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as SeriesCollector

from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.performance import estimates

Totals = Mapping[tuple[str, str], Mapping[str, Mapping[str, LabelCounts]]]
"""By namespace and Model, then revision, then segment."""

MOST_PAIRS: Final = 400
"""Pairs of predicted and actual class up to which a revision's confusion is shown."""

_REVISION: Final = ("namespace", "model", "revision")
_SEGMENT: Final = (*_REVISION, "segment")


class Realised:
    """The families of metrics and of their confidence intervals."""

    def __init__(self) -> None:
        names = (*_SEGMENT, "metric")
        self.families = (
            GaugeMetricFamily("weirkeeper_performance", "A metric of the labels that came back.", labels=names),
            GaugeMetricFamily(
                "weirkeeper_performance_low", "Its lower bound: that of a 95 % confidence interval.", labels=names
            ),
            GaugeMetricFamily("weirkeeper_performance_high", "Its upper bound.", labels=names),
        )

    def add(self, labels: tuple[str, ...], counts: LabelCounts) -> None:
        """Add what the labels say; a bound that they do not give is left out."""
        for metric, found in estimates(counts).items():
            for family, number in zip(self.families, (found.value, found.low, found.high), strict=True):
                if number is not None:
                    family.add_metric((*labels, metric), number)


class LabelSeries(SeriesCollector):
    """The series of all Models' labels; `totals` gives the counts."""

    def __init__(self, totals: Callable[[], Totals]) -> None:
        self._totals = totals

    def collect(self) -> Iterator[Metric]:
        """Give every family, also those without samples."""
        rows = CounterMetricFamily(
            "weirkeeper_labels", "Predictions whose label came back, by the revision that predicted.", labels=_SEGMENT
        )
        correct = CounterMetricFamily(
            "weirkeeper_labels_correct", "Those of them whose class was the predicted one.", labels=_SEGMENT
        )
        confusion = CounterMetricFamily(
            "weirkeeper_labels_confusion",
            "Labels by predicted and actual class.",
            labels=(*_REVISION, "predicted", "actual"),
        )
        valued = CounterMetricFamily(
            "weirkeeper_labels_valued", "Predictions whose business value came back.", labels=_SEGMENT
        )
        value = GaugeMetricFamily("weirkeeper_labels_value", "Sum of these values.", labels=_SEGMENT)
        realised = Realised()
        for place, segment, counts in self._counts():
            labels = (*place, segment)
            rows.add_metric(labels, counts.rows)
            if counts.confusion or counts.unlisted:
                correct.add_metric(labels, counts.correct)
            if counts.valued:
                valued.add_metric(labels, counts.valued)
                value.add_metric(labels, counts.total("value"))
            realised.add(labels, counts)
            if not segment and len(counts.confusion) <= MOST_PAIRS:
                for pair, count in counts.confusion.items():
                    confusion.add_metric((*place, *pair), count)
        yield from (rows, correct, confusion, valued, value, *realised.families)

    def _counts(self) -> Iterator[tuple[tuple[str, str, str], str, LabelCounts]]:
        for (namespace, model), revisions in self._totals().items():
            for revision, segments in revisions.items():
                for segment, counts in segments.items():
                    yield (namespace, model, revision), segment, counts
