"""Sequential tests that are valid at every look: e-processes over blocks of two-armed counts.

The stratified conditional process ("sequential Cochran-Mantel-Haenszel") conditions every block on its total of bad
requests, so neither a change of the traffic split nor a base rate that moves in time can move it. Sources: Turner, Ly
and Grünwald, JSPI 2024 (k-sample e-variables); Turner and Grünwald, AISTATS 2023 (stratified counts); Lindon and Malek,
NeurIPS 2022 (conditional tests of error counts); Howard et al. 2021 (mixtures, Ville's inequality).

A process is kept as one sum of log-likelihood ratios for each point of a grid of alternatives; natural logarithms
throughout. A process is at least `log(1/a)` at any time with probability at most `a` while its null hypothesis holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

UPPER_GRID = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
"""Alternatives above the null, as factors of its odds ratio: "the candidate is worse"."""

LOWER_GRID = (0.8, 0.67, 0.5, 0.33, 0.2, 0.1, 0.05)
"""Alternatives below the null, as factors of its odds ratio: "the candidate is not that much worse"."""


class Block(NamedTuple):
    """Requests of both arms in one slot: how many were bad, out of how many."""

    candidate_bad: int
    candidate: int
    stable_bad: int
    stable: int


def relative_log_ratios(block: Block, null: float, grid: Sequence[float]) -> Floats:
    """Compare alternatives `null * grid` of the odds ratio with `null` on one block.

    Given the block's total of bad requests, the candidate's share of them follows Fisher's noncentral hypergeometric
    distribution. A block with an empty arm, or with no bad request (or nothing else), says nothing: zeros.
    Returns one log-likelihood ratio a grid point.
    """
    total_bad = block.candidate_bad + block.stable_bad
    if block.candidate == 0 or block.stable == 0 or total_bad == 0:
        return np.zeros(len(grid))
    log_odds = np.log(np.concatenate(([null], null * np.asarray(grid, dtype=np.float64))))
    least = max(0, total_bad - block.stable)
    steps = np.arange(min(total_bad, block.candidate) - least + 1, dtype=np.float64)
    terms = _log_hypergeometric(block, least)[None, :] + log_odds[:, None] * steps[None, :]
    seen = block.candidate_bad - least
    log_probabilities = terms[:, seen] - _log_sum_exp_rows(terms)
    return np.asarray(log_probabilities[1:] - log_probabilities[0], dtype=np.float64)


def _log_hypergeometric(block: Block, least: int) -> Floats:
    """Sum up the logarithms of C(n_c, j) C(n_s, K - j), relative to the least possible j, for every possible j."""
    total_bad = block.candidate_bad + block.stable_bad
    j = np.arange(least, min(total_bad, block.candidate), dtype=np.float64)
    rises = (block.candidate - j) * (total_bad - j) / ((j + 1.0) * (block.stable - total_bad + j + 1.0))
    return np.concatenate(([0.0], np.cumsum(np.log(rises))))


def _log_sum_exp_rows(terms: Floats) -> Floats:
    highest = terms.max(axis=1)
    return np.asarray(highest + np.log(np.exp(terms - highest[:, None]).sum(axis=1)), dtype=np.float64)


def absolute_log_ratios(bad: float, requests: float, null: float, grid: Sequence[float]) -> Floats:
    """Compare bad shares, whose odds are `grid` times those of `null` (0 < null < 1), with `null` itself.

    Parts of requests count where they come in bursts. Returns one Bernoulli log-likelihood ratio a grid point.
    """
    factors = np.asarray(grid, dtype=np.float64)
    # Written so that nothing cancels where nearly none or nearly all are bad.
    gained = bad * np.log(factors) - requests * np.log1p((factors - 1.0) * null)
    return np.asarray(gained, dtype=np.float64)


def log_e(log_sums: Sequence[float] | Floats) -> float:
    """Mix the grid's points with equal weights into one log e-value. No points (nothing started) are an E of 1."""
    if len(log_sums) == 0:
        return 0.0
    return log_sum_exp(log_sums) - math.log(len(log_sums))


def log_sum_exp(terms: Sequence[float] | Floats) -> float:
    """Add numbers given by their logarithms."""
    # So few terms are added faster without arrays.
    values = terms.tolist() if isinstance(terms, np.ndarray) else terms
    highest = max(values)
    return float(highest + math.log(sum([math.exp(value - highest) for value in values])))


def rounded(values: Sequence[float] | Floats) -> tuple[float, ...]:
    """Round sums to what is kept in a status, so that what was read back equals what was written."""
    return tuple(round(float(value), 6) for value in values)


def with_another_start(log_sums: Sequence[float] | Floats, points: int) -> Floats:
    """Start one more process (E = 1 at every one of `points` grid points) beside those already summed.

    All processes of a mixture see the same blocks from their start on, so the sum over processes can be kept as one
    number a grid point: R becomes R + 1 here and R * ratio with every block.
    """
    if len(log_sums) == 0:
        return np.zeros(points)
    return np.asarray(np.logaddexp(np.asarray(log_sums, dtype=np.float64), 0.0), dtype=np.float64)


