"""The rows that the load generator sends: held-out ones, and the same ones after a drift."""

import json
from typing import Any, Final

import pandas as pd

from demo.names import DRIFTING_FEATURE
from demo.training import SIZE

SHIFT: Final = 2.0  # standard deviations of the live rows


def drifted(rows: pd.DataFrame) -> pd.DataFrame:
    """Shift one measurement by ``SHIFT`` standard deviations, as a sensor out of calibration would."""
    shift = SHIFT * rows[DRIFTING_FEATURE].std()
    return rows.assign(**{DRIFTING_FEATURE: rows[DRIFTING_FEATURE] + shift})


def datatype(column: str) -> str:
    """Datatype of a column in the Open Inference Protocol."""
    return "BYTES" if column == SIZE else "FP64"


def infer_request(row: pd.Series) -> dict[str, Any]:
    """One row as named columns of the Open Inference Protocol."""
    return {
        "inputs": [
            {"name": str(name), "datatype": datatype(str(name)), "shape": [1], "data": [value]}
            for name, value in row.items()
        ]
    }


def document(rows: pd.DataFrame) -> str:
    """The load generator's input (JSON): names and datatypes of the columns, and the rows of each set."""
    columns = [{"name": name, "datatype": datatype(name)} for name in rows.columns]
    sets = {"live": rows.to_numpy().tolist(), "drifted": drifted(rows).to_numpy().tolist()}
    return json.dumps({"columns": columns, "sets": sets})
