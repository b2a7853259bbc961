from __future__ import annotations

import pytest

from weirkeeper.statistics.hysteresis import Hysteresis, lingers


@pytest.mark.parametrize(
    ("needed", "of", "alarms", "begins"),
    [
        (1, 1, [True], True),
        (1, 1, [True, False], False),
        (2, 3, [True], False),
        (2, 3, [True, False, True], True),
        (2, 3, [True, False, False, True], False),
        (2, 3, [True, True, False], False),
        (2, 3, [], False),
        (3, 3, [True, True, True], True),
    ],
)
def test_drift_begins_with_enough_alarms_of_which_the_last_window_is_one(
    needed: int, of: int, alarms: list[bool], *, begins: bool
) -> None:
    assert Hysteresis(needed, of).begins(alarms) is begins


@pytest.mark.parametrize(("needed", "of"), [(0, 1), (3, 2)])
def test_an_impossible_rule_is_refused(needed: int, of: int) -> None:
    with pytest.raises(ValueError, match=f"{needed} alarms in the last {of} windows"):
        Hysteresis(needed, of)


@pytest.mark.parametrize(
    ("debiased", "chance", "delta", "goes_on"),
    [
        pytest.param(0.08, 0.01, 0.1, True, id="above 0.7 of delta"),
        pytest.param(0.06, 0.01, 0.1, False, id="below"),
        pytest.param(0.004, 0.01, 0.0, False, id="no delta: what chance brings about is no drift"),
        pytest.param(0.006, 0.01, 0.0, True, id="no delta: more than half of what chance adds"),
    ],
)
def test_drift_ends_well_below_what_matters(debiased: float, chance: float, delta: float, *, goes_on: bool) -> None:
    assert lingers(debiased, chance, delta) is goes_on
