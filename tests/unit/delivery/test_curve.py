"""How evidence grew: few points, whatever an attempt lasts, with the first and the last among them."""

from __future__ import annotations

from typing import Any

import pytest

from weirkeeper.delivery.curve import MOST, POINTS, SPACING, closed, grown


def said(name: str, fail: float, passing: float) -> dict[str, Any]:
    return {
        "name": name,
        "verdict": "Inconclusive",
        "logEFail": fail,
        "failAt": 5.0,
        "logEPass": passing,
        "passAt": 4.0,
    }


def test_points_are_percent_of_what_suffices() -> None:
    curve = grown(None, [said("errors", -1.0, 2.0), said("labels", 5.0, 0.0)], 12.7)
    assert curve is not None
    assert (curve.gates, curve.points) == (("errors", "labels"), ((12, -20, 50, 100, 0),))


@pytest.mark.parametrize("seconds", [600, 3_600, 86_400])
def test_there_are_few_whatever_it_lasts_and_they_reach_from_end_to_end(seconds: int) -> None:
    curve = None
    for at in range(5, seconds, 5):
        curve = grown(curve, [said("errors", at / 1000, 0.0)], at)
    curve = closed(curve, [said("errors", 5.0, 0.0)], seconds)
    assert curve is not None
    assert POINTS / 2 <= len(curve.points) <= POINTS
    assert (curve.points[0][0], curve.points[-1][:2]) == (5, (seconds, 100))
    assert len(str(curve.points)) < 600


def test_a_point_comes_no_sooner_than_the_spacing() -> None:
    curve = grown(grown(None, [said("errors", 0.0, 0.0)], 5), [said("errors", 1.0, 0.0)], 5 + SPACING - 1)
    assert curve is not None
    assert len(curve.points) == 1


def test_other_gates_begin_anew_and_gates_without_evidence_have_no_curve() -> None:
    curve = grown(grown(None, [said("errors", 0.0, 0.0)], 5), [said("labels", 1.0, 0.0)], 60)
    assert curve is not None
    assert (curve.gates, len(curve.points)) == (("labels",), 1)
    assert grown(None, [{"name": "own", "verdict": "Pass"}], 5) is None


def test_what_is_beyond_all_measure_is_cut() -> None:
    curve = grown(None, [said("errors", 1e9, float("-inf"))], 5)
    assert curve is not None
    assert curve.points == ((5, MOST, 0),)
