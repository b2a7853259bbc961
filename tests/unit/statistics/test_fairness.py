"""Groups compared: shares, ratios and differences with intervals, and no verdict on groups of few."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.statistics.labelled import classified
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.fairness import FairnessRule, disparity, groups_of
from weirkeeper.statistics.intervals import Share, difference, wilson
from weirkeeper.statistics.labels import LabelCounts

FOUR_FIFTHS = FairnessRule(least_ratio=0.8)


def group(hits: int, missed: int, false: int, right: int) -> LabelCounts:
    """Rows by what was said and what was true, of the classes no and yes."""
    cells = {("yes", "yes"): hits, ("no", "yes"): missed, ("yes", "no"): false, ("no", "no"): right}
    return classified(cells, "yes")


def test_demographic_parity_compares_who_is_given_the_favourable_class() -> None:
    groups = {"f": group(100, 50, 50, 300), "m": group(200, 60, 100, 140)}
    found = disparity(groups, "DemographicParity", FOUR_FIFTHS)
    assert [(one.group, one.share, one.rows) for one in found.groups] == [("f", 0.3, 500), ("m", 0.6, 500)]
    assert (found.groups[0].low, found.groups[0].high) == wilson(Share(150, 500))
    assert found.ratio == pytest.approx(0.5)
    assert found.difference == pytest.approx(0.3)
    assert found.difference_bounds == pytest.approx(difference(Share(300, 500), Share(150, 500)))
    assert found.ratio_bounds[0] < 0.5 < found.ratio_bounds[1] < 0.8
    assert found.state == "Drifting"
    assert found.message == "DemographicParity: f 30.0 % of 500, m 60.0 % of 500"


def test_equal_opportunity_compares_those_who_deserve_it() -> None:
    groups = {"f": group(90, 60, 0, 500), "m": group(140, 10, 300, 50)}
    found = disparity(groups, "EqualOpportunity", FOUR_FIFTHS)
    assert [(one.share, one.rows) for one in found.groups] == [(0.6, 150), (pytest.approx(140 / 150), 150)]
    assert found.state == "Drifting"
    assert disparity(groups, "EqualOpportunity", FairnessRule(least_rows=151)).state == "Insufficient"


def test_error_compares_who_is_judged_wrong_in_any_number_of_classes() -> None:
    cells = {("x", "x"): 150, ("y", "y"): 100, ("z", "z"): 30, ("z", "x"): 20}
    groups = {"a": classified(cells), "b": classified({**cells, ("z", "x"): 120})}
    found = disparity(groups, "Error", FairnessRule(most_difference=0.1))
    assert found.difference == pytest.approx(120 / 400 - 20 / 300)
    assert found.state == "Drifting"
    assert disparity(groups, "Error", FairnessRule(most_difference=0.3)).state == "OK"


def test_what_is_not_sure_is_no_alarm() -> None:
    groups = {"f": group(40, 20, 20, 40), "m": group(50, 20, 25, 25)}
    found = disparity(groups, "DemographicParity", FairnessRule(least_ratio=0.85))
    assert found.ratio == pytest.approx(0.8)
    assert found.ratio_bounds[1] > 0.85
    assert found.state == "OK"


def test_a_group_of_few_is_told_but_not_compared() -> None:
    groups = {"f": group(100, 50, 50, 300), "m": group(110, 40, 50, 300), "x": group(0, 0, 0, 20)}
    found = disparity(groups, "DemographicParity", FOUR_FIFTHS)
    assert found.state == "OK"
    assert found.ratio == pytest.approx(150 / 160)
    assert found.message.endswith("x 0.0 % of 20 (too few)")
    alone = disparity({"f": groups["f"], "x": groups["x"]}, "DemographicParity", FOUR_FIFTHS)
    assert (alone.state, alone.ratio, alone.ratio_bounds) == ("Insufficient", None, (0.0, 1.0))
    assert "1 of 2 groups have 100 rows" in alone.message


def test_more_groups_make_every_pair_less_sure() -> None:
    two = {"f": group(100, 50, 50, 300), "m": group(200, 60, 100, 140)}
    four = {**two, "x": group(150, 55, 75, 220), "y": group(150, 55, 75, 220)}
    narrow, wide = (disparity(groups, "DemographicParity", FOUR_FIFTHS) for groups in (two, four))
    assert narrow.ratio == wide.ratio
    assert wide.ratio_bounds[0] < narrow.ratio_bounds[0] < narrow.ratio_bounds[1] < wide.ratio_bounds[1]


def test_groups_are_picked_by_their_segment() -> None:
    segments = {"": LabelCounts(), "sex=f": LabelCounts(rows=1), "sex=m": LabelCounts(rows=2), "age=1=2": LabelCounts()}
    assert {name: counts.rows for name, counts in groups_of(segments, "sex").items()} == {"f": 1, "m": 2}
    assert groups_of(segments, "age").keys() == {"1=2"}
    with pytest.raises(StatisticsError, match="only by age, sex; name it in the Model's parameter"):
        groups_of(segments, "region")


def test_what_cannot_be_compared_is_refused() -> None:
    groups = {"f": classified({("a", "b"): 3, ("c", "b"): 2})}
    with pytest.raises(StatisticsError, match="give `positive`"):
        disparity(groups, "DemographicParity", FOUR_FIFTHS)
    assert disparity(groups, "DemographicParity", FOUR_FIFTHS, "a").groups[0].share == 0.6
    with pytest.raises(StatisticsError, match="expected one of DemographicParity, EqualOpportunity, Error"):
        disparity(groups, "Parity", FOUR_FIFTHS)  # type: ignore[arg-type]
    with pytest.raises(StatisticsError, match="are numbers; Error is of classes"):
        disparity({"f": LabelCounts(rows=5, numbered=5)}, "Error", FOUR_FIFTHS)
    with pytest.raises(StatisticsError, match="5 rows of unlisted classes"):
        disparity({"f": LabelCounts(rows=5, unlisted=5)}, "DemographicParity", FOUR_FIFTHS, "a")


cells = st.tuples(*[st.integers(0, 10**7)] * 4)


@settings(deadline=None, max_examples=80)
@example([(0, 0, 0, 1), (0, 0, 0, 1)], "DemographicParity")
@given(st.lists(cells, min_size=0, max_size=4), st.sampled_from(["DemographicParity", "EqualOpportunity", "Error"]))
def test_any_counts_have_bounds_around_what_was_seen(drawn: list[tuple[int, int, int, int]], metric: str) -> None:
    groups = {str(place): group(*counts) for place, counts in enumerate(drawn)}
    found = disparity(groups, metric, FairnessRule(least_rows=1))  # type: ignore[arg-type]
    for bounds, value in ((found.ratio_bounds, found.ratio), (found.difference_bounds, found.difference)):
        assert all(math.isfinite(bound) for bound in bounds)
        assert value is None or bounds[0] - 1e-9 <= value <= bounds[1] + 1e-9
