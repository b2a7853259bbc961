"""Whether it is the system: pods that fail, one that stands out among its like, a dependency that became slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import sqrt
from statistics import median
from typing import Final

from weirkeeper.diagnosis.evidence import HOUR, Dependency, Evidence, Pod
from weirkeeper.diagnosis.findings import Cause, Finding

LEAST_REQUESTS: Final = 20
"""Answers below which a pod is not compared with others."""

SLOWER: Final = 2.0
SLOWER_SECONDS: Final = 0.005
"""A pod stands out that takes so many times as long as the median of the others, and so much longer."""

LEAST_SHARE: Final = 0.01
LEAST_FAILURES: Final = 5
LEAST_ODDS: Final = 3.0
LEAST_Z: Final = 4.0
"""Failures stand out at such a share and number, so many times the odds of the others, so many standard errors away."""

LONGER: Final = 1.5

Stands = Callable[[Sequence[Pod], Sequence[Pod]], bool]
"""Whether the first pods stand out against the others."""


def system(evidence: Evidence) -> Iterator[Finding]:
    """Find what is wrong with how the Model is served."""
    if evidence.not_ready:
        yield Finding("System", f"{evidence.stable or evidence.model} does not serve: {evidence.not_ready}")
    yield from _troubled(evidence)
    yield from _outstanding(evidence, _fails, _failing_told)
    yield from _outstanding(evidence, _slow, _slow_told)
    yield from (_longer(one) for one in evidence.dependencies if one.before and one.now >= LONGER * one.before)
    yield from _at_risk(evidence)


def _troubled(evidence: Evidence) -> Iterator[Finding]:
    """Pods that are not ready, or ended within the hour; on one node, where other nodes have healthy ones."""
    recent = evidence.now - HOUR
    bad = [pod for pod in evidence.pods if pod.trouble and (not pod.ready or (pod.ended or 0.0) >= recent)]
    if not bad:
        return
    healthy = {pod.node for pod in evidence.pods if pod not in bad}
    nodes = {pod.node for pod in bad}
    told = "; ".join(f"{pod.name}: {pod.trouble}" for pod in bad[:3])
    if len(bad) > 1 and len(nodes) == 1 and healthy - nodes and not healthy & nodes:
        (node,) = nodes
        yield Finding("System", f"All pods on node {node} are in trouble, and none elsewhere: {told}.", node)
    else:
        count = f"{len(bad)} of {len(evidence.pods)} pods {'is' if len(bad) == 1 else 'are'} in trouble"
        yield Finding("System", f"{count}: {told}.", bad[0].name if len(bad) == 1 else "")


def _outstanding(evidence: Evidence, stands: Stands, told: Callable[[Sequence[Pod]], str]) -> Iterator[Finding]:
    """The revision, else the node, else the pod that stands out; pods are compared within their revision."""
    pods = [pod for pod in evidence.pods if pod.requests is not None]
    stable = [pod for pod in pods if pod.revision == evidence.stable]
    candidate = [pod for pod in pods if evidence.candidate and pod.revision == evidence.candidate]
    if candidate and stable and stands(candidate, stable):
        yield _of_revision(evidence.candidate, evidence.stable, told(candidate))
        return
    if candidate and stable and stands(stable, candidate):
        yield _of_revision(evidence.stable, evidence.candidate, told(stable))
        return
    for group in (stable, candidate):
        yield from _among(group, stands, told)


def _of_revision(revision: str, other: str, told: str) -> Finding:
    return Finding("Model", f"Revision {revision} stands out against {other}: it {told}.", revision)


def _among(pods: Sequence[Pod], stands: Stands, told: Callable[[Sequence[Pod]], str]) -> Iterator[Finding]:
    out = [pod for pod in pods if stands([pod], [one for one in pods if one is not pod])]
    if not out:
        return
    nodes, elsewhere = {pod.node for pod in out}, {pod.node for pod in pods if pod not in out}
    if len(nodes) == 1 and elsewhere and not nodes & elsewhere:
        (node,) = nodes
        yield Finding("System", f"Node {node} stands out: {out[0].name} on it {told(out)}.", node)
    else:
        yield Finding("System", f"Pod {out[0].name} stands out: it {told(out)}.", out[0].name)


def _fails(some: Sequence[Pod], others: Sequence[Pod]) -> bool:
    """Compare shares of failures, by the score test of two proportions and by their odds."""
    bad, asked = _sums(some)
    other_bad, other_asked = _sums(others)
    if min(asked, other_asked) < LEAST_REQUESTS or bad < max(LEAST_FAILURES, LEAST_SHARE * asked):
        return False
    # Half a request in each cell keeps the odds finite (Haldane 1956).
    odds = (bad + 0.5) * (other_asked - other_bad + 0.5) / ((asked - bad + 0.5) * (other_bad + 0.5))
    pooled = (bad + other_bad) / (asked + other_asked)
    error = sqrt(pooled * (1.0 - pooled) * (1.0 / asked + 1.0 / other_asked))
    return odds >= LEAST_ODDS and bad / asked - other_bad / other_asked >= LEAST_Z * error


def _sums(pods: Sequence[Pod]) -> tuple[int, int]:
    return sum(pod.failed or 0 for pod in pods), sum(pod.requests or 0 for pod in pods)


def _failing_told(pods: Sequence[Pod]) -> str:
    bad, asked = _sums(pods)
    return f"fails {bad:,} of {asked:,} requests, far more than the others"


def _slow(some: Sequence[Pod], others: Sequence[Pod]) -> bool:
    mine, theirs = _paces(some), _paces(others)
    if not mine or not theirs:
        return False
    slow, usual = median(mine), median(theirs)
    return slow >= SLOWER * usual and slow - usual >= SLOWER_SECONDS


def _paces(pods: Sequence[Pod]) -> list[float]:
    return [pod.seconds for pod in pods if pod.seconds is not None and (pod.requests or 0) >= LEAST_REQUESTS]


def _slow_told(pods: Sequence[Pod]) -> str:
    return f"takes {1000.0 * median(_paces(pods)):.0f} ms for an answer on average, far longer than the others"


def _longer(one: Dependency) -> Finding:
    told = f"{one.name} takes {1000.0 * one.now:.0f} ms now, and took {1000.0 * (one.before or 0.0):.0f} ms before"
    return Finding("System", f"A dependency stands out: {told}.", one.name)


def _at_risk(evidence: Evidence) -> Iterator[Finding]:
    """Objectives that are missed, with what can be said of them where no pod stands out."""
    for kind, what in (("AvailabilityAtRisk", "Answers fail"), ("LatencyAtRisk", "Answers are late")):
        if evidence.bad(kind):
            scaled = any(one.kind == "Scaling" for one in evidence.changes)
            more = " Its pods were scaled in the hour before." if scaled else ""
            cause: Cause = "Model" if evidence.began_with_promotion(kind) else "System"
            since = f" It began with the promotion of {evidence.stable}." if cause == "Model" else ""
            yield Finding(
                cause, f"{what} more than the objective allows: {evidence.conditions[kind].message}.{since}{more}"
            )
