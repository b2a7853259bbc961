"""The models of the cases: fitted once a run, as a bundle for our server and as joblib for the peers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import weirkeeper

SEED: Final = 7
MATRICES: Final = ("iris", "trees", "forest")
MIXED: Final = "mixed"
WORD: Final = "clinic"
WORDS: Final = ("north", "south", "east", "west")


@dataclass(frozen=True)
class Fitted:
    """A fitted estimator with rows as callers send them, and its two folders."""

    name: str
    estimator: Any
    rows: Any
    bundle: Path
    joblib: Path

    def first(self, count: int) -> Any:
        """Give the first rows, from the beginning again where there are too few."""
        chosen = np.arange(count) % len(self.rows)
        return self.rows.iloc[chosen] if isinstance(self.rows, pd.DataFrame) else self.rows[chosen]


def fit(folder: Path) -> dict[str, Fitted]:
    """Fit all models and write them; by name."""
    iris, cancer = load_iris(), load_breast_cancer()
    # Rows in random order: the first hundred then have all classes.
    shuffled = np.random.default_rng(SEED)
    flowers, cells = shuffled.permutation(len(iris.data)), shuffled.permutation(len(cancer.data))
    frame = _mixed_rows(cancer, cells)
    labels = cancer.target[cells]
    boosted = GradientBoostingClassifier(n_estimators=100, random_state=SEED)
    forest = RandomForestClassifier(n_estimators=100, random_state=SEED)
    fitted = {
        "iris": (LogisticRegression(max_iter=1000).fit(iris.data[flowers], iris.target[flowers]), iris.data[flowers]),
        "trees": (boosted.fit(cancer.data[cells], labels), cancer.data[cells]),
        "forest": (forest.fit(cancer.data[cells], labels), cancer.data[cells]),
        MIXED: (_mixed_pipeline(frame).fit(frame, labels), frame),
    }
    return {name: _written(name, estimator, rows, folder) for name, (estimator, rows) in fitted.items()}


def _mixed_rows(cancer: Any, order: Any) -> pd.DataFrame:
    columns = [name.replace(" ", "_") for name in cancer.feature_names]
    frame = pd.DataFrame(cancer.data[order], columns=columns)
    return frame.assign(**{WORD: np.random.default_rng(SEED).choice(WORDS, len(frame))})


def _mixed_pipeline(frame: pd.DataFrame) -> Pipeline:
    numbers = [name for name in frame.columns if name != WORD]
    columns = ColumnTransformer([("numbers", StandardScaler(), numbers), ("word", OneHotEncoder(), [WORD])])
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def _written(name: str, estimator: Any, rows: Any, folder: Path) -> Fitted:
    bundle, peers = folder / "bundles" / name, folder / "joblib" / name
    peers.mkdir(parents=True)
    weirkeeper.bundle(estimator, rows, path=bundle)
    joblib.dump(estimator, peers / "model.joblib")
    (peers / "model-settings.json").write_text(json.dumps(_mlserver_settings(name, rows)))
    return Fitted(name, estimator, rows, bundle, peers)


def _mlserver_settings(name: str, rows: Any) -> Mapping[str, Any]:
    settings: dict[str, Any] = {
        "name": name,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
    }
    if isinstance(rows, pd.DataFrame):
        settings["parameters"]["content_type"] = "pd"
        text = {"content_type": "str"}
        # The metadata tells the codec of each column, so that all servers get the same bytes.
        settings["inputs"] = [
            {"name": column, "datatype": "BYTES" if column == WORD else "FP64", "shape": [-1]}
            | ({"parameters": text} if column == WORD else {})
            for column in rows.columns
        ]
    return settings
