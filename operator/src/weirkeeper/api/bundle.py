"""What a bundle's files say: how the model is called, what made it, and answers that it must give again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from weirkeeper.api.record import Record
from weirkeeper.api.values import Tolerance

BUNDLE_VERSION: Final = "bundle/v1"
MANIFEST_FILE: Final = "model.yaml"
PROFILE_FILE: Final = "profile.json"
GOLDEN_FILE: Final = "golden.json"
SHORTCUT_FILE: Final = "shortcut.zip"
ARRAY_RANK: Final = 2
NULLABLE: Final = ("FP16", "FP32", "FP64", "BYTES")

Datatype = Literal[
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP16", "FP32", "FP64", "BYTES"
]

Runtime = Literal["ScikitLearn", "ONNX"]
MODEL_FILES: Final[Mapping[Runtime, str]] = {"ScikitLearn": "model.skops", "ONNX": "model.onnx"}
"""The file that each runtime reads. Which one it is stands in `model.yaml` alone: no file is ever tried."""

_PLATFORMS: Final[Mapping[Runtime, str]] = {"ScikitLearn": "scikit-learn", "ONNX": "onnxruntime_onnx"}


class Tensor(Record):
    """One input or output by the Open Inference Protocol; -1 in `shape` stands for any number of rows."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    datatype: Datatype
    shape: Annotated[tuple[int, ...], Field(min_length=1, max_length=2)]
    nullable: bool = False

    @model_validator(mode="after")
    def _null_has_a_value(self) -> Self:
        if self.nullable and self.datatype not in NULLABLE:
            raise ValueError(f"only {', '.join(NULLABLE)} can be nullable; {self.datatype} has no value for null")
        return self

    def described(self) -> dict[str, Any]:
        """Describe it as the protocol's metadata does."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


class Signature(Record):
    """The inputs that a model needs and the outputs that it can give."""

    inputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]

    @property
    def takes_array(self) -> bool:
        """Say whether the model takes one tensor `[rows, k]` rather than named columns."""
        return len(self.inputs) == 1 and len(self.inputs[0].shape) == ARRAY_RANK

    def described(self) -> dict[str, Any]:
        """Describe it as the protocol's metadata does."""
        return {
            "inputs": [tensor.described() for tensor in self.inputs],
            "outputs": [tensor.described() for tensor in self.outputs],
        }


class BundleManifest(Record):
    """`model.yaml`: which runtime reads the model, its signature, its classes and the versions of what made it."""

    api_version: Literal["bundle/v1"] = BUNDLE_VERSION
    runtime: Runtime = "ScikitLearn"
    signature: Signature
    classes: tuple[str | int | float | bool, ...] | None = None
    versions: dict[str, str]

    @property
    def model_file(self) -> str:
        """The name of the file that holds the model."""
        return MODEL_FILES[self.runtime]

    @property
    def platform(self) -> str:
        """What the protocol's metadata calls the runtime."""
        return _PLATFORMS[self.runtime]


class Inputs(Record):
    """The inputs of a request, as the Open Inference Protocol writes them."""

    inputs: tuple[dict[str, Any], ...]


class Expected(Record):
    """The outputs that must come back; numbers may differ by `tolerance`, relative to 1 or to their size."""

    outputs: tuple[dict[str, Any], ...]
    tolerance: Tolerance = Tolerance("1e-6")


class GoldenRequest(Record):
    """A request whose answer is known: no model becomes ready that answers it otherwise."""

    name: str = ""
    request: Inputs
    expect: Expected
