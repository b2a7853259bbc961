"""Tables in memory say the same, whichever library they are of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import weirkeeper
from tests.unit.comparison.people import people
from weirkeeper.comparison import tables
from weirkeeper.comparison.errors import ComparisonError, UnfitColumns, UnreadableRows
from weirkeeper.comparison.result import Comparison
from weirkeeper.comparison.rows import BATCH_ROWS

REFERENCE = people(2000, 1)
CURRENT = people(1500, 2, poorer=0.5, north=0.3)


def told(result: Comparison) -> list[tuple[object, ...]]:
    return [(one.name, one.state, one.psi, one.missing) for one in result.features]


EXPECTED = told(weirkeeper.drift(REFERENCE, CURRENT))


def arrays(frame: pd.DataFrame) -> dict[str, Any]:
    return {str(name): frame[name].to_numpy() for name in frame.columns}


def structured(frame: pd.DataFrame) -> Any:
    return frame.assign(region=frame["region"].astype(object)).to_records(index=False)


@pytest.mark.parametrize("rows_at_once", [100, BATCH_ROWS])
@pytest.mark.parametrize(
    "made",
    [
        lambda frame: frame.astype({"region": "category", "age": "Int32", "member": "boolean"}),
        lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
        lambda frame: frame.set_index(pd.Index(np.arange(len(frame)) * 3, name="row")),
        pl.DataFrame,
        lambda frame: pl.DataFrame(frame).with_columns(
            pl.col("region").cast(pl.Categorical), pl.col("age").cast(pl.UInt8)
        ),
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False).to_reader(),
        arrays,
        structured,
    ],
    ids=[
        "pandas-nullable",
        "pandas-arrow",
        "pandas-index",
        "polars",
        "polars-small",
        "arrow",
        "stream",
        "arrays",
        "records",
    ],
)
def test_a_table_says_what_the_plain_frame_says(made: Any, rows_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", rows_at_once)
    assert told(weirkeeper.drift(made(REFERENCE), made(CURRENT))) == EXPECTED
    assert told(weirkeeper.drift(REFERENCE, made(CURRENT))) == EXPECTED


def test_a_matrix_has_numbered_columns() -> None:
    matrix = REFERENCE[["age", "visits"]].to_numpy()
    result = weirkeeper.drift(matrix, matrix[:600])
    assert sorted(one.name for one in result.features if not one.joint) == ["input[0]", "input[1]"]
    assert result.state == "OK"


def test_decimals_and_columns_of_nothing_are_numbers() -> None:
    numbers = pl.DataFrame({"price": np.arange(600) % 50, "never": [None] * 600}).with_columns(
        pl.col("price").cast(pl.Decimal(10, 2))
    )
    result = weirkeeper.drift(numbers, numbers)
    assert result.state == "OK"
    states = {one.name: (one.state, one.missing) for one in result.features}
    assert states == {"price": ("OK", 0.0), "never": ("Insufficient", 1.0)}


def test_whole_numbers_that_lack_some_are_still_counted_by_value() -> None:
    frame = pd.DataFrame({"rooms": pd.Series([1, 2, 3, None] * 300, dtype="Int64")})
    assert weirkeeper.drift(frame, frame).profile.features[0].type == "discrete"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (17, "is a int; give a path"),
        (np.arange(600), "array of shape \\(600,\\); give a matrix"),
        ({"x": [1], "y": [1, 2]}, "columns of shapes"),
        ({}, "columns of shapes {}"),
        (pd.DataFrame({1: [2]}), "column 1 of the reference has a name that is no string"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "column 'x' is there twice"),
        (pd.DataFrame({"x": [1, "one"]}), "a column that is not of one type: .*column x"),
        ({"x": np.array([1, "one"], dtype=object)}, "a column that is not of one type"),
        (pl.Series("x", [1, 2]), "is a Series without columns: .*give a path"),
        (pd.DataFrame({"x": [1 + 2j]}), "not of one type: Unsupported numpy type"),
        (pd.DataFrame({"x": [[1]]}), "'x' of the reference holds list"),
    ],
)
def test_what_is_no_table_is_refused(given: Any, told: str) -> None:
    with pytest.raises((UnreadableRows, UnfitColumns), match=told):
        weirkeeper.drift(given, CURRENT.assign(x=1))


def test_a_type_that_changes_between_batches_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "BATCH_ROWS", 100)
    frame = pd.DataFrame({"x": pd.Series([1] * 500 + ["one"] * 500, dtype=object)})
    with pytest.raises(ComparisonError, match=r"not of one type: .*Field x has incompatible types"):
        weirkeeper.drift(frame, frame)


def test_moments_are_handed_on_as_moments() -> None:
    """Whether a profile takes them is for the statistics to say; here nothing but the type is looked at."""
    moments = pa.table({"at": [datetime(2026, 1, 1, 12, tzinfo=UTC)] * 3})
    seen = pl.DataFrame({"at": [datetime(2026, 1, 1, 12)] * 3})  # noqa: DTZ001  as files often have it
    for table in (moments, seen):
        rows = tables.table_rows(table, "rows")
        (batch,) = rows.batches(["at"])
        assert np.asarray(batch["at"].to_numpy(zero_copy_only=False)).dtype.kind == "M"
