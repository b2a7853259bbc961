"""What the pages speak of and a reader has: a pipeline that tells who leaves, its rows, and other models beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import skops.io
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.unit.comparison.people import people

LABEL = "left"
TEXT = "region"


def customers(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows as callers send them, some without an income, and whether each customer left."""
    found = people(rows, seed)[["income", "region"]]
    poor = found["income"].fillna(40_000) < 45_000
    chance = np.random.default_rng(seed).random(rows) < 0.1
    return found, np.where(poor.to_numpy() ^ chance, "leave", "stay")


def pipeline(columns: list[str], text: str) -> Pipeline:
    """What is to be fitted: numbers without gaps and scaled, a text as one column for each of its values."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(
        make_column_transformer((numbers, columns), (OneHotEncoder(handle_unknown="ignore"), [text])),
        LogisticRegression(),
    )


def fill(folder: Path) -> dict[str, Any]:
    """Write the files that the pages take for granted into `folder`; the names that their blocks of Python take so."""
    inputs, labels = customers(600, 1)
    test, truth = customers(300, 2)
    fitted = pipeline(["income"], TEXT).fit(inputs, labels)
    inputs.assign(left=labels).to_csv(folder / "rows.csv", index=False)
    test.assign(left=truth).to_csv(folder / "test.csv", index=False)
    skops.io.dump(fitted, folder / "churn.skops")
    joblib.dump(fitted, folder / "churn.joblib")
    (folder / "churn.onnx").write_bytes(to_onnx(fitted, inputs[:1].astype({"income": "float32"})).SerializeToString())
    return {"pipeline": fitted, "frame": test, "X_train": inputs, "X_test": test, "y_test": truth} | of_all(folder)


def of_all(folder: Path) -> dict[str, Any]:
    """Give the names that stand for any model and its rows: here the one that tells who leaves."""
    inputs = pd.read_csv(folder / "rows.csv")
    return {"model": joblib.load(folder / "churn.joblib"), "X": inputs.drop(columns=LABEL)}


def of_faith(folder: Path) -> dict[str, Any]:
    """Give the same names for a model that takes what should be kept of nobody."""
    rows = pd.read_csv(folder / "rows.csv")
    faith = rows.assign(faith=rows[TEXT].str.upper())[["faith", "income"]]
    return {"model": pipeline(["income"], "faith").fit(faith, rows[LABEL]), "X": faith}


def months(folder: Path) -> None:
    """Write rows of two months, between which incomes fall and more people live in the north."""
    people(10_000, 1).to_csv(folder / "january.csv", index=False)
    june = people(8000, 2, poorer=0.2, north=0.25)
    june.to_parquet(folder / "june.parquet")
    june.to_csv(folder / "june.csv", index=False)
    people(300, 3).to_csv(folder / "first-days.csv", index=False)
