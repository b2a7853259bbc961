"""What is called drift is checked when it is said."""

from __future__ import annotations

from typing import Any

import pytest

from weirkeeper.comparison.errors import UnfitColumns, UnusableRule
from weirkeeper.comparison.rule import Rule
from weirkeeper.statistics import FeatureProfile


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"delta": -0.1}, "delta is -0.1; give a PSI from 0 to 10"),
        ({"delta": float("nan")}, "delta is nan"),
        ({"deltas": {"age": 11.0}}, "delta of 'age' is 11"),
        ({"false_alarm": 0.0}, "false_alarm is 0"),
        ({"false_alarm": 0.6}, "false_alarm is 0.6"),
        ({"min_rows": 49}, "min_rows is 49; give at least 50"),
        ({"false_alarms_per_month": 0.1}, "without every"),
        ({"every": "24h"}, "every is given without false_alarms_per_month"),
        ({"false_alarms_per_month": 0.0, "every": "24h"}, "false_alarms_per_month is 0"),
        ({"false_alarms_per_month": 101.0, "every": "24h"}, "false_alarms_per_month is 101"),
        ({"false_alarms_per_month": 1.0, "every": "daily"}, "every is 'daily': write a duration"),
        ({"false_alarms_per_month": 1.0, "every": "0h"}, "every is '0h'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UnusableRule) as refused:
        Rule(**options)
    assert told in str(refused.value)


def test_the_false_alarm_is_shared_among_the_features() -> None:
    assert Rule(false_alarm=0.02).alpha(4) == pytest.approx(0.005)


def test_a_budget_for_a_month_is_shared_among_comparisons_and_features() -> None:
    assert Rule(false_alarms_per_month=3.0, every="1d").alpha(10) == pytest.approx(3.0 / 30 / 10)


def test_the_budget_in_force_is_the_one_that_is_told() -> None:
    assert Rule().to_dict()["falseAlarm"] == 0.01
    monthly = Rule(false_alarms_per_month=1.0, every="24h").to_dict()
    assert (monthly["falseAlarmsPerMonth"], monthly["every"]) == (1.0, "24h")
    assert "falseAlarm" not in monthly


def test_features_are_watched_unless_they_are_left_out() -> None:
    features = [FeatureProfile(name, "numeric", (1,)) for name in ("age", "income")]
    policies = Rule(deltas={"income": 0.3}, ignore=("age",)).policies(features)
    assert [policies[name].watched for name in ("age", "income")] == [False, True]
    assert policies["income"].delta == 0.3
    with pytest.raises(UnfitColumns, match="'incom' in the reference; is it 'income'"):
        Rule(deltas={"incom": 0.3}).policies(features)
