"""What values of a CSV stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from weirkeeper.comparison.errors import UnfitColumns
from weirkeeper.comparison.written import Mixed, numbers_in, read_column


@pytest.mark.parametrize(
    ("written", "kind", "values"),
    [
        (["1", " 2 ", "007"], "i", [1, 2, 7]),
        (["1", "+2.5", ".5", "1e5", "-Inf"], "f", [1.0, 2.5, 0.5, 1e5, -np.inf]),
        (["9223372036854775808", "1"], "f", [2.0**63, 1.0]),
        (["True", "false", "TRUE"], "b", [True, False, True]),
        (["1", None], "O", [1, None]),
        (["true", None], "O", [True, None]),
        (["a", None, "true"], "O", ["a", None, "true"]),
        (["0x10", "0xff"], "O", ["0x10", "0xff"]),
        ([" a"], "O", [" a"]),
    ],
)
def test_a_column_is_what_all_its_values_are(written: list[str | None], kind: str, values: list[Any]) -> None:
    mixed = Mixed("a.csv")
    column = read_column("x", pa.array(written, pa.string()), mixed)
    mixed.check()
    assert column.dtype.kind == kind
    assert column.tolist() == values


def test_a_column_without_values_is_missing_numbers() -> None:
    column = read_column("x", pa.array([None, None], pa.string()), Mixed("a.csv"))
    assert np.isnan(column).tolist() == [True, True]


def test_a_column_of_numbers_and_text_is_refused_with_what_settles_it() -> None:
    mixed = Mixed("a.csv")
    read_column("ticket", pa.array(["1", "A/5", "2"]), mixed)
    read_column("age", pa.array(["31", "?"]), mixed)
    with pytest.raises(UnfitColumns) as refused:
        mixed.check()
    message = str(refused.value)
    assert "'ticket' (2 numbers, 1 texts such as 'A/5')" in message
    assert "'age' (1 numbers, 1 texts such as '?')" in message
    assert "--text ticket --text age" in message
    assert "--missing WORD" in message


def test_numbers_are_taken_from_among_others() -> None:
    assert numbers_in(pa.array(["1", "2.5"]), boolean=False).tolist() == [1.0, 2.5]
    column = numbers_in(pa.array(["1", " 2 ", "?", None, "0x10"]), boolean=False).tolist()
    assert column[:3] == [1.0, 2.0, "?"]
    assert np.isnan(column[3])
    assert column[4] == "0x10"


@pytest.mark.parametrize(("boolean", "values"), [(True, [1.0, 0.0, 1.0, "?"]), (False, ["true", "False", 1.0, "?"])])
def test_true_and_false_are_numbers_where_the_reference_has_them(boolean: bool, values: list[Any]) -> None:  # noqa: FBT001
    assert numbers_in(pa.array(["true", "False", "1", "?"]), boolean=boolean).tolist() == values
