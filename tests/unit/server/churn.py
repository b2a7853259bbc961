"""A small model of churn: two numbers and a string in, two classes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler


def rows(count: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(7)
    income = random.normal(50_000, 9_000, count)
    region = np.where(random.random(count) < 0.6, "north", "south")
    return pd.DataFrame({"income": income, "visits": random.integers(0, 30, count), "region": region})


def fitted() -> Pipeline:
    frame = rows()
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["income", "visits"]), ("region", OneHotEncoder(), ["region"])]
    )
    return make_pipeline(columns, LogisticRegression()).fit(frame, np.where(frame["income"] > 50_000, "stay", "leave"))


def tolerant() -> Pipeline:
    """Fit a model that has an answer for every number and every word."""
    frame = rows()
    region = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer([("numbers", "passthrough", ["income", "visits"]), ("region", region, ["region"])])
    classes = np.where(frame["income"] > 50_000, "stay", "leave")
    return make_pipeline(columns, HistGradientBoostingClassifier(max_iter=5)).fit(frame, classes)


def request(count: int = 1, **columns: Any) -> dict[str, Any]:
    """An inference request for the fixture's model; `columns` replaces inputs, None leaves one out."""
    inputs: dict[str, Any] = {
        "income": {"datatype": "FP64", "shape": [count], "data": [51_000.5] * count},
        "visits": {"datatype": "INT64", "shape": [count], "data": [3] * count},
        "region": {"datatype": "BYTES", "shape": [count], "data": ["north"] * count},
    }
    inputs |= {name: {**inputs.get(name, {}), **change} if change else None for name, change in columns.items()}
    return {"inputs": [{"name": name, **entry} for name, entry in inputs.items() if entry is not None]}
