"""How many requests a Model gets: by its namespace's routers now, else by its attempts on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import unix_seconds
from weirkeeper.plugin.errors import NotFound, PluginError
from weirkeeper.plugin.kubectl import Kubectl

SAMPLE_SECONDS: Final = 10.0
SERIES: Final = "weirkeeper_router_requests_total{"
LEAST_SECONDS: Final = 60.0
"""A step that was shorter tells no rate."""


@dataclass(frozen=True)
class Traffic:
    """Requests a second, and from where that is known."""

    rate: float
    source: str


def traffic_of(kubectl: Kubectl, model: str, sleep: Callable[[float], None] = time.sleep) -> Traffic | None:
    """Ask for a Model's traffic; None where nobody knows it, as of one that does not exist yet.

    Raises:
        PluginError: the cluster does not answer, or refuses that Models are read.
    """
    try:
        found = kubectl.model(model)
    except NotFound:
        return None
    now = _sampled(kubectl, model, sleep)
    return now or recorded((found.get("status") or {}).get("attempts") or ())


def _sampled(kubectl: Kubectl, model: str, sleep: Callable[[float], None]) -> Traffic | None:
    """Read the routers' counters twice; None where we may not, or none counted a request."""
    try:
        routers = [pod["metadata"]["name"] for pod in kubectl.list("pods", "--selector", ROUTERS)]
        first = _answered(kubectl, routers, model)
        sleep(SAMPLE_SECONDS)
        more = _answered(kubectl, routers, model) - first
    except PluginError:
        return None
    source = f"its routers answered {more:.0f} requests in {SAMPLE_SECONDS:.0f} s"
    return Traffic(more / SAMPLE_SECONDS, source) if more > 0 else None


ROUTERS: Final = f"{names.LABEL_COMPONENT}={names.COMPONENT_ROUTER}"


def _answered(kubectl: Kubectl, routers: Sequence[str], model: str) -> float:
    namespace = kubectl.namespace()
    paths = (f"/api/v1/namespaces/{namespace}/pods/{pod}:{names.EVIDENCE_PORT}/proxy/metrics" for pod in routers)
    return sum(requests_in(kubectl("get", "--raw", path), model) for path in paths)


def requests_in(metrics: str, model: str) -> float:
    """Add up the requests of a Model in what a router tells Prometheus."""
    lines = (line for line in metrics.splitlines() if line.startswith(SERIES) and f'model="{model}"' in line)
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def recorded(attempts: Sequence[Mapping[str, Any]]) -> Traffic | None:
    """Tell the rate of the latest step of an attempt that had a weight for a while."""
    for attempt in reversed(attempts):
        ends = [*(step["started"] for step in attempt.get("steps") or ()), attempt.get("ended")]
        spans = list(zip(attempt.get("steps") or (), pairwise(ends), strict=True)) if ends[-1] else []
        for step, (start, end) in reversed(spans):
            seconds = unix_seconds(end) - unix_seconds(start)
            if seconds >= LEAST_SECONDS and step.get("weight") and step.get("requests"):
                rate = step["requests"] / seconds * 100.0 / step["weight"]
                return Traffic(rate, f"step {step['name']} of attempt {attempt['attempt']}")
    return None
