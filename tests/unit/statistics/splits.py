"""The deterministic splits of scikit-learn's data that vectors/drift.json was computed on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_wine

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "drift.json").read_text())

Columns = dict[str, npt.NDArray[Any]]


class Split(NamedTuple):
    """Reference columns and live columns."""

    reference: Columns
    live: Columns


def breast_cancer() -> Split:
    """Even rows against odd rows: nothing changed."""
    frame = load_breast_cancer(as_frame=True).data
    frame["cat"] = pd.cut(frame["mean texture"], [0, 15, 18, 21, 25, 100], labels=list("abcde")).astype(str)
    return Split(_columns(frame.iloc[0::2]), _columns(frame.iloc[1::2]))


def wine() -> Split:
    """Two cultivars against another two: much changed."""
    bunch = load_wine(as_frame=True)
    frame, target = bunch.data, np.asarray(bunch.target)
    frame["cat"] = pd.cut(frame["ash"], [0, 2.2, 2.4, 2.6, 10], labels=list("abcd")).astype(str)
    return Split(_columns(frame[target <= 1]), _columns(frame[target >= 1]))


def _columns(frame: pd.DataFrame) -> Columns:
    return {str(name): frame[name].to_numpy() for name in frame.columns}


SPLITS = {"breast_cancer_even_odd": breast_cancer(), "wine_01_vs_12": wine()}
NUMERIC = [(split, name) for split in VECTORS for name in VECTORS[split] if name != "cat"]
