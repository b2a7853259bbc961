"""Series of what servers counted and could not tell before they ended, made when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector as SeriesCollector

from weirkeeper.observe.pods import Loss
from weirkeeper.plan.snapshot import Object

_MODEL: Final = ("namespace", "model")


class LossSeries(SeriesCollector):
    """The series of all Models' losses; `lost` gives them by namespace and Model, `models` those that there are."""

    def __init__(
        self, lost: Callable[[], Mapping[tuple[str, str], Loss]], models: Callable[[], Iterable[Object]]
    ) -> None:
        self._lost = lost
        self._models = models

    def collect(self) -> Iterator[Metric]:
        """Give every family, also those without samples."""
        servers = CounterMetricFamily(
            "weirkeeper_evidence_lost_servers", "Model servers that ended without having drained.", labels=_MODEL
        )
        seconds = CounterMetricFamily(
            "weirkeeper_evidence_lost_seconds",
            "Seconds from when they were asked last until they had ended for sure.",
            labels=_MODEL,
        )
        rows = CounterMetricFamily(
            "weirkeeper_evidence_lost_rows", "Rows that they answered in as much time just before.", labels=_MODEL
        )
        lost = self._lost()
        for model in self._models():
            place = (model["metadata"]["namespace"], model["metadata"]["name"])
            for family, number in zip((servers, seconds, rows), lost.get(place, Loss()), strict=True):
                family.add_metric(place, number)
        yield from (servers, seconds, rows)
