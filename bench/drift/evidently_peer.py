"""Evidently, in its own environment: `python -m bench.drift.evidently_peer FOLDER [quick|car_loan]`, `… speed ROWS`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.metrics import ValueDrift

from bench.drift.scenarios import Columns, Scenario
from bench.drift.scores import Scores, joined, main, megabytes, peer_windows, read_car_loan, save, say, speed_columns

TOOL = "evidently"
METHOD = "default"


def judge(scenario: Scenario) -> Mapping[str, Scores]:
    """Evidently's default test for every column of every window.

    The test is called by itself: a Report calls the same one, and spends fifty times as long on its pictures.
    """
    reference = scenario.reference_columns()
    found: dict[str, list[tuple[float, bool]]] = {name: [] for name in reference}
    for index in peer_windows(scenario):
        for name, column in scenario.window(index).items():
            found[name].append(_tested(reference[name], column))
    return {METHOD: joined(scenario, {name: _scores(rows) for name, rows in found.items()})}


def _scores(rows: list[tuple[float, bool]]) -> Scores:
    return Scores(np.array([value for value, _ in rows]), np.array([alarm for _, alarm in rows], dtype=bool))


def _tested(reference: Any, live: Any) -> tuple[float, bool]:
    before, now = pd.Series(reference).dropna(), pd.Series(live).dropna()
    kind = "cat" if before.dtype == object else "num"
    test = get_stattest(before, now, kind, None)
    result = test(before, now, kind, None)
    # Of a p-value the smaller is the worse.
    sign = -1.0 if test.default_threshold == 0.05 else 1.0  # noqa: PLR2004  its level of significance
    return sign * float(result.drift_score), bool(result.drifted)


def _reported(reference: Columns, live: Columns) -> list[float]:
    """The same scores, from a Report."""
    before, now = pd.DataFrame(reference), pd.DataFrame(live)
    texts = [name for name in before if before[name].dtype == object]
    definition = DataDefinition(
        numerical_columns=[name for name in before if name not in texts], categorical_columns=texts
    )
    report = Report([ValueDrift(column=name) for name in before])
    both = (Dataset.from_pandas(frame, data_definition=definition) for frame in (now, before))
    return [float(metric["value"]) for metric in report.run(*both).dict()["metrics"]]


def car_loan(folder: Path) -> None:
    """Its bundled-by-NannyML set, window by window."""
    reference, windows = read_car_loan(folder)
    looks = [[_tested(reference[name], window[name]) for name in reference] for window in windows]
    values = np.array([[value for value, _ in look] for look in looks])
    save(folder, TOOL, "car_loan", {METHOD: Scores(values, np.array([[alarm for _, alarm in look] for look in looks]))})


def speed(rows: int) -> None:
    """A Report, as people make it."""
    reference, live = speed_columns(rows)
    before, began = megabytes(), time.process_time()
    _reported(reference, live)
    say(seconds=time.process_time() - began, megabytes=megabytes() - before)


if __name__ == "__main__":
    main(TOOL, judge, car_loan, speed)
