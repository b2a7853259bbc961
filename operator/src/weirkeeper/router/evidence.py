"""What the agent says of its router: the evidence that the operator folds, and the same as Prometheus has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from weirkeeper.api.names import MIRROR, revision_of
from weirkeeper.api.names import arm as arm_of
from weirkeeper.router.counters import Counts, Reading
from weirkeeper.router.memory import Memory
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.traffic import WHOLE

SCHEMA: Final = 1


@dataclass(frozen=True)
class Evidence:
    """One reading of a router. `started` is Envoy's start in Unix seconds; `counts` are since each series began.

    `latency` are requests by bin (statistics.latency) and revision, since Envoy started.
    """

    started: float
    now: float
    acknowledged: Mapping[str, int]
    counts: Mapping[str, Counts]
    active: Mapping[str, int]
    latency: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


def series_counts(memory: Memory, reading: Reading, started: float) -> dict[str, Counts]:
    """The counters of each series since it began."""
    return {
        revision: reading.counts.get(revision, Counts()) - (one.base if one.started == started else Counts())
        for revision, one in memory.series.items()
        if one.base is not None
    }


def acknowledged(memory: Memory, reading: Reading) -> Mapping[str, int]:
    """The decision of each Model that the routes in force carry out."""
    return memory.versions.get(int(reading.version), {}) if reading.version.isdigit() else {}


def document(evidence: Evidence, memory: Memory, options: RouterOptions) -> dict[str, Any]:
    """The answer of GET /evidence."""
    return {
        "schema": SCHEMA,
        "pod": options.pod,
        "envoyStart": evidence.started,
        "now": evidence.now,
        "acknowledged": dict(evidence.acknowledged),
        "clusters": {
            revision: {
                "epoch": memory.series[revision].epoch,
                "total": counts.total,
                "bad": counts.bad,
                "failed": counts.failed,
                "retries": counts.retries,
                "active": evidence.active.get(revision, 0),
                "latency": {str(i): count for i, count in sorted(evidence.latency.get(revision, {}).items())},
            }
            for revision, counts in evidence.counts.items()
        },
    }


def metrics(evidence: Evidence, memory: Memory, options: RouterOptions) -> bytes:
    """The answer of GET /metrics, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collected([*_counter_metrics(evidence, options), *_gauge_metrics(evidence, memory, options)]))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = tuple(found)

    def collect(self) -> Iterator[Metric]:
        yield from self._found


def _counter_metrics(evidence: Evidence, options: RouterOptions) -> Iterator[Metric]:
    labels = ["namespace", "model", "revision"]
    requests = CounterMetricFamily(
        "weirkeeper_router_requests", "Requests by their final outcome.", labels=[*labels, "outcome"]
    )
    failed = CounterMetricFamily(
        "weirkeeper_router_failed_requests", "Requests that failed on the server's side.", labels=labels
    )
    retries = CounterMetricFamily("weirkeeper_router_retries", "Further tries of requests.", labels=labels)
    mirrored = CounterMetricFamily(
        "weirkeeper_router_mirrored_requests",
        "Copies of requests by their final outcome, which nobody saw.",
        labels=[*labels, "outcome"],
    )
    for revision, (answered, copies) in sorted(_by_revision(evidence.counts).items()):
        values = [options.namespace, revision.rpartition("-")[0], revision]
        for family, counts in ((requests, answered), (mirrored, copies)):
            family.add_metric([*values, "ok"], counts.total - counts.bad)
            family.add_metric([*values, "bad"], counts.bad)
        failed.add_metric(values, answered.failed)
        retries.add_metric(values, answered.retries)
    yield from (requests, failed, retries, mirrored)


def _by_revision(arms: Mapping[str, Counts]) -> dict[str, tuple[Counts, Counts]]:
    """What each revision answered, and what it answered to copies."""
    found: dict[str, tuple[Counts, Counts]] = {}
    for arm, counts in arms.items():
        revision = revision_of(arm)
        answered, copies = found.get(revision, (Counts(), Counts()))
        is_copy = arm == arm_of(revision, MIRROR)
        found[revision] = (answered, copies + counts) if is_copy else (answered + counts, copies)
    return found


def _gauge_metrics(evidence: Evidence, memory: Memory, options: RouterOptions) -> Iterator[Metric]:
    decision = GaugeMetricFamily(
        "weirkeeper_router_decision", "Decision that is in force on this router.", labels=["namespace", "model"]
    )
    for model, number in evidence.acknowledged.items():
        decision.add_metric([options.namespace, model], number)
    weight = GaugeMetricFamily(
        "weirkeeper_router_weight_ratio",
        "Share of its model's requests that this router sends to the revision.",
        labels=["namespace", "model", "revision"],
    )
    for model, applied in memory.applied.items():
        for revision, share in applied.split:
            weight.add_metric([options.namespace, model, revision], share / WHOLE)
    yield from (decision, weight)
