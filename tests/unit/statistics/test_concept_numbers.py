"""Concept drift of regressions told apart: errors by predicted value, of held-out rows and of live ones."""

from __future__ import annotations

import json
import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.statistics.labelled import Floats, erring
from weirkeeper.statistics import ReferenceProfile
from weirkeeper.statistics.concept import concept_drift
from weirkeeper.statistics.errors import ProfileError, StatisticsError
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.labels import LARGEST, LabelCounts
from weirkeeper.statistics.performance import estimates

EDGES = np.exp(0.7 * np.linspace(-1.2, 1.2, 9))


def drawn(rows: int, shift: float = 0.0, size: float = 1.0, side: float = 0.0, seed: int = 61) -> tuple[Floats, Floats]:
    """Predictions of a model that is right on average, with errors of 0.3 of it; `side` is in their deviations."""
    random = np.random.default_rng((seed, rows))
    predicted = np.exp(0.7 * (random.normal(size=rows) + shift))
    return predicted, predicted * (1.0 + 0.3 * (size * random.normal(size=rows) + side))


def counted(predicted: Floats, actual: Floats) -> LabelCounts:
    """Count row by row, as a server does."""
    counts = LabelCounts()
    places = np.searchsorted(EDGES, predicted, side="left")
    for said, was, place in zip(predicted.tolist(), actual.tolist(), places.tolist(), strict=True):
        counts.add_number(said, was, place)
    return counts


HELD_OUT = HeldOut(erring(*drawn(6_000), EDGES))


def test_rows_counted_one_by_one_are_counted_as_all_at_once() -> None:
    rows = drawn(200)
    found, expected = counted(*rows), erring(*rows, EDGES)
    assert found.error_bins.keys() == expected.error_bins.keys()
    for place, one in found.error_bins.items():
        assert one.totals() == pytest.approx(expected.error_bins[place].totals(), rel=1e-12)


def test_other_inputs_are_told_from_another_world() -> None:
    """Values predicted are twice what they were, and so are the errors: all of it explained by the inputs."""
    shifted = concept_drift(HELD_OUT, erring(*drawn(3_000, shift=1.0), EDGES), alpha=0.001)
    assert shifted.state == "OK"
    usual = sum(found.sums["absolute"].total for found in HELD_OUT.labels.error_bins.values()) / 6_000
    assert shifted.realised["MAE"] > 1.6 * usual
    assert shifted.explained["MAE"] == pytest.approx(shifted.realised["MAE"], rel=0.1)
    low, high = shifted.gaps["MAE"]
    assert low < 0.0 < high
    changed = concept_drift(HELD_OUT, erring(*drawn(3_000, shift=1.0, size=1.4), EDGES), alpha=0.001)
    assert changed.state == "Drifting"
    assert changed.gaps["MAE"][0] > 0.0
    assert changed.message.startswith("3000 labelled rows have MAE ")
    assert "where their predictions explain" in changed.message


@pytest.mark.parametrize("side", [-0.4, 0.4])
def test_errors_to_one_side_are_seen_whichever_it_is(side: float) -> None:
    found = concept_drift(HELD_OUT, erring(*drawn(2_000, side=side), EDGES), alpha=0.001)
    assert found.state == "Drifting"
    assert math.copysign(1.0, found.realised["Bias"]) == -math.copysign(1.0, side)
    low, high = found.gaps["Bias"]
    assert low * high > 0.0


def test_what_is_tolerated_is_not_called_drift() -> None:
    live = erring(*drawn(20_000, size=1.06), EDGES)
    assert concept_drift(HELD_OUT, live, alpha=0.01, tolerated=1.0).state == "Drifting"
    assert concept_drift(HELD_OUT, live, alpha=0.01).state == "OK"


def test_a_design_effect_makes_it_slower_to_judge() -> None:
    live = erring(*drawn(1_000, side=0.3), EDGES)
    alone, clustered = (concept_drift(HELD_OUT, live, alpha=0.001, design_effect=one) for one in (1.0, 4.0))
    assert (alone.state, clustered.state) == ("Drifting", "OK")
    few = concept_drift(HELD_OUT, erring(*drawn(60), EDGES), alpha=0.001, design_effect=2.0)
    assert (few.state, few.message) == ("Insufficient", "60 labelled and 6000 held-out rows; 100 and 50 are needed")


def test_what_is_lacking_is_told() -> None:
    found = concept_drift(HELD_OUT, LabelCounts(rows=5), alpha=0.01)
    assert (found.state, found.message) == ("Insufficient", "no label of a regression's prediction came back")
    found = concept_drift(None, counted(*drawn(60)), alpha=0.01)
    assert "no held-out rows with scores or errors" in found.message


def test_one_bin_and_equal_predictions_are_judged() -> None:
    same, random = np.full(400, 2.0), np.random.default_rng(62)
    held = HeldOut(erring(same, same + random.normal(size=400), EDGES))
    assert concept_drift(held, erring(same, same + random.normal(size=400), EDGES), alpha=0.001).state == "OK"
    assert concept_drift(held, erring(same, same + 1.0, EDGES), alpha=0.001).state == "Drifting"
    right = HeldOut(erring(same, same, EDGES))
    assert concept_drift(right, erring(same, same, EDGES), alpha=0.001).state == "OK"
    assert concept_drift(right, erring(same, same + 1.0, EDGES), alpha=0.001).state == "Drifting"


def test_parts_add_up_to_the_last_bit_in_any_order() -> None:
    parts = [drawn(40, seed=seed) for seed in range(3)]
    together = counted(*(np.concatenate(side) for side in zip(*parts, strict=True)))
    for order in permutations(parts):
        merged = LabelCounts()
        for part in order:
            merged.merge(LabelCounts.from_json(json.loads(json.dumps(counted(*part).to_json()))))
        assert merged == together
        assert merged.to_json() == together.to_json()
    assert together.size > 7 * len(together.error_bins)


numbers = st.one_of(st.floats(-LARGEST, LARGEST), st.sampled_from([0.0, 5e-324, -5e-324, 1e-300, LARGEST, 1.0]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(numbers, numbers, st.integers(0, 3)), min_size=1, max_size=12))
def test_numbers_of_any_size_give_finite_answers(drawn: list[tuple[float, float, int]]) -> None:
    held, live = LabelCounts(), LabelCounts()
    for counts, times in ((held, 30), (live, 60)):
        for predicted, actual, place in drawn * times:
            counts.add_number(predicted, actual, place)
    found = concept_drift(HeldOut(held), live, alpha=0.01)
    assert found.state in ("OK", "Insufficient")
    told = [*found.realised.values(), *found.explained.values(), *(end for gap in found.gaps.values() for end in gap)]
    assert all(map(math.isfinite, told))


def test_held_out_errors_come_back_as_they_were_written() -> None:
    profile = ReferenceProfile.from_columns({"x": np.arange(50.0)}, {})
    written = json.loads(json.dumps(profile.to_json() | {"heldOut": HELD_OUT.to_json()}))
    read = ReferenceProfile.from_json(written).held_out
    assert read is not None
    assert read.labels == HELD_OUT.labels
    for place, count in (("256", 3), ("1", -3), ("1", 2.5)):
        broken = json.loads(json.dumps(written))
        broken["heldOut"]["labels"]["errorBins"] = {place: {"rows": count}}
        with pytest.raises(ProfileError, match="heldOut cannot be read"):
            ReferenceProfile.from_json(broken)


def test_counts_of_nothing_are_refused() -> None:
    live = erring(*drawn(60), EDGES)
    live.rows = 59
    with pytest.raises(StatisticsError, match="60 in error bins"):
        estimates(live)
