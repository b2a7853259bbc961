"""Every object that demo and examples apply is one that the API understands."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.names import MANIFESTS, ROOT
from weirkeeper.api.model import parse_model
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.api.names import API_VERSION
from weirkeeper.api.rollout import RolloutPolicy, parse_rollout

PARSERS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "Model": parse_model,
    "Rollout": parse_rollout,
    "Monitor": parse_monitor,
}


def ours() -> list[tuple[Path, dict[str, Any]]]:
    files = [*MANIFESTS.glob("*.yaml"), *(ROOT / "examples").rglob("*.yaml")]
    found = [(file, document) for file in sorted(files) for document in yaml.safe_load_all(file.read_text())]
    return [(file, document) for file, document in found if document["kind"] in PARSERS]


@pytest.mark.parametrize(("file", "document"), ours(), ids=lambda value: value.name if isinstance(value, Path) else "")
def test_it_is_understood(file: Path, document: dict[str, Any]) -> None:
    assert document["apiVersion"] == API_VERSION, file
    assert PARSERS[document["kind"]](document) is not None


def test_all_three_kinds_are_shown_in_the_examples() -> None:
    kinds = {document["kind"] for file, document in ours() if file.is_relative_to(ROOT / "examples")}
    assert kinds == set(PARSERS)


def test_the_first_rollout_spells_out_the_defaults_as_its_comment_says() -> None:
    policy = parse_rollout(yaml.safe_load((ROOT / "examples" / "first-model" / "rollout.yaml").read_text()))
    default = RolloutPolicy()
    assert [(step.weight, step.hold) for step in policy.steps] == [(step.weight, step.hold) for step in default.steps]
    assert (policy.bake_time, policy.gates) == (default.bake_time, default.gates)
