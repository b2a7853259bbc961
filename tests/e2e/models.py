"""Small real models for the end-to-end tests, each as the data of a ConfigMap."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

import weirkeeper

COLUMNS = ["mean radius", "mean texture", "mean smoothness"]
ONNX_COLUMNS = [column.replace(" ", "_") for column in COLUMNS]
SLOW_PARTS = 20


def frame() -> tuple[pd.DataFrame, pd.Series]:
    """The rows that everything here is trained on and asked with."""
    data = load_breast_cancer(as_frame=True)
    return data.data[COLUMNS], data.target


def good() -> Mapping[str, str]:
    """A model as one would train it."""
    return _bundled(make_pipeline(StandardScaler(), LogisticRegression()), COLUMNS)


def of_other_rows() -> Mapping[str, str]:
    """A good model with another reference: a profile of fewer rows."""
    inputs, target = frame()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, target)
    return _files(model, inputs, reference=inputs.iloc[::2])


def renamed() -> Mapping[str, str]:
    """The same with an input of another name: its own golden requests pass, every live request gets 400."""
    return _bundled(make_pipeline(StandardScaler(), LogisticRegression()), ["radius_mm", *COLUMNS[1:]])


def slow() -> Mapping[str, str]:
    """A good model that takes tens of milliseconds a row: neighbours in many samples, which have no shortcut."""
    many = BaggingClassifier(KNeighborsClassifier(), n_estimators=SLOW_PARTS, max_samples=100, random_state=0)
    return _bundled(many, COLUMNS)


def narrow() -> Mapping[str, str]:
    """A model that raises for any value that it was not trained on, as the drifted rows have them."""
    return _bundled(
        make_pipeline(OrdinalEncoder(handle_unknown="error"), StandardScaler(), LogisticRegression()), COLUMNS
    )


def converted() -> Mapping[str, str]:
    """The good model as ONNX; its inputs have other names, because those of ONNX have no spaces."""
    inputs, target = frame()
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, target)
    types = [(name, DoubleTensorType([None, 1])) for name in ONNX_COLUMNS]
    model = to_onnx(estimator, initial_types=types, options={id(estimator): {"zipmap": False}})
    return _files(model, inputs.set_axis(ONNX_COLUMNS, axis="columns"))


def _bundled(estimator: Any, columns: list[str]) -> Mapping[str, str]:
    inputs, target = frame()
    named = inputs.set_axis(columns, axis="columns")
    return _files(estimator.fit(named, target), named)


def _files(model: Any, inputs: pd.DataFrame, reference: pd.DataFrame | None = None) -> Mapping[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        rows, tests = inputs if reference is None else reference, (inputs, frame()[1])
        path = Path(weirkeeper.bundle(model, rows, path=Path(folder) / "bundle", held_out=tests))
        return {item.name: base64.b64encode(item.read_bytes()).decode() for item in path.iterdir()}


def config_map(name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """The ConfigMap that carries a bundle."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "binaryData": dict(files)}


def model(artifact: str, name: str = "churn", **spec: Any) -> dict[str, Any]:
    """A Model whose bundle is in a ConfigMap."""
    return model_of({"artifact": {"uri": f"configmap://{artifact}"}, **spec}, name)


def model_of(spec: Mapping[str, Any], name: str = "churn") -> dict[str, Any]:
    """A Model of any spec."""
    return {"apiVersion": "weirkeeper.dev/v1alpha1", "kind": "Model", "metadata": {"name": name}, "spec": dict(spec)}


def rollout(name: str = "churn", **spec: Any) -> dict[str, Any]:
    """A Rollout with short holds; the gates are the default ones unless given, and None leaves a field out."""
    steps = [{"weight": weight, "hold": "10s"} for weight in (5, 25, 50)]
    full = {"modelRef": {"name": name}, "steps": steps, "bakeTime": "10s", **spec}
    return {
        "apiVersion": "weirkeeper.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {field: value for field, value in full.items() if value is not None},
    }


def request(row: int = 0, columns: Sequence[str] = COLUMNS) -> str:
    """One row as named columns, as the Open Inference Protocol writes them."""
    values = frame()[0].iloc[row].tolist()
    return json.dumps(
        {
            "inputs": [
                {"name": column, "datatype": "FP64", "shape": [1], "data": [value]}
                for column, value in zip(columns, values, strict=True)
            ]
        }
    )


def rows(*, labelled: bool = False) -> str:
    """All rows as the load generator reads them; in the drifted ones the first input is off by two deviations.

    Where they are `labelled`, it sends back what is true of them.
    """
    inputs, target = frame()
    first = COLUMNS[0]
    drifted = inputs.assign(**{first: inputs[first] + 2 * inputs[first].std()})
    columns = [{"name": column, "datatype": "FP64"} for column in COLUMNS]
    sets = {"live": inputs.to_numpy().tolist(), "drifted": drifted.to_numpy().tolist()}
    labels = {"labels": dict.fromkeys(sets, target.tolist())} if labelled else {}
    return json.dumps({"columns": columns, "sets": sets, **labels})
