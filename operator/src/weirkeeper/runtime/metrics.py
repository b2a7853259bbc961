"""The operator's own series: what it did, counted here, and what it knows of each Model, read off when asked."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from weirkeeper.kube.keys import Key
from weirkeeper.plan.snapshot import Object

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it so

DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters and gauges of the running process, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconcile_seconds = Histogram(
            "weirkeeper_reconcile_duration_seconds",
            "Time from taking a key to its plan carried out.",
            buckets=DURATIONS,
            registry=self.registry,
        )
        self.errors = Counter(
            "weirkeeper_reconcile_errors_total",
            "Plans that were not carried out, by what went wrong.",
            ["kind"],
            registry=self.registry,
        )
        self._writes = Counter(
            "weirkeeper_writes_total",
            "Writes to the API server, without those of the lease.",
            ["verb", "kind"],
            registry=self.registry,
        )
        self._attempts = Counter(
            "weirkeeper_attempts_total",
            "Attempts to bring a revision to production that ended, by outcome.",
            ["namespace", "model", "outcome"],
            registry=self.registry,
        )
        self._counted: dict[Key, int] = {}
        for kind in ("bug", "transient", "conflict", "invalid"):
            self.errors.labels(kind)

    def wrote(self, verb: str, kind: str) -> None:
        """Count a write."""
        self._writes.labels(verb, kind).inc()

    def gauge(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when asked for."""
        Gauge(name, documentation, registry=self.registry).set_function(read)

    def ended(self, key: Key, model: Object) -> None:
        """Count attempts of a Model that ended since it was seen last; those from before the start count not."""
        attempts = [one for one in model.get("status", {}).get("attempts", ()) if one.get("outcome")]
        latest = max((one["attempt"] for one in attempts), default=0)
        counted = self._counted.setdefault(key, latest)
        for one in attempts:
            if one["attempt"] > counted:
                self._attempts.labels(*key[1:], one["outcome"]).inc()
        self._counted[key] = max(latest, counted)

    def forget(self, key: Key) -> None:
        """Let go of a Model that is no more; what was counted of it stays."""
        self._counted.pop(key, None)
