"""`scripts/check_chart.py` can say no: a check that accepts everything would look the same as one that works."""

from typing import Any

import pytest
import yaml

from scripts import check_chart

MODEL: dict[str, Any] = {
    "apiVersion": "weirkeeper.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "churn"},
    "spec": {"artifact": {"uri": "configmap://churn-v1"}},
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "churn"},
    "spec": {"ports": [{"port": 80}]},
}


def test_good_manifests_are_accepted() -> None:
    assert check_chart.refusals({"both": yaml.safe_dump_all([MODEL, SERVICE])}) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (MODEL | {"spec": {"artifact": {}}}, "uri"),
        (MODEL | {"spec": MODEL["spec"] | {"artefact": {}}}, "artefact"),
        (MODEL | {"spec": {"artifact": {"uri": 1}}}, "string"),
        (SERVICE | {"spec": {"prots": []}}, "prots"),
        (SERVICE | {"spec": {"ports": [{"port": "eighty"}]}}, "integer"),
        (SERVICE | {"kind": "Servise"}, "could not find schema for Servise"),
    ],
)
def test_a_mistake_is_named(given: dict[str, Any], expected: str) -> None:
    (refusal,) = check_chart.refusals({"folder/bad": yaml.safe_dump(given)})
    assert refusal.startswith("folder+bad: ")
    assert expected in refusal


def test_nothing_to_check_is_a_mistake() -> None:
    assert check_chart.refusals({}) == ["kubeconform found nothing to check"]
