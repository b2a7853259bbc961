"""An ONNX session behind its signature: named columns or one tensor in, arrays of outputs back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import numpy as np
from onnxruntime import InferenceSession

from weirkeeper.api.bundle import ARRAY_RANK, BundleManifest, Datatype, Signature, Tensor
from weirkeeper_server.errors import BundleError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.tensors import Array, Columns

DATATYPES: Final[Mapping[str, Datatype]] = {
    "tensor(bool)": "BOOL",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
MAPS: Final = ("seq(map(int64,tensor(float)))", "seq(map(string,tensor(float)))")
"""Outputs with a probability by class for each row, as converters of scikit-learn's classifiers write them."""


class OnnxPredictor:
    """Runs an ONNX session: what comes back as `[rows, 1]` becomes `[rows]`, a map by class a matrix."""

    def __init__(self, session: InferenceSession, manifest: BundleManifest) -> None:
        check_signature(session, manifest.signature)
        self.signature: Signature = manifest.signature
        self._session = session
        self._classes = manifest.classes
        self._outputs = [tensor.name for tensor in manifest.signature.outputs]
        self._upright = upright(session)

    def predict(self, inputs: Columns) -> dict[str, Array]:
        """Give every output of the signature, as `Predictor` says.

        Raises:
            ValueError: an output is not as the signature has it, such as one that does not have an entry for each row.
        """
        answers = ask(self._session, self._outputs, inputs, self._upright)
        rows = len(next(iter(inputs.values())))
        return {
            tensor.name: _fitting(tensor, as_array(tensor.name, answer, self._classes), rows)
            for tensor, answer in zip(self.signature.outputs, answers, strict=True)
        }

    def unconfigured(self) -> OnnxPredictor:
        """Give the predictor itself: it takes no parameters."""
        return self

    def shortcuts(self) -> dict[str, Predictor]:
        """Give none: a session has no shortcuts."""
        return {}

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:  # noqa: ARG002  it has none
        """Say yes: there is nothing to compare."""
        return True


def upright(session: InferenceSession) -> frozenset[str]:
    """Name the inputs that are columns `[rows, 1]`, as converters ask for."""
    return frozenset(one.name for one in session.get_inputs() if len(one.shape) == ARRAY_RANK)


def ask(
    session: InferenceSession, outputs: Sequence[str], inputs: Columns, upright_inputs: AbstractSet[str]
) -> list[Any]:
    """Run a session; a column `[rows]` is handed over as `[rows, 1]` where the session has it so."""
    given = {
        name: array.reshape(-1, 1) if array.ndim == 1 and name in upright_inputs else array
        for name, array in inputs.items()
    }
    answers: list[Any] = session.run(outputs, given)
    return answers


def as_array(name: str, answer: Any, classes: Sequence[Any] | None) -> Array:
    """Turn one answer of a session into an array with an entry or a row for each row asked about.

    The columns of a map by class come in the order of `classes`.

    Raises:
        ValueError: it is neither a tensor nor a map by class, or a row's classes are not `classes`.
    """
    if isinstance(answer, np.ndarray):
        return answer.reshape(-1) if answer.ndim == ARRAY_RANK and answer.shape[1] == 1 else answer
    wanted = set(classes or ())
    if not isinstance(answer, list) or any(not isinstance(row, dict) or set(row) != wanted for row in answer):
        raise ValueError(f"output {name!r} is no tensor, nor a map by classes")
    return np.array([[row[chosen] for chosen in classes or ()] for row in answer], dtype=np.float32)


def _fitting(tensor: Tensor, array: Array, rows: int) -> Array:
    if array.shape != (rows, *tensor.shape[1:]):
        raise ValueError(f"output {tensor.name!r} has shape {array.shape} for {rows} rows")
    return array


def check_signature(session: InferenceSession, signature: Signature) -> None:
    """Check that a model takes and gives what its bundle says.

    Raises:
        BundleError: ModelLoadFailed; the message names the first difference.
    """
    takes = {one.name: one for one in session.get_inputs()}
    gives = {one.name: one for one in session.get_outputs()}
    asked = {tensor.name for tensor in signature.inputs}
    wrong = [
        one.name for one in signature.inputs if one.name not in takes or not _same_type_and_width(takes[one.name], one)
    ]
    if wrong := [*wrong, *(name for name in takes if name not in asked)]:
        raise _differs("takes", takes.values(), wrong)
    if wrong := [
        one.name for one in signature.outputs if one.name not in gives or not _same_type(gives[one.name], one)
    ]:
        raise _differs("gives", gives.values(), wrong)


def _differs(what: str, has: Iterable[Any], names: Sequence[str]) -> BundleError:
    described = ", ".join(f"{one.name} {one.type}{list(one.shape)}" for one in has)
    return BundleError(
        "ModelLoadFailed",
        f"model.onnx {what} {described}, which is not what model.yaml says of {', '.join(names)}; "
        "make the bundle again with `weirkeeper bundle`",
    )


def _same_type(found: Any, tensor: Tensor) -> bool:
    """Compare types alone: converters declare shapes of outputs that are none, so each answer is looked at."""
    if found.type in MAPS:
        return tensor.datatype == "FP32" and len(tensor.shape) == ARRAY_RANK
    return DATATYPES.get(found.type) == tensor.datatype


def _same_type_and_width(found: Any, tensor: Tensor) -> bool:
    width = tensor.shape[1] if len(tensor.shape) == ARRAY_RANK else 1
    sizes = found.shape[1:] or [1]
    # A size that is open has a name, or none.
    fits = len(sizes) == 1 and (sizes[0] == width or not isinstance(sizes[0], int))
    return fits and _same_type(found, tensor)
