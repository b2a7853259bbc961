"""What a tool says of a scenario, and the file in which it says it. NumPy alone."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.drift.scenarios import Columns, Scenario, scenarios

SECONDS_ALLOWED = "BENCH_SECONDS"
"""The variable with the processor time that a tool may take."""

SPEED_COLUMNS = 30
CAR_LOAN = "car_loan.npz"


class Scores(NamedTuple):
    """By windows and units: `values` are larger the more it drifts, `alarms` the tool's own decision."""

    values: npt.NDArray[np.float64]
    alarms: npt.NDArray[np.bool_]


def joined(scenario: Scenario, of_column: Mapping[str, Scores]) -> Scores:
    """Sum columns up by unit: the largest value, an alarm where any column alarms."""
    units = [[of_column[name] for name in unit] for unit in scenario.units]
    return Scores(
        np.column_stack([np.max([one.values for one in unit], axis=0) for unit in units]),
        np.column_stack([np.any([one.alarms for one in unit], axis=0) for unit in units]),
    )


def peer_windows(scenario: Scenario) -> list[int]:
    """The windows that a tool without a memory looks at: those that tell something about it."""
    return list(scenario.changed) or list(range(min(scenario.windows, scenario.peer_windows)))


def run(tool: str, judge: Callable[[Scenario], Mapping[str, Scores]], folder: Path, *, quick: bool) -> None:
    """Let a tool judge every scenario that it has not judged yet, and keep what it says."""
    for scenario in scenarios(quick=quick):
        if load(folder, tool, scenario.name):
            continue
        began = time.process_time()
        found = judge(scenario)
        save(folder, tool, scenario.name, found)
        print(f"{tool}: {scenario.title} ({time.process_time() - began:.0f} s)", file=sys.stderr, flush=True)


def main(
    tool: str,
    judge: Callable[[Scenario], Mapping[str, Scores]],
    car_loan: Callable[[Path], None],
    speed: Callable[[int], None],
) -> None:
    """Do what the command line asks for: `FOLDER`, `FOLDER quick`, `FOLDER car_loan`, or `speed ROWS`."""
    warnings.simplefilter("ignore")
    if allowed := os.environ.get(SECONDS_ALLOWED):
        resource.setrlimit(resource.RLIMIT_CPU, (int(allowed), int(allowed) + 1))
    if sys.argv[1] == "speed":
        speed(int(sys.argv[2]))
    elif sys.argv[-1] == "car_loan":
        car_loan(Path(sys.argv[1]))
    else:
        run(tool, judge, Path(sys.argv[1]), quick=sys.argv[-1] == "quick")


def read_car_loan(folder: Path) -> tuple[Columns, list[Columns]]:
    """Read the set that NannyML's side kept: the reference, and the windows in their order."""
    with np.load(folder / CAR_LOAN, allow_pickle=True) as kept:
        return kept["reference"].item(), kept["windows"].tolist()


def save(folder: Path, tool: str, scenario: str, found: Mapping[str, Scores]) -> None:
    """Keep what a tool says of a scenario, by method."""
    arrays = {f"{method}.{part}": value for method, one in found.items() for part, value in one._asdict().items()}
    np.savez(folder / f"{tool}-{scenario}.npz", **arrays)


def load(folder: Path, tool: str, scenario: str) -> dict[str, Scores]:
    """Read what a tool said; nothing where it said nothing."""
    path = folder / f"{tool}-{scenario}.npz"
    if not path.exists():
        return {}
    with np.load(path) as arrays:
        methods = {name.rsplit(".", 1)[0] for name in arrays}
        return {method: Scores(arrays[f"{method}.values"], arrays[f"{method}.alarms"]) for method in methods}


def speed_columns(rows: int) -> tuple[Columns, Columns]:
    """A reference and a window of so many rows in 30 columns of numbers."""
    rng = np.random.default_rng(30)
    names = [f"n{column}" for column in range(SPEED_COLUMNS)]
    both = [{name: rng.normal(0, 1, rows) for name in names} for _ in range(2)]
    return both[0], both[1]


def megabytes() -> float:
    """The largest memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(**found: Any) -> None:
    """Tell the program that started this one, on one line of standard output."""
    print(json.dumps(found), flush=True)
