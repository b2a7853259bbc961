"""NannyML, in its own environment: `python -m bench.drift.nannyml_peer FOLDER [quick|car_loan]`, `… speed ROWS`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nannyml
import numpy as np
import pandas as pd

from bench.drift.scenarios import Columns, Scenario
from bench.drift.scores import CAR_LOAN, Scores, joined, main, megabytes, peer_windows, save, say, speed_columns

TOOL = "nannyml"
DEFAULT = "jensen_shannon"
NUMBERS = (DEFAULT, "kolmogorov_smirnov", "wasserstein", "hellinger")
TEXTS = (DEFAULT, "chi2", "l_infinity", "hellinger")
CHUNK = 1000
FEATURES = (
    "car_value", "salary_range", "debt_to_income_ratio", "loan_length", "repaid_loan_on_prev_car",
    "size_of_downpayment", "driver_tenure",
)  # fmt: skip


def judge(scenario: Scenario) -> Mapping[str, Scores]:
    """Every method by every column; the default alone where only false alarms are counted."""
    alone = scenario.group in ("size", "burst")
    reference = scenario.reference_columns()
    windows = [scenario.window(index) for index in peer_windows(scenario)]
    found = _univariate(reference, windows, scenario.rows, *((DEFAULT,),) * 2 if alone else (NUMBERS, TEXTS))
    scores = {method: joined(scenario, of_column) for method, of_column in found.items()}
    if scenario.kind == "gaps":
        scores["missing_values"] = joined(scenario, _missing(reference, windows, scenario.rows))
    if scenario.kind == "table":
        scores["reconstruction"] = _reconstruction(scenario, reference, windows)
    return scores


def _live(windows: list[Columns]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame(window) for window in windows], ignore_index=True)


def _univariate(
    reference: Columns, windows: list[Columns], rows: int, numbers: tuple[str, ...], texts: tuple[str, ...]
) -> dict[str, dict[str, Scores]]:
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(reference), continuous_methods=list(numbers), categorical_methods=list(texts), chunk_size=rows
    )
    found = calculator.fit(pd.DataFrame(reference)).calculate(_live(windows)).filter(period="analysis").to_df()
    methods = dict.fromkeys((*numbers, *texts))
    return {
        method: {name: _scores(found[name][method]) for name in reference if (name, method, "value") in found}
        for method in methods
        if any((name, method, "value") in found for name in reference)
    }


def _scores(found: Any) -> Scores:
    return Scores(found["value"].to_numpy(dtype=float), found["alert"].to_numpy(dtype=bool))


def _missing(reference: Columns, windows: list[Columns], rows: int) -> dict[str, Scores]:
    calculator = nannyml.MissingValuesCalculator(column_names=list(reference), chunk_size=rows)
    calculator.fit(pd.DataFrame(reference))
    found = calculator.calculate(_live(windows)).filter(period="analysis").to_df()
    return {name: _scores(found[name]) for name in reference}


def _reconstruction(scenario: Scenario, reference: Columns, windows: list[Columns]) -> Scores:
    """Its multivariate detector: by how far the error of a table's principal components is off either way."""
    values, alarms = [], []
    live = _live(windows)
    for unit in scenario.units:
        calculator = nannyml.DataReconstructionDriftCalculator(column_names=unit, chunk_size=scenario.rows)
        calculator.fit(pd.DataFrame(reference)[unit])
        both = calculator.calculate(live[unit])
        usual = both.filter(period="reference").to_df()["reconstruction_error"]["value"].mean()
        found = both.filter(period="analysis").to_df()["reconstruction_error"]
        values.append(np.abs(found["value"].to_numpy(dtype=float) - usual))
        alarms.append(found["alert"].to_numpy(dtype=bool))
    return Scores(np.column_stack(values), np.column_stack(alarms))


def car_loan(folder: Path) -> None:
    """Keep its bundled set for the others, and look at it."""
    reference, live, _ = nannyml.load_synthetic_car_loan_dataset()
    before = {name: _plain(reference[name]) for name in FEATURES}
    windows = [
        {name: _plain(live[name].iloc[start : start + CHUNK]) for name in FEATURES}
        for start in range(0, len(live), CHUNK)
    ]
    np.savez(folder / CAR_LOAN, reference=np.array(before, dtype=object), windows=np.array(windows, dtype=object))
    found = _univariate(before, windows, CHUNK, (DEFAULT,), (DEFAULT,))[DEFAULT]
    scores = Scores(*(np.column_stack([getattr(found[name], part) for name in FEATURES]) for part in Scores._fields))
    save(folder, TOOL, "car_loan", {DEFAULT: scores})


def _plain(column: Any) -> Any:
    """NumPy's own types, which every environment can read."""
    if column.dtype.kind in "fiu":
        return column.to_numpy(dtype=float)
    return np.array([None if value is None else str(value) for value in column], dtype=object)


def speed(rows: int) -> None:
    """Its defaults in one chunk of the window, on a reference in ten."""
    reference, live = (pd.DataFrame(columns) for columns in speed_columns(rows))
    before, began = megabytes(), time.process_time()
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference))
    calculator.fit(reference).calculate(live).to_df()
    say(seconds=time.process_time() - began, megabytes=megabytes() - before)


if __name__ == "__main__":
    main(TOOL, judge, car_loan, speed)
