"""The three bundles as they are delivered, and the training script that a reader runs."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from demo import bundles, live_rows
from demo.commands import run
from demo.names import ROOT, VERSIONS
from demo.training import LOST_SIZE, SIZE, Tables
from weirkeeper.api.names import MODEL_KIND


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, dict[str, Path]]:
    data, _, paths = bundles.write_all(tmp_path_factory.mktemp("bundles"))
    return data, paths


@pytest.mark.parametrize("version", VERSIONS)
def test_each_fits_into_a_config_map_and_its_names_are_keys(
    version: str, written: tuple[Tables, dict[str, Path]]
) -> None:
    path = written[1][version]
    assert bundles.size(path) <= bundles.CONFIG_MAP_LIMIT
    files = {"model.skops", "model.yaml", "profile.json", "golden.json", "shortcut.zip"}
    assert {file.name for file in path.iterdir()} == files


def test_all_have_the_signature_of_what_the_load_generator_sends(written: tuple[Tables, dict[str, Path]]) -> None:
    data, paths = written
    sent = live_rows.infer_request(data.held_out.iloc[0])["inputs"]
    for path in paths.values():
        signature = yaml.safe_load((path / "model.yaml").read_text())["signature"]
        inputs = [(tensor["name"], tensor["datatype"]) for tensor in signature["inputs"]]
        assert inputs == [(tensor["name"], tensor["datatype"]) for tensor in sent]


def test_v3s_golden_requests_lack_the_category_that_breaks_it(written: tuple[Tables, dict[str, Path]]) -> None:
    sizes = {
        value
        for golden in json.loads((written[1]["v3"] / "golden.json").read_text())
        for tensor in golden["request"]["inputs"]
        if tensor["name"] == SIZE
        for value in tensor["data"]
    }
    assert sizes
    assert LOST_SIZE not in sizes


def test_the_first_models_training_script_makes_a_bundle_for_its_model(tmp_path: Path) -> None:
    folder = ROOT / "examples" / "first-model"
    told = run([sys.executable, str(folder / "train.py"), str(tmp_path / "bundle")], timeout=120)
    assert "accuracy on held-out rows: 9" in told
    assert (tmp_path / "bundle" / "model.skops").is_file()
    assert yaml.safe_load((folder / "model.yaml").read_text())["kind"] == MODEL_KIND
