"""The Monitor has nothing to report on live rows, and names one feature once they drift: a minute at 200 rows/s."""

import pandas as pd
import pytest

from demo import live_rows, training
from demo.names import DRIFTING_FEATURE
from demo.training import Tables
from weirkeeper.statistics import ProfileCounters, ReferenceProfile, WindowReport, alarm_share, assess

ROWS = 12_000
WINDOW = 60.0
FALSE_ALARMS = 0.1  # a month, the Monitor's default


@pytest.fixture(scope="module")
def data() -> Tables:
    return training.tables()


def window(data: Tables, rows: pd.DataFrame, seed: int) -> WindowReport:
    profile = ReferenceProfile.from_columns({str(name): data.train[name].to_numpy() for name in data.train}, {})
    live = rows.sample(ROWS, replace=True, random_state=seed)
    counters = ProfileCounters(profile)
    counters.ingest({str(name): live[name].to_numpy() for name in live}, {})
    alpha = alarm_share(FALSE_ALARMS, WINDOW, len(profile.features))
    return assess(profile, counters.totals()["inputs"], alpha=alpha)


@pytest.mark.parametrize("seed", range(5))
def test_live_rows_are_of_the_population_that_was_learnt_from(data: Tables, seed: int) -> None:
    report = window(data, data.held_out, seed)
    assert report.state == "OK", report.message
    assert report.features[0].severity < 0.5, report.features[0].message


@pytest.mark.parametrize("seed", range(5))
def test_after_the_shift_that_feature_drifts_and_no_other(data: Tables, seed: int) -> None:
    report = window(data, live_rows.drifted(data.held_out), seed)
    assert [feature.name for feature in report.drifting] == [DRIFTING_FEATURE]
    assert report.drifting[0].severity > 2
