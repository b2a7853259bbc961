"""Of a sensitive column no file of the bundle holds a value, and the bundle still serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import weirkeeper
from weirkeeper.api.bundle import SHORTCUT_FILE
from weirkeeper.bundling.errors import UnsuitableSample
from weirkeeper.statistics import Described
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.recorded.document import from_bytes
from weirkeeper_server.shortcuts.agreement import FAR, UNHEARD_OF

RANDOM = np.random.default_rng(23)
FRAME = pd.DataFrame(
    {
        "faith": RANDOM.choice(["catholic", "muslim", "none"], 120),
        "income": np.round(RANDOM.lognormal(10, 1, 120), 2),
        "age": RANDOM.integers(18, 90, 120).astype(float),
    }
)
LABELS = (FRAME["income"] > FRAME["income"].median()).to_numpy()
SENSITIVE = {name: Described(sensitive=True) for name in ("faith", "income")}


def estimator(**encoding: Any) -> Any:
    encoded = make_column_transformer((OneHotEncoder(**encoding), ["faith"]), remainder="passthrough")
    return make_pipeline(encoded, LogisticRegression(max_iter=1000)).fit(FRAME, LABELS)


def test_no_value_of_a_sensitive_column_is_in_the_bundle(tmp_path: Path) -> None:
    model = estimator(handle_unknown="ignore")
    made = weirkeeper.bundle(model, FRAME, path=tmp_path / "bundle", columns=SENSITIVE)
    written = "".join((made / name).read_text() for name in ("profile.json", "golden.json", "model.yaml"))
    values = [*FRAME["faith"].unique()[:2], *map(str, FRAME["income"])]
    assert not [value for value in values if f'"{value}"' in written or f" {value}," in written or value in written]
    golden = read_bundle(made).golden
    asked = {entry["name"]: entry["data"] for one in golden for entry in one.request.inputs}
    assert (asked["faith"], asked["income"]) == ([""], [0.0])
    assert asked["age"] != [0.0]
    assert not any("faith" in str(one.name) or "income" in str(one.name) for one in golden)
    kept = from_bytes((made / SHORTCUT_FILE).read_bytes()).said
    told = {name: {*kept.asked[name].tolist(), *kept.refused.get(name, np.empty(0)).tolist()} for name in SENSITIVE}
    assert told["faith"] <= {"", UNHEARD_OF}
    assert told["income"] <= {0.0, *FAR}


def test_a_model_that_takes_no_other_values_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableSample, match=r"does not take neutral values for faith, income.*never saw"):
        weirkeeper.bundle(estimator(), FRAME, path=tmp_path / "bundle", columns=SENSITIVE)


@pytest.mark.usefixtures("unverified")
def test_columns_of_a_matrix_are_named_by_their_number(tmp_path: Path) -> None:
    matrix = RANDOM.normal(7, 1, (60, 3))
    model = LogisticRegression().fit(matrix, matrix[:, 0] > 7)
    columns = {"input[1]": Described(sensitive=True), "input[2]": Described(unit="mm", importance=2.0)}
    bundle = read_bundle(weirkeeper.bundle(model, matrix, path=tmp_path / "bundle", columns=columns))
    features = {feature.name: feature for feature in bundle.profile.features}
    assert (features["input[1]"].sensitive, features["input[2]"].unit) == (True, "mm")
    for golden in bundle.golden:
        (entry,) = golden.request.inputs
        assert entry["data"][1] == 0.0
        assert entry["data"][2] != 0.0


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsuitableSample, match="'fate' is none of the sample, which has faith, income, age; name one"):
        weirkeeper.bundle(estimator(), FRAME, path=tmp_path / "b", columns={"fate": Described(sensitive=True)})
