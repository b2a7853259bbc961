"""What the image leaves out of its libraries."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "model-server" / "trim_packages.py"
trim = runpy.run_path(str(PROGRAM))["trim"]

KEPT = (
    "numpy/core.py",
    "numpy/testing/private.py",
    "sklearn/tree/_tree.so",
    "onnxruntime/capi/onnxruntime_pybind11_state.so",
    "botocore/data/endpoints.json",
    "tests/module.py",
)
LEFT_OUT = (
    "sklearn/tests/test_base.py",
    "sklearn/tree/tests/deep/data.csv",
    "sklearn/tree/_tree.pyx",
    "numpy/core.pyi",
    "onnxruntime/capi/libonnxruntime.so.1.32.0",
    "botocore/data/ec2/2016/service.json.gz",
    "pip/__main__.py",
    "pip-26.1.dist-info/METADATA",
)


def test_leaves_out_what_no_server_reads_and_nothing_else(tmp_path: Path) -> None:
    for name in KEPT + LEFT_OUT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    trim(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(KEPT)


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    with pytest.raises(SystemExit, match="has no numpy"):
        trim(tmp_path)
    assert (tmp_path / "tests").is_dir()
