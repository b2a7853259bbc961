"""Files of every kind are read alike, and what is wrong with one is said."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

import weirkeeper
from tests.unit.comparison.people import people
from weirkeeper.comparison import csv_file, sampling
from weirkeeper.comparison.errors import ComparisonError, UnfitColumns, UnreadableRows, UnusableReference, UnusableRule
from weirkeeper.comparison.result import Comparison
from weirkeeper.statistics import ReferenceProfile

REFERENCE = people(3000, 1)
CURRENT = people(2500, 2, poorer=0.5, north=0.3)


def numbers(result: Comparison) -> list[tuple[object, ...]]:
    return [(one.name, one.state, one.psi, one.threshold, one.missing) for one in result.features]


def as_csv(frame: pd.DataFrame, file: Path) -> None:
    frame.to_csv(file, index=False)


def as_gzip(frame: pd.DataFrame, file: Path) -> None:
    file.write_bytes(gzip.compress(frame.to_csv(index=False).encode("utf-8-sig")))


def as_parquet(frame: pd.DataFrame, file: Path) -> None:
    frame.to_parquet(file, row_group_size=700)


@pytest.mark.parametrize("write", [as_csv, as_gzip, as_parquet])
def test_a_file_says_what_its_frame_says(tmp_path: Path, write: Callable[[pd.DataFrame, Path], None]) -> None:
    write(REFERENCE, tmp_path / "reference")
    write(CURRENT, tmp_path / "current")
    told = weirkeeper.drift(tmp_path / "reference", str(tmp_path / "current"))
    assert numbers(told) == numbers(weirkeeper.drift(REFERENCE, CURRENT))
    assert (told.state, told.reference.rows, told.current.rows) == ("Drifting", 3000, 2500)
    assert told.reference.name == str(tmp_path / "reference")


def test_blocks_and_quoted_line_ends_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = CURRENT.assign(region=CURRENT["region"] + "\nof the country")
    as_csv(frame, tmp_path / "current.csv")
    reference = REFERENCE.assign(region=REFERENCE["region"] + "\nof the country")
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 4096)
    assert numbers(weirkeeper.drift(reference, tmp_path / "current.csv")) == numbers(weirkeeper.drift(reference, frame))


@pytest.mark.parametrize("bundle", [False, True])
def test_a_profile_says_what_its_rows_say(tmp_path: Path, bundle: bool) -> None:  # noqa: FBT001
    profile = weirkeeper.drift(REFERENCE, CURRENT).profile
    (tmp_path / "profile.json").write_bytes(profile.to_bytes())
    told = weirkeeper.drift(tmp_path if bundle else tmp_path / "profile.json", CURRENT)
    assert numbers(told) == numbers(weirkeeper.drift(REFERENCE, CURRENT)) == numbers(weirkeeper.drift(profile, CURRENT))


def test_a_long_reference_is_sampled_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling.RowSample.__init__, "__defaults__", (1000, sampling.SEED))
    told = weirkeeper.drift(REFERENCE, CURRENT)
    assert (told.profile.rows, told.reference.rows, told.state) == (1000, 3000, "Drifting")
    assert "the reference is a sample of 1,000 of 3,000 rows" in str(told)


def test_columns_that_are_left_out_are_not_compared() -> None:
    told = weirkeeper.drift(REFERENCE, CURRENT.drop(columns="income"), ignore=["income", "region"])
    assert sorted(one.name for one in told.features if not one.joint) == ["age", "member", "visits"]
    assert not any("income" in one.name for one in told.features)
    assert told.state == "OK"
    profile = weirkeeper.drift(REFERENCE, CURRENT).profile
    assert numbers(weirkeeper.drift(profile, CURRENT, ignore=["income", "region"])) == numbers(told)


def test_a_delta_of_its_own_holds_for_one_column() -> None:
    told = weirkeeper.drift(REFERENCE, CURRENT, deltas={"income": 5.0})
    assert [one.name for one in told.drifting] == ["region"]


def test_codes_are_text_where_that_is_said(tmp_path: Path) -> None:
    codes = pd.DataFrame({"zip": ["00501", "10001", "90210"] * 500})
    as_csv(codes, tmp_path / "a.csv")
    with pytest.raises(UnfitColumns, match=r"or read a CSV reference's column as text \(--text zip\)"):
        weirkeeper.drift(tmp_path / "a.csv", codes)
    told = weirkeeper.drift(tmp_path / "a.csv", codes, text=["zip"])
    assert told.state == "OK"
    assert told.profile.features[0].to_json()["values"] == ["00501", "10001", "90210"]
    with pytest.raises(UnfitColumns, match=r"'zip' is to be read as text, but .* types of their own"):
        weirkeeper.drift(codes, tmp_path / "a.csv", text=["zip"])
    with pytest.raises(UnfitColumns, match=r"no column 'zap' in .*a.csv; is it 'zip'"):
        weirkeeper.drift(tmp_path / "a.csv", codes, text=["zap"])


def test_words_for_missing_values_and_delimiters_are_the_files_own(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x;y\n" + "1;a\n?;b\n2;\n" * 300)
    with pytest.raises(UnreadableRows, match=r"has one column, 'x;y': give .* \(--delimiter ';'"):
        weirkeeper.drift(tmp_path / "a.csv", tmp_path / "a.csv")
    with pytest.raises(UnfitColumns, match="mixes numbers with text in 'x'"):
        weirkeeper.drift(tmp_path / "a.csv", tmp_path / "a.csv", delimiter=";")
    told = weirkeeper.drift(tmp_path / "a.csv", tmp_path / "a.csv", delimiter=";", missing=["?"])
    assert [(one.name, one.missing) for one in told.features] == [("x", 1 / 3), ("y", 1 / 3)]


def test_values_of_another_type_are_counted_apart(tmp_path: Path) -> None:
    lines = ["x", *map(str, range(1000)), *["odd"] * 50]
    (tmp_path / "b.csv").write_text("\n".join(lines))
    told = weirkeeper.drift({"x": np.arange(1000.0)}, tmp_path / "b.csv")
    assert told.to_dict()["features"][0]["invalid"] == 50
    assert "x: 50 values are of another type, and left out" in str(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "Empty CSV"),
        ("x,y\n1,2\n3\n", "Expected 2 columns, got 1"),
        (b"x,y\n1,\xe9\n", "UTF-8"),
        ("x,x\n1,2\n", "column 'x' is there twice"),
        ("x,y\n", "has no rows"),
        (b"PAR1 and nothing else", "is a damaged Parquet file"),
        ("{", "begins as a profile does, but is no JSON"),
        ('{"apiVersion": "profile/v9"}', "apiVersion 'profile/v9', expected 'profile/v1'"),
        ('{"apiVersion": "profile/v1", "features": [{"name": "x"}]}', "feature 'x' cannot be read"),
    ],
)
def test_a_file_that_will_not_do_is_named_with_the_reason(tmp_path: Path, content: str | bytes, told: str) -> None:
    file = tmp_path / "reference"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ComparisonError) as refused:
        weirkeeper.drift(file, REFERENCE.assign(x=1, y=2))
    assert told in str(refused.value)
    assert str(file) in str(refused.value)


def test_a_damaged_file_is_not_half_compared(tmp_path: Path) -> None:
    as_gzip(CURRENT, tmp_path / "current.csv.gz")
    whole = (tmp_path / "current.csv.gz").read_bytes()
    (tmp_path / "current.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableRows, match=r"current\.csv\.gz"):
        weirkeeper.drift(REFERENCE, tmp_path / "current.csv.gz")
    as_parquet(CURRENT, tmp_path / "current.parquet")
    damaged = bytearray((tmp_path / "current.parquet").read_bytes())
    damaged[8:400] = bytes(392)
    (tmp_path / "current.parquet").write_bytes(damaged)
    with pytest.raises(UnreadableRows, match="damaged Parquet"):
        weirkeeper.drift(REFERENCE, tmp_path / "current.parquet")


def test_folders_are_bundles_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnusableReference, match=r"folder without profile\.json"):
        weirkeeper.drift(tmp_path, CURRENT)
    with pytest.raises(UnreadableRows, match="is a folder; give a CSV or Parquet file"):
        weirkeeper.drift(REFERENCE, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        weirkeeper.drift(REFERENCE, tmp_path / "nothing.csv")


def test_columns_that_lack_are_named_with_the_nearest() -> None:
    with pytest.raises(UnfitColumns) as refused:
        weirkeeper.drift(REFERENCE, CURRENT.rename(columns={"income": "Income", "age": "years"}))
    told = str(refused.value)
    assert "lacks 'income', 'age' of the reference; is it 'Income'?" in told
    assert "--ignore income --ignore age" in told


def test_unknown_columns_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnfitColumns, match=r"no column 'incom' .*; is it 'income'"):
        weirkeeper.drift(REFERENCE, CURRENT, ignore=["incom"])
    with pytest.raises(UnfitColumns, match=r"no column 'zzz' .*; it has 'income', 'age'"):
        weirkeeper.drift(REFERENCE, CURRENT, deltas={"zzz": 0.2})
    with pytest.raises(UnusableRule, match="nothing is left to compare"):
        weirkeeper.drift(REFERENCE, CURRENT, ignore=list(REFERENCE.columns))


def test_types_that_changed_are_refused(tmp_path: Path) -> None:
    changed = CURRENT.assign(income="much")
    with pytest.raises(UnfitColumns, match=r"'income' .* but numbers in the reference, whose type is numeric"):
        weirkeeper.drift(REFERENCE, changed)
    as_csv(changed, tmp_path / "changed.csv")
    with pytest.raises(UnfitColumns, match=r"changed.csv: column 'income' holds text, but numbers .*--text income"):
        weirkeeper.drift(REFERENCE, tmp_path / "changed.csv")
    with pytest.raises(UnfitColumns, match=r"'region' .* is int64, but text in the reference"):
        weirkeeper.drift(REFERENCE, CURRENT.assign(region=1))


def test_moments_that_became_numbers_are_refused_and_numbers_that_became_moments() -> None:
    moments = pd.date_range("2026-01-01", periods=600, freq="h")
    with pytest.raises(UnfitColumns, match=r"'when' holds numbers, but moments .* \(hour of when\).*--ignore when"):
        weirkeeper.drift({"when": moments.to_numpy()}, {"when": np.arange(600.0)})
    with pytest.raises(UnfitColumns, match=r"'when' holds moments, but numbers in the reference"):
        weirkeeper.drift({"when": np.arange(600.0)}, {"when": moments.to_numpy()})


def test_a_column_may_begin_without_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 64)
    lacking = ["x,y", *["NAN,1"] * 100, *[",2"] * 100, *["odd,3"] * 500]
    (tmp_path / "a.csv").write_text("\n".join(lacking))
    with pytest.raises(UnfitColumns, match="'x' holds text"):
        weirkeeper.drift({"x": np.arange(600.0), "y": np.arange(600.0)}, tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("\n".join([*lacking[:201], *["7,3"] * 500]))
    assert weirkeeper.drift({"x": np.arange(600.0), "y": np.arange(600.0)}, tmp_path / "a.csv").current.rows == 700


def test_types_that_have_no_bins_are_refused(tmp_path: Path) -> None:
    table = pa.table({"x": [1.0, 2.0], "tags": [["a"], ["b"]]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    for reference in (table, tmp_path / "a.parquet"):
        with pytest.raises(UnfitColumns, match=r"'tags' of .* holds list<.*>, .*leave it out \(--ignore tags\)"):
            weirkeeper.drift(reference, table)


def test_names_with_dots_are_names(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a.b": np.arange(600), "a": np.arange(600) % 7})
    as_parquet(frame, tmp_path / "a.parquet")
    assert weirkeeper.drift(tmp_path / "a.parquet", frame).state == "OK"


def test_the_profile_is_the_one_that_bundles_hold(tmp_path: Path) -> None:
    as_csv(REFERENCE, tmp_path / "a.csv")
    profile = weirkeeper.drift(tmp_path / "a.csv", CURRENT).profile
    columns = {str(name): REFERENCE[name].to_numpy() for name in REFERENCE.columns}
    assert profile == ReferenceProfile.from_columns(columns, {})
    assert profile == weirkeeper.profile(REFERENCE) == weirkeeper.profile(tmp_path / "a.csv")
    assert ReferenceProfile.from_json(json.loads(profile.to_bytes())) == profile


def test_a_profile_is_made_of_rows_alone(tmp_path: Path) -> None:
    few = weirkeeper.profile(REFERENCE, ignore=["income", "age", "visits", "member"])
    assert [feature.name for feature in few.features] == ["region"]
    (tmp_path / "profile.json").write_bytes(few.to_bytes())
    with pytest.raises(UnreadableRows, match="is a profile already"):
        weirkeeper.profile(tmp_path)
    with pytest.raises(UnfitColumns, match="is it 'income'"):
        weirkeeper.profile(REFERENCE, ignore=["incom"])
    with pytest.raises(UnusableRule, match="nothing is left to profile"):
        weirkeeper.profile(REFERENCE, ignore=list(REFERENCE.columns))
