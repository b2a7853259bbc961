"""Shares that are out of order against their limits: what alarms, what does not, and how often by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import ReferenceProfile
from weirkeeper.statistics.fisher import binomial_sf
from weirkeeper.statistics.quality import Kind, QualityFinding, columns_of, quality

RANDOM = np.random.default_rng(7)
INCOME = RANDOM.normal(50_000, 10_000, 4000)
INCOME[:400] = np.nan
PROFILE = ReferenceProfile.from_columns(
    {"income": INCOME, "age": RANDOM.normal(40, 10, 4000), "plan": RANDOM.choice(["a", "b"], 4000)}, {}
)
COLUMNS = columns_of(PROFILE.features)
LIMITS: dict[Kind, float] = {"missing": 0.05, "unseen": 0.01, "outOfRange": 0.01, "invalid": 0.0}


def tally(rows: int, bins: int = 1, **kinds: int) -> dict[str, Any]:
    names = ("missing", "invalid", "unseen", "posInf", "negInf", "sum", "outOfRange")
    counts = {**dict.fromkeys(names, 0), **kinds}
    return {"counts": [rows - counts["missing"] - counts["invalid"] - counts["unseen"], *[0] * (bins - 1)], **counts}


def found(name: str, kind: Kind, rows: int = 1000, **kinds: int) -> QualityFinding:
    judged = quality({name: COLUMNS[name]}, {name: tally(rows, **kinds)}, LIMITS, 1e-5)
    return next(one for one in judged if one.kind == kind)


@pytest.mark.parametrize(
    ("name", "kind", "count", "above"),
    [
        ("age", "missing", 50, False),
        ("age", "missing", 60, False),
        ("age", "missing", 90, True),
        ("income", "missing", 150, False),
        ("income", "missing", 220, True),
        ("plan", "unseen", 10, False),
        ("plan", "unseen", 30, True),
        ("age", "outOfRange", 10, False),
        ("age", "outOfRange", 30, True),
        ("age", "invalid", 0, False),
        ("age", "invalid", 1, True),
    ],
)
def test_a_share_is_bad_that_is_surely_above_its_limit_and_what_the_reference_had(
    name: str, kind: Kind, count: int, *, above: bool
) -> None:
    assert found(name, kind, **{kind: count}).above is above


def test_what_is_bad_comes_first_and_is_told_in_percent() -> None:
    counts = {"income": tally(1000), "age": tally(1000, missing=400), "plan": tally(1000, 3)}
    worst = quality(COLUMNS, counts, LIMITS, 1e-5)[0]
    assert (worst.name, worst.kind, worst.above) == ("age", "missing", True)
    assert worst.told == "age: 40 % missing (limit 5.0 %)"


def test_what_was_bad_lingers_until_it_is_well_below() -> None:
    assert [found("age", "missing", missing=count).lingers for count in (30, 36, 60)] == [False, True, True]


def test_rows_in_bursts_count_as_fewer() -> None:
    slots = [{"age": tally(100, missing=90 if number == 3 else 0)} for number in range(12)]
    whole = {"age": tally(1200, missing=90)}
    alone = quality({"age": COLUMNS["age"]}, whole, LIMITS, 1e-3)[0]
    together = quality({"age": COLUMNS["age"]}, whole, LIMITS, 1e-3, slots)[0]
    assert (alone.above, together.above) == (True, False)
    assert together.p_value > alone.p_value


def test_columns_without_counts_and_windows_without_rows_say_nothing() -> None:
    assert quality(COLUMNS, {}, LIMITS, 1e-5) == ()
    assert quality(COLUMNS, {"age": tally(0)}, LIMITS, 1e-5) == ()


def test_false_alarms_are_no_oftener_than_was_allowed() -> None:
    """A true share of exactly the limit, 4,000 windows, one alarm in a hundred allowed."""
    hits = np.random.default_rng(3).binomial(1000, 0.05, 4000)
    p_values = {int(one): found("age", "missing", missing=int(one)).p_value for one in np.unique(hits)}
    assert 0.0 < np.mean([p_values[int(one)] < 0.01 for one in hits]) <= 0.0125


def test_the_binomial_tail_is_that_of_the_reference_values() -> None:
    """scipy.stats.binom.sf(15, 500, 0.01)."""
    assert binomial_sf(16, 500, 0.01) == pytest.approx(6.14585658159338e-05, rel=1e-9)
    assert binomial_sf(3, 10, 0.5) == pytest.approx(0.9453125)
    assert (binomial_sf(0, 10, 0.5), binomial_sf(1, 10, 0.0), binomial_sf(4, 4, 1.0)) == (1.0, 0.0, 1.0)
    assert binomial_sf(10, 10, 0.5) == pytest.approx(0.5**10)