def log_e_of_starts(parts: Sequence[Sequence[float] | Floats], started: int, planned: int) -> float:
    """Mix `planned` processes with equal weights, of which `started` have begun; the others are still at E = 1.

    Each of `parts` holds, a grid point, the logarithm of the sum over the processes of one kind (see
    `with_another_start`). The number of processes must be fixed before the first one starts.
    """
    terms = [log_e(part) for part in parts if len(part) > 0]
    if planned > started:
        terms.append(math.log(planned - started))
    return log_sum_exp(terms) - math.log(planned)


TELLING_BAD = 20
"""So many bad requests tell how they cluster; until then they are taken to come in pairs."""

CAUTIOUS_FACTOR = 2.0


DIGITS = 9
"""Decimals that are kept of the sums, which lie in a status as JSON."""


class Scatter(NamedTuple):
    """How bad requests of one arm scatter from slot to slot, as sums that one more slot can be added to.

    `squares` sums, over pairs of neighbouring slots, the squared difference of their bad shares by 1/n + 1/m, and
    `variances` what that is on average where requests are independent, s(1 - s) of the pair's share s. `largest` is
    the largest square, `beside` the variance of its pair. `last` are bad and all requests of the latest slot; slots
    without a request are left out.
    """

    squares: float = 0.0
    variances: float = 0.0
    bad: int = 0
    largest: float = 0.0
    beside: float = 0.0
    last: tuple[int, int] = (0, 0)

    def with_slot(self, bad: int, requests: int) -> Scatter:
        """Add one slot."""
        if requests == 0:
            return self
        seen = self._replace(bad=self.bad + bad, last=(bad, requests))
        last_bad, last = self.last
        if last == 0:
            return seen
        both, together = last_bad + bad, last + requests
        difference = last_bad / last - bad / requests
        square = round(difference * difference * last * requests / together, DIGITS)
        variance = round(both * (together - both) / (together * (together - 1)), DIGITS)
        largest, beside = max((self.largest, self.beside), (square, variance))
        squares, variances = round(self.squares + square, DIGITS), round(self.variances + variance, DIGITS)
        return seen._replace(squares=squares, variances=variances, largest=largest, beside=beside)

    @property
    def factor(self) -> float:
        """Estimate the dispersion: mean squared successive difference (von Neumann et al. 1941), at least 1.

        What changes slowly, as the share of errors with the time of day, drops out of it. So does one jump: the
        largest difference is left out, for errors that begin and stay are no burst. Dividing a log-likelihood ratio by
        a number of at least 1 that is known before the block keeps the process valid, and makes a burst of one client
        count about as one request.
        """
        variances = self.variances - self.beside
        return max(1.0, (self.squares - self.largest) / variances) if variances > 0.0 else 1.0

    @property
    def cautious_factor(self) -> float:
        """The dispersion to reckon with: not below CAUTIOUS_FACTOR until TELLING_BAD requests were bad."""
        return max(CAUTIOUS_FACTOR if self.bad < TELLING_BAD else 1.0, self.factor)

    def to_json(self) -> list[float]:
        """Write it without names."""
        return [*self[:5], *self.last]

    @classmethod
    def from_json(cls, found: Sequence[float]) -> Scatter:
        """Read what `to_json` wrote. Sums of an operator that kept others are left: the estimate begins anew."""
        if len(found) != SUMS:
            return cls()
        squares, variances, bad, largest, beside, last_bad, last = found
        return cls(
            float(squares), float(variances), int(bad), float(largest), float(beside), (int(last_bad), int(last))
        )


SUMS = len(Scatter().to_json())


TELLING_PAIRS = 8
"""Pairs of neighbouring slots from which on the dispersion between the arms is known well enough."""


class PairedScatter(NamedTuple):
    """How the difference between two arms scatters from slot to slot, as sums that one more slot can be added to.

    What shakes both arms of a slot alike (a busy node, a burst of heavy requests) leaves their difference alone, and a
    difference that stays leaves its changes alone; only what hits one arm by itself remains. The estimate is the mean
    squared successive difference (von Neumann et al. 1941) of the two shares of bad requests, by its binomial variance.
    `squares` and `variances` are sums over `pairs` of neighbouring slots; `difference` and `variance` are those of the
    latest slot, whose number of bad requests counts in `bad`.
    """

    squares: float = 0.0
    variances: float = 0.0
    pairs: int = 0
    bad: int = 0
    difference: float = 0.0
    variance: float = -1.0

    def with_slot(self, block: Block) -> PairedScatter:
        """Add one slot; one in which an arm had no request is left out."""
        if block.candidate == 0 or block.stable == 0:
            return self
        bad = block.candidate_bad + block.stable_bad
        share = bad / (block.candidate + block.stable)
        variance = round(share * (1.0 - share) * (1.0 / block.candidate + 1.0 / block.stable), DIGITS)
        difference = round(block.candidate_bad / block.candidate - block.stable_bad / block.stable, DIGITS)
        if self.variance < 0.0:
            return self._replace(difference=difference, variance=variance, bad=self.bad + bad)
        squares = round(self.squares + (difference - self.difference) ** 2, DIGITS)
        variances = round(self.variances + variance + self.variance, DIGITS)
        return PairedScatter(squares, variances, self.pairs + 1, self.bad + bad, difference, variance)

    def factor(self, until_then: float) -> float:
        """Estimate the dispersion, at least 1; `until_then` is used while too little was seen."""
        if self.pairs < TELLING_PAIRS or self.bad < TELLING_BAD or self.variances == 0.0:
            return until_then
        return max(1.0, self.squares / self.variances)
