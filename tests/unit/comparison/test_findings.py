"""A feature may drift by another index than its PSI: the table shows the one that decides."""

from __future__ import annotations

import numpy as np
import pytest

import weirkeeper

RNG = np.random.default_rng(8)
REFERENCE = {"x": RNG.normal(0, 1, 20_000)}


def drifted(shift: float = 0.0, missing: float = 0.0) -> dict[str, np.ndarray]:
    rows = RNG.normal(shift, 1, 700)
    return {"x": np.where(RNG.random(rows.size) < missing, np.nan, rows)}


def line_of(result: weirkeeper.Comparison) -> str:
    (line,) = [line for line in str(result).splitlines() if line.startswith("x ")]
    return line


@pytest.mark.parametrize(
    ("change", "look"), [({"shift": 0.3}, "shift"), ({"missing": 0.2}, "missing")], ids=["shift", "missing"]
)
def test_the_index_that_decides_is_shown_with_its_threshold(change: dict[str, float], look: str) -> None:
    result = weirkeeper.drift(REFERENCE, drifted(**change), delta=0.01)
    (feature,) = result.drifting
    first = feature.findings[0]
    assert first.look == look
    assert f"{first.value:.3f} ({look})   {first.threshold:.3f}" in line_of(result)
    (told,) = result.to_dict()["features"]
    assert told["psi"] == feature.psi
    assert told["findings"][0] == {"look": look, "index": first.value, "threshold": first.threshold}
    assert first.value > first.threshold


def test_a_feature_that_does_not_drift_shows_its_psi() -> None:
    result = weirkeeper.drift(REFERENCE, drifted())
    (feature,) = result.features
    assert (feature.psi, feature.threshold) != (None, None)
    assert f"{feature.psi:.3f}   {feature.threshold:.3f}" in line_of(result)
    assert {one["look"] for one in result.to_dict()["features"][0]["findings"]} == {"PSI", "shift"}
