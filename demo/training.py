"""Three versions of one model, trained on a data set that scikit-learn brings along.

The task is to tell malignant from benign tumours (Wisconsin diagnostic data, 569 rows, ``load_breast_cancer``). Eight
measurements stay numbers; the mean area becomes a category, ``size``, so that the signature has numbers and strings.

- ``v1`` looks at two measurements and the size.
- ``v2`` looks at all of them and is really better.
- ``v3`` is as good offline, but its training extract lost the "very large" rows. Its
  ``OneHotEncoder(handle_unknown='error')`` has never seen that category, and raises on the about 5 % of live rows that
  carry it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MEASUREMENTS: Final = (
    "mean_radius",
    "mean_texture",
    "mean_smoothness",
    "mean_concavity",
    "mean_symmetry",
    "worst_texture",
    "worst_smoothness",
    "worst_concave_points",
)
FEW_MEASUREMENTS: Final = ("mean_texture", "mean_symmetry")
SIZE: Final = "size"
SIZE_EDGES: Final = (0.0, 450.0, 700.0, 1300.0, np.inf)  # of the mean area, square pixels
SIZES: Final = ("small", "medium", "large", "very large")
LOST_SIZE: Final = "very large"

HELD_OUT_SHARE: Final = 0.45
SEED: Final = 5


@dataclass(frozen=True)
class Tables:
    """Rows to learn from and rows held out; the live rows are drawn from the held-out ones."""

    train: pd.DataFrame
    train_labels: pd.Series
    held_out: pd.DataFrame
    held_out_labels: pd.Series


@dataclass(frozen=True)
class Version:
    """A fitted pipeline with the rows it was fitted on and its scores on held-out rows."""

    name: str
    pipeline: Pipeline
    train: pd.DataFrame
    train_labels: pd.Series
    accuracy: float
    log_loss: float


def tables() -> Tables:
    """Load the data set and split it, with the same mix of sizes and answers on both sides."""
    raw = load_breast_cancer(as_frame=True)
    rows = raw.data.rename(columns=lambda name: name.replace(" ", "_"))
    columns = rows[list(MEASUREMENTS)].copy()
    columns[SIZE] = pd.cut(rows["mean_area"], list(SIZE_EDGES), labels=list(SIZES)).astype(str)
    labels = raw.target.map(dict(enumerate(raw.target_names))).astype(str).rename("diagnosis")
    train, held_out, train_labels, held_out_labels = train_test_split(
        columns, labels, test_size=HELD_OUT_SHARE, random_state=SEED, stratify=columns[SIZE] + labels
    )
    return Tables(train, train_labels, held_out, held_out_labels)


def pipeline(measurements: tuple[str, ...], strength: float = 1.0) -> Pipeline:
    """Scale the measurements, encode the size, and fit a logistic regression (``strength`` is its ``C``)."""
    columns = ColumnTransformer(
        [
            ("measurements", StandardScaler(), list(measurements)),
            (SIZE, OneHotEncoder(handle_unknown="error"), [SIZE]),
        ]
    )
    return Pipeline([("columns", columns), ("answer", LogisticRegression(C=strength, max_iter=1000))])


def train(data: Tables) -> dict[str, Version]:
    """Fit the three versions; each is scored on held-out rows of its own extract, as its author would have done."""
    kept = data.train[SIZE] != LOST_SIZE
    kept_held_out = data.held_out[SIZE] != LOST_SIZE
    extract = Tables(
        data.train[kept],
        data.train_labels[kept],
        data.held_out[kept_held_out],
        data.held_out_labels[kept_held_out],
    )
    return {
        "v1": _fit("v1", pipeline(FEW_MEASUREMENTS), data),
        "v2": _fit("v2", pipeline(MEASUREMENTS), data),
        "v3": _fit("v3", pipeline(MEASUREMENTS, strength=3.0), extract),
    }


def _fit(name: str, unfitted: Pipeline, data: Tables) -> Version:
    fitted = unfitted.fit(data.train, data.train_labels)
    return Version(
        name=name,
        pipeline=fitted,
        train=data.train,
        train_labels=data.train_labels,
        accuracy=float(accuracy_score(data.held_out_labels, fitted.predict(data.held_out))),
        log_loss=float(log_loss(data.held_out_labels, fitted.predict_proba(data.held_out))),
    )


def lost_share(data: Tables) -> float:
    """Share of held-out (so of live) rows that carry the category which v3 has never seen."""
    return float((data.held_out[SIZE] == LOST_SIZE).mean())
