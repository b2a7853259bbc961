"""What others do with the same stream: a pooled test looked at every minute, and rules with thresholds.

Flagger: its documented analysis, an interval of 1m, `threshold: 5`, request-success-rate at least 99 and
request-duration (p99) at most 500 (docs.flagger.app/usage/metrics); failed checks add up over the analysis. Argo
Rollouts: the documented success-rate template, an interval of 5m, `successCondition: result[0] >= 0.95`,
`failureLimit: 3` (argo-rollouts.readthedocs.io/en/stable/features/analysis). Both look at the candidate alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import norm

from bench.gates.rules import Ended
from bench.gates.scenarios import ALPHA, MINUTE, Floats, Scenario
from bench.gates.streams import BEFORE, Arm, Ints, Stream
from weirkeeper.statistics import BINS, upper_edge_us

FLAGGER_SUCCESS, FLAGGER_MILLISECONDS, FLAGGER_THRESHOLD = 0.99, 500.0, 5
ARGO_SUCCESS, ARGO_FAILURE_LIMIT, ARGO_MINUTES = 0.95, 3, 5
FEWEST_BAD = 5
"""Below so many bad requests the normal approximation of the pooled test is not used."""

EDGES = np.array([upper_edge_us(i) / 1000.0 for i in range(BINS - 1)] + [np.inf])
Rule = Callable[[Scenario, Stream], Ended]


def pooled(scenario: Scenario, stream: Stream) -> Ended:
    """Compare shares of all requests so far, one-sided at ALPHA, each minute: bad ones, or above stable's p95."""
    candidate, stable = stream.during
    bad = candidate.bad, stable.bad
    if stable.latency.shape[1]:
        threshold = _bin_at(stream.stable.between(0, BEFORE).latency.sum(axis=0), 0.95)
        bad = candidate.latency[:, threshold + 1 :].sum(axis=1), stable.latency[:, threshold + 1 :].sum(axis=1)
    counts = (np.cumsum(_by(count, MINUTE)).astype(np.float64) for count in (*bad, candidate.requests, stable.requests))
    return _ended(_z(*counts) > norm.ppf(1.0 - ALPHA), scenario, MINUTE)


def _z(candidate_bad: Floats, stable_bad: Floats, candidate: Floats, stable: Floats) -> Floats:
    share = (candidate_bad + stable_bad) / (candidate + stable)
    deviation = np.sqrt(share * (1.0 - share) * (1.0 / candidate + 1.0 / stable))
    difference = candidate_bad / candidate - stable_bad / stable
    usable = (candidate_bad + stable_bad >= FEWEST_BAD) & (deviation > 0.0)
    return np.asarray(np.divide(difference, deviation, out=np.zeros_like(share), where=usable))


def flagger(scenario: Scenario, stream: Stream) -> Ended:
    """Roll back at the fifth failed check of a minute each."""
    candidate, _ = stream.during
    failed = ~(_success(candidate, MINUTE) >= FLAGGER_SUCCESS)
    if candidate.latency.shape[1]:
        slow = [EDGES[_bin_at(counts, 0.99)] > FLAGGER_MILLISECONDS for counts in _by(candidate.latency, MINUTE)]
        failed |= np.array(slow)
    return _ended(np.cumsum(failed) >= FLAGGER_THRESHOLD, scenario, MINUTE)


def argo(scenario: Scenario, stream: Stream) -> Ended:
    """Fail with the fourth failed measurement of five minutes each."""
    candidate, _ = stream.during
    failed = ~(_success(candidate, ARGO_MINUTES * MINUTE) >= ARGO_SUCCESS)
    return _ended(np.cumsum(failed) > ARGO_FAILURE_LIMIT, scenario, ARGO_MINUTES * MINUTE)


PEERS: Mapping[str, Rule] = {"pooled z-test": pooled, "Flagger": flagger, "Argo Rollouts": argo}


def _success(candidate: Arm, slots: int) -> Floats:
    requests, bad = _by(candidate.requests, slots), _by(candidate.bad, slots)
    return np.asarray(np.divide(requests - bad, requests, out=np.full(requests.shape, np.nan), where=requests > 0))


def _by(counts: Ints, slots: int) -> Ints:
    """Sum whole intervals of so many slots up."""
    whole = counts[: counts.shape[0] // slots * slots]
    return np.asarray(whole.reshape(-1, slots, *whole.shape[1:]).sum(axis=1))


def _bin_at(histogram: Ints, quantile: float) -> int:
    return int(np.searchsorted(np.cumsum(histogram), quantile * histogram.sum()))


def _ended(fails: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], scenario: Scenario, slots: int) -> Ended:
    """Fail at the first look that says so; whoever gets through the holds of all steps is promoted."""
    looks = np.flatnonzero(fails)
    last = scenario.slots
    if scenario.group == "limit":
        last = sum(step.slots for step in scenario.steps[:-1]) + scenario.steps[-2].slots
    if looks.size and (looks[0] + 1) * slots <= last:
        return Ended("Fail", int(looks[0] + 1) * slots)
    return Ended("Pass" if scenario.group == "limit" else "Inconclusive", last)
