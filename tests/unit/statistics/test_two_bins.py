"""Of two bins the likelihood of both shares decides, also where one of them is rare."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.unit.statistics.test_missing import likely, share_at
from weirkeeper.statistics import FeatureDrift, ProfileCounters, ReferenceProfile, assess
from weirkeeper.statistics.distances import effective_size, psi, psi_threshold
from weirkeeper.statistics.missing import Sample, least_root, p_value, roots

KNOWN, RARE, ROWS = 20_000, 1_000, 5_000
ALPHA, DELTA = 1e-6, 0.1


def spent(known: tuple[int, float], new: tuple[int, float], alpha: float, delta: float) -> float:
    """The exact probability of an alarm in either direction, by alpha: rows and true share of both samples."""
    (n, p), (m, q) = known, new
    (before, weights), (now, others) = likely(n, p), likely(m, q)
    one, other = (part.ravel() for part in np.meshgrid(before, now, indexing="ij"))
    before_all, now_all = (Sample(hits, np.full(one.size, float(rows))) for hits, rows in ((one, n), (other, m)))
    found = roots(before_all, now_all, np.full(one.size, delta))
    alarms = (found > 0.0) & (found >= least_root(alpha, effective_size(n, m), delta, more=None))
    return float(np.outer(weights, others).ravel()[alarms].sum() / alpha)


@pytest.mark.parametrize("alpha", [5e-3, 2e-6])
@pytest.mark.parametrize("share", [0.002, 0.05, 0.3])
@pytest.mark.parametrize("rows", [100, 500, 5000])
def test_without_a_change_the_probability_is_kept(rows: int, share: float, alpha: float) -> None:
    assert spent((20_000, share), (rows, share), alpha, 0.0) <= 1.7


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("more", [True, False])
def test_a_change_of_just_delta_keeps_it_too(share: float, *, more: bool) -> None:
    assert spent((20_000, share), (500, share_at(share, 0.1, more=more)), 5e-3, 0.1) <= 1.3


@pytest.mark.parametrize("delta", [0.0, 0.001, 0.1])
@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_the_least_root_is_where_the_p_value_is_alpha(alpha: float, delta: float) -> None:
    assert p_value(least_root(alpha, 800.0, delta, more=None), 800.0, delta, more=None) == pytest.approx(alpha)


def member(hits: int, rows: int = ROWS) -> FeatureDrift:
    """A window of a boolean of which so many are true, against a reference in which few are."""
    profile = ReferenceProfile.from_columns({"member": np.arange(KNOWN) < RARE}, {})
    counters = ProfileCounters(profile)
    counters.ingest({"member": np.arange(rows) < hits}, {})
    (found,) = assess(profile, counters.totals()["inputs"], alpha=ALPHA, delta=DELTA).features
    return found


def test_a_rare_value_drifts_where_the_likelihood_says_so_and_not_where_the_psi_would() -> None:
    alpha, size = member(0).findings[0].alpha, effective_size(KNOWN, ROWS)
    drifting = [hits for hits in range(250) if member(hits).drifting]
    live = Sample(np.arange(250.0), np.full(250, float(ROWS)))
    found = roots(Sample(np.full(250, float(RARE)), np.full(250, float(KNOWN))), live, np.full(250, DELTA))
    assert drifting == [hits for hits, root in enumerate(found) if p_value(root, size, DELTA, more=None) < alpha]
    threshold = psi_threshold(2, size, DELTA, alpha)
    by_psi = [hits for hits in range(250) if psi((KNOWN - RARE, RARE), (ROWS - hits, hits)) > threshold]
    assert 0 < len(drifting) < len(by_psi)


def test_what_is_told_agrees_with_what_is_decided() -> None:
    for hits in (0, 1, 5, 60, 250, 700, 900, 5000):
        found = member(hits)
        finding = found.findings[0]
        assert (finding.look, found.drifting) == ("PSI", finding.value > finding.threshold)
        assert (finding.p_value <= finding.alpha) == found.drifting
        assert math.isfinite(finding.threshold)


def test_values_that_the_reference_never_had_are_a_share_too() -> None:
    profile = ReferenceProfile.from_columns({"one": np.array(["a"] * 3000)}, {})
    for unseen, state in ((0, "OK"), (1, "OK"), (60, "Drifting")):
        counters = ProfileCounters(profile)
        counters.ingest({"one": np.array(["a"] * (500 - unseen) + ["b"] * unseen)}, {})
        (found,) = assess(profile, counters.totals()["inputs"], alpha=ALPHA).features
        assert found.state == state
