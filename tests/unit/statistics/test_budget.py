from __future__ import annotations

import pytest

from weirkeeper.statistics.budget import AlarmShare, alarm_share


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("missing", [True, False])
def test_what_the_looks_may_spend_is_the_whole_share(*, ordered: bool, missing: bool) -> None:
    share = AlarmShare(1e-4)
    shift = share.shift(missing=missing) if ordered else 0.0
    shares = share.shares(shift=ordered, missing=missing)
    assert share.missing(judged=missing) + shift + shares == pytest.approx(1e-4)
    assert shares > 0.0


@pytest.mark.parametrize("alpha", [0.0, -0.1, 0.6])
def test_a_probability_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match=f"alpha is {alpha}"):
        AlarmShare(alpha)


def test_conditions_of_a_monitor_share_its_budget() -> None:
    alone = alarm_share(1.0, 3600, 10)
    assert alarm_share(1.0, 3600, 10, conditions=4) == pytest.approx(alone / 4)
