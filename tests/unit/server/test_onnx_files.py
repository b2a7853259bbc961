"""`model.onnx`: what is run, and what is refused before a session is made of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper

from tests.corpus import artifacts, onnx_models
from weirkeeper_server import onnx_file
from weirkeeper_server.errors import BundleError

EXTERNAL = tuple(onnx_models.with_external_data("weights.bin"))
LOCATIONS = ("weights.bin", "../weights.bin", "/etc/hostname")


def refused(data: bytes) -> BundleError:
    with pytest.raises(BundleError) as caught:
        onnx_file.load(data)
    return caught.value


def test_a_model_is_run_with_one_thread_for_each_prediction() -> None:
    session = onnx_file.load(onnx_models.linear().SerializeToString())
    options = session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert session.get_providers() == ["CPUExecutionProvider"]
    answer = session.run(["y"], {"x": np.array([[4, 1], [0, 1]], dtype=np.float32)})[0]
    assert answer.tolist() == [[0.0], [-2.0]]


def test_onnxruntime_neither_reports_nor_keeps_what_is_run(tmp_path: Path) -> None:
    """It would have a thread for it, which also keeps workers from being forked."""
    program = "import os, weirkeeper_server.onnx_session; print(len(os.listdir('/proc/self/task')))"
    switches = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "HOME": str(tmp_path)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment | switches, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("where", EXTERNAL)
def test_a_tensor_in_another_file_is_refused_wherever_it_is_named(
    where: str, location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there, so that a runtime that looked for it would read it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(onnx_models.WEIGHTS.tobytes())
    monkeypatch.setattr(onnxruntime, "InferenceSession", pytest.fail)
    error = refused(onnx_models.with_external_data(location)[where].SerializeToString())
    assert error.reason == "ModelLoadFailed"
    assert "in another file (external data)" in str(error)
    assert location not in str(error)


@pytest.mark.parametrize("kind", tuple(artifacts.evil_pickles(Path("unused")))[2:])
def test_a_pickle_is_refused_by_that_name(kind: str, tmp_path: Path) -> None:
    trace = tmp_path / "opened"
    assert refused(artifacts.evil_pickles(trace)[kind]).reason == "PickleRefused"
    assert not trace.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a model",
        b"\x08",
        bytes(100),
        artifacts.evil_pickles(Path("unused"))["protocol 0"],
        artifacts.zip_with("schema.json"),
        onnx_models.linear().SerializeToString()[:-20],
        ModelProto(ir_version=10).SerializeToString(),
        TensorProto(name="x").SerializeToString(),
    ],
    ids=["nothing", "text", "one byte", "zeros", "text pickle", "zip", "cut off", "no graph", "a tensor"],
)
def test_what_is_no_onnx_model_is_no_bundle(data: bytes) -> None:
    error = refused(data)
    assert error.reason == "NotABundle"
    assert "is no ONNX model" in str(error)


def with_version(version: int) -> ModelProto:
    made = onnx_models.linear()
    made.ir_version = version
    return made


def broken(change: Callable[[ModelProto], object]) -> ModelProto:
    made = onnx_models.linear()
    change(made)
    return made


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (onnx_models.stranger(), "uses operator Identity of domain 'com.example'"),
        (onnx_models.linear(opset=99), r"opset 99 of ai\.onnx; onnxruntime .* goes up to \d+: export it with opset"),
        (with_version(99), "cannot be run: Unsupported model IR version: 99, max supported IR version: "),
        (broken(lambda m: m.graph.node[0].ClearField("input")), "cannot be run: "),
        (broken(lambda m: setattr(m.graph.node[0], "op_type", "Multiply")), "No Op registered for Multiply"),
        (broken(lambda m: m.graph.initializer[0].dims.__setitem__(0, 10**6)), "cannot be run: "),
    ],
    ids=["domain", "opset", "format", "no inputs", "operator", "dimensions"],
)
def test_a_model_that_cannot_run_says_why(model: ModelProto, message: str) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        onnx_file.load(model.SerializeToString())
    assert caught.value.reason == "ModelLoadFailed"
    assert "/onnxruntime" not in str(caught.value)


def test_functions_of_the_models_own_are_run() -> None:
    function = helper.make_function(
        "own",
        "Twice",
        ["a"],
        ["b"],
        [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", onnx_models.OPSET)],
    )
    made = onnx_models.identity([None, 2])
    made.functions.append(function)
    made.opset_import.append(helper.make_opsetid("own", 1))
    made.graph.node[0].op_type, made.graph.node[0].domain = "Twice", "own"
    session = onnx_file.load(made.SerializeToString())
    assert session.run(["y"], {"x": np.ones((1, 2), dtype=np.float32)})[0].tolist() == [[2.0, 2.0]]


def test_what_the_format_does_not_know_goes_no_further() -> None:
    unknown = b"\xa2\x06\x03abc"
    data = onnx_models.linear().SerializeToString() + unknown
    assert unknown not in onnx_file.read(data).SerializeToString()
    onnx_file.load(data)
