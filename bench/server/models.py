"""The models of the cases: fitted once a run, as a bundle for our server and as joblib for the peers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
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
ALL: Final = (*MATRICES, MIXED)
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


def fit(folder: Path, wanted: Collection[str] = ALL) -> dict[str, Fitted]:
    """Fit the wanted models and write them; by name."""
    return {name: _written(name, *_FITTED[name](), folder) for name in ALL if name in wanted}


def _shuffled(data: Any) -> tuple[Any, Any]:
    """Give rows and labels in random order: the first hundred then have all classes."""
    order = np.random.default_rng(SEED).permutation(len(data.data))
    return data.data[order], data.target[order]


def _iris() -> tuple[Any, Any]:
    rows, labels = _shuffled(load_iris())
    return LogisticRegression(max_iter=1000).fit(rows, labels), rows


def _trees() -> tuple[Any, Any]:
    rows, labels = _shuffled(load_breast_cancer())
    return GradientBoostingClassifier(n_estimators=100, random_state=SEED).fit(rows, labels), rows


def _forest() -> tuple[Any, Any]:
    rows, labels = _shuffled(load_breast_cancer())
    return RandomForestClassifier(n_estimators=100, random_state=SEED).fit(rows, labels), rows


def _mixed() -> tuple[Any, Any]:
    cancer = load_breast_cancer()
    rows, labels = _shuffled(cancer)
    frame = pd.DataFrame(rows, columns=[name.replace(" ", "_") for name in cancer.feature_names])
    frame = frame.assign(**{WORD: np.random.default_rng(SEED).choice(WORDS, len(frame))})
    return _mixed_pipeline(frame).fit(frame, labels), frame


_FITTED: Final = {"iris": _iris, "trees": _trees, "forest": _forest, MIXED: _mixed}


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
