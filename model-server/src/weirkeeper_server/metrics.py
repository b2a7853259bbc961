"""What the server counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from weirkeeper_server.core import ModelServer
from weirkeeper_server.counted import Counted, CountedDurations
from weirkeeper_server.counting import OUTCOMES, Durations
from weirkeeper_server.feedback.refusals import REASONS

NAMES = ("model", "revision")


class ServerMetrics(Collector):
    """Reads the counts of a server whenever Prometheus asks; nothing is counted twice."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._labels = [server.identity.model, server.identity.revision]

    def collect(self) -> Iterator[Metric]:
        """Give every series of this process."""
        counted = self._server.counted()
        yield self._running()
        yield self._requests(counted)
        rows = CounterMetricFamily("weirkeeper_server_rows", "Rows answered.", labels=NAMES)
        rows.add_metric(self._labels, counted.rows)
        yield rows
        yield self._durations(counted)
        yield self._input_values(counted)
        yield self._invalid_outputs(counted)
        yield self._feedback()

    def _running(self) -> Metric:
        running = GaugeMetricFamily(
            "weirkeeper_server_info", "1 for the model, revision and version that run.", labels=[*NAMES, "version"]
        )
        running.add_metric([*self._labels, version("weirkeeper")], 1)
        return running

    def _requests(self, counted: Counted) -> Metric:
        requests = CounterMetricFamily(
            "weirkeeper_server_requests",
            "Inference requests by outcome: ok, invalid (the caller's fault) or failed (the server's or the model's).",
            labels=[*NAMES, "outcome"],
        )
        for outcome in OUTCOMES:
            requests.add_metric([*self._labels, outcome], counted.outcomes[outcome])
        return requests

    def _durations(self, counted: Counted) -> Metric:
        durations = HistogramMetricFamily(
            "weirkeeper_server_request_duration_seconds",
            "Time from the arrival of an inference request until its answer.",
            labels=NAMES,
        )
        durations.add_metric(self._labels, buckets(counted.durations), counted.durations.sum)
        return durations

    def _input_values(self, counted: Counted) -> Metric:
        values = CounterMetricFamily(
            "weirkeeper_server_input_values",
            "Values of input features by kind: valid, missing, invalid or unseen in the reference.",
            labels=[*NAMES, "feature", "kind"],
        )
        for feature, totals in counted.split.inputs.items():
            for kind, count in _kinds(totals).items():
                values.add_metric([*self._labels, feature, kind], count)
        return values

    def _invalid_outputs(self, counted: Counted) -> Metric:
        values = CounterMetricFamily(
            "weirkeeper_server_invalid_output_values",
            "Numbers among the outputs that were NaN or infinite.",
            labels=[*NAMES, "output"],
        )
        signature = self._server.signature
        for tensor in signature.outputs if signature else ():
            values.add_metric([*self._labels, tensor.name], counted.invalid_outputs.get(tensor.name, 0))
        return values

    def _feedback(self) -> Metric:
        rows = CounterMetricFamily(
            "weirkeeper_server_feedback_rows",
            "Rows of posted labels: Counted, or the reason for which they were refused; whichever revision answered.",
            labels=[*NAMES, "result"],
        )
        for result in ("Counted", *REASONS):
            rows.add_metric([*self._labels, result], self._server.feedback.results[result])
        return rows


def buckets(counted: CountedDurations) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
    """List upper edges as text with cumulative counts, and exemplars where there are such; `+Inf` last."""
    edges = [*map(str, Durations.EDGES), "+Inf"]
    return [
        (edge, count, Exemplar({"trace_id": last[0]}, last[1], last[2])) if last else (edge, count)
        for edge, count, last in zip(edges, accumulate(counted.counts), counted.exemplars, strict=True)
    ]


def _kinds(totals: Mapping[str, Any]) -> dict[str, int]:
    return {"valid": sum(totals["counts"])} | {kind: totals[kind] for kind in ("missing", "invalid", "unseen")}
