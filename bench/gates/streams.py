"""Draw a scenario from a seed: counts of both arms, slot by slot. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from bench.gates.scenarios import SLOT, Client, Floats, Scenario
from weirkeeper.statistics import BINS, upper_edge_us

Ints = npt.NDArray[np.int64]

BEFORE = 120
"""Slots in which stable is alone before an attempt: ten minutes."""

SPREAD = 0.4
SPELL_SECONDS = 20


@dataclass(frozen=True)
class Arm:
    """One revision's requests by slot, `latency` by slot and bin (no bins where a scenario has no durations)."""

    requests: Ints
    bad: Ints
    latency: Ints

    def between(self, first: int, last: int) -> Arm:
        """Cut slots out."""
        return Arm(self.requests[first:last], self.bad[first:last], self.latency[first:last])


@dataclass(frozen=True)
class Stream:
    """Both arms from `BEFORE` slots before the attempt to its end."""

    candidate: Arm
    stable: Arm

    @property
    def during(self) -> tuple[Arm, Arm]:
        """Candidate and stable in the attempt."""
        last = self.stable.requests.size
        return self.candidate.between(BEFORE, last), self.stable.between(BEFORE, last)


def draw(scenario: Scenario, seed: int) -> Stream:
    """Make the same traffic from the same seed."""
    rng = np.random.default_rng([seed, *scenario.name.encode()])
    weights = np.concatenate((np.zeros(BEFORE), scenario.weights))
    seconds = SLOT * (np.arange(weights.size) - BEFORE).astype(np.float64)
    requests = rng.poisson(scenario.rate(seconds) * SLOT)
    client = _of_client(rng, scenario.client, requests, seconds)
    of_client = _divided(rng, scenario.client, client, weights)
    candidate = rng.binomial(requests - client, weights) + of_client[0]
    counts = candidate, requests - candidate
    shares = scenario.candidate_bad or scenario.stable_bad, scenario.stable_bad
    bad = [rng.binomial(count, share(seconds)) for count, share in zip(counts, shares, strict=True)]
    if scenario.cluster > 1:
        bad = _clusters(rng, scenario, requests * scenario.stable_bad(seconds), weights)
        # What comes in a burst comes on top.
        counts = counts[0] + bad[0], counts[1] + bad[1]
    bad = [one + more for one, more in zip(bad, _spells(rng, scenario.client, of_client, seconds), strict=True)]
    pace = np.round(scenario.pace(seconds), 1)
    medians = scenario.medians[::-1] if scenario.medians else (None, None)
    arms = [
        Arm(count, np.minimum(wrong, count), _durations(rng, count, median, pace))
        for count, wrong, median in zip(counts, bad, medians, strict=True)
    ]
    return Stream(*arms)


def _of_client(rng: np.random.Generator, client: Client | None, requests: Ints, seconds: Floats) -> Ints:
    if client is None:
        return np.zeros_like(requests)
    sends = (seconds + rng.integers(client.period)) % client.period < client.on
    return np.where(sends, rng.binomial(requests, client.share), 0)


def _divided(rng: np.random.Generator, client: Client | None, sent: Ints, weights: Floats) -> tuple[Ints, Ints]:
    """What of a client's requests the candidate gets, and what stable."""
    on_candidate = rng.random() < weights
    by_chance = client is not None and not client.sticky
    candidate = rng.binomial(sent, weights) if by_chance else np.where(on_candidate, sent, 0)
    return candidate, sent - candidate


def _spells(
    rng: np.random.Generator, client: Client | None, of_client: tuple[Ints, Ints], seconds: Floats
) -> list[Ints]:
    if client is None or client.spell == 0:
        return [np.zeros_like(sent) for sent in of_client]
    errs = (seconds + rng.integers(client.spell)) % client.spell < SPELL_SECONDS
    return [np.where(errs, rng.binomial(sent, 0.5), 0) for sent in of_client]


def _clusters(rng: np.random.Generator, scenario: Scenario, expected: Floats, weights: Floats) -> list[Ints]:
    clusters = rng.poisson(expected / scenario.cluster)
    of_candidate = rng.binomial(clusters, weights)
    return [scenario.cluster * of_candidate, scenario.cluster * (clusters - of_candidate)]


def _durations(rng: np.random.Generator, requests: Ints, median: float | None, pace: Floats) -> Ints:
    if median is None:
        return np.zeros((requests.size, 0), dtype=np.int64)
    return rng.multinomial(requests, np.array([latency_shares(float(median * one)) for one in pace]))


@cache
def latency_shares(median: float) -> Floats:
    """Tell the probability of each latency bin, for log-normal durations with a median in milliseconds."""
    edges = [math.log(upper_edge_us(i) / 1000 / median) / SPREAD for i in range(BINS - 1)]
    below = np.array([0.5 * math.erfc(-edge / math.sqrt(2)) for edge in edges] + [1.0])
    return np.diff(below, prepend=0.0)
