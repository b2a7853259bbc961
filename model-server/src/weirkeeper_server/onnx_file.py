"""Loading `model.onnx`: checked before a session is made of it, which then gets the very model that was checked.

An ONNX model is no code, but it may name files beside it that hold its tensors. A runtime that follows such names
reads what they point at, so a model that has any is refused, wherever in it they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import onnxruntime
from google.protobuf.message import DecodeError, Message

from weirkeeper.api.bundle import MODEL_FILES
from weirkeeper_server.errors import BundleError
from weirkeeper_server.onnx_format.onnx_ml_pb2 import ModelProto, NodeProto, TensorProto
from weirkeeper_server.onnx_session import session_of
from weirkeeper_server.pickles import LOOKED_AT, refuse_pickle

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Operators that onnxruntime has itself; others would need a library of somebody's own."""

_NAME: Final = MODEL_FILES["ONNX"]
_PREFIX: Final = re.compile(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : (?:/\S+:\d+ .*?\) )?")
_LOCALE: Final = re.compile(r"Failed to construct locale with name:([^:]*)")
_NEWEST_OPSET: Final = re.compile(r"Opset (\d+) is .* for domain (\S+) is till opset (\d+)", re.DOTALL)


def load(data: bytes) -> onnxruntime.InferenceSession:
    """Make a session of an ONNX model, with one thread for each prediction.

    Raises:
        BundleError: PickleRefused, NotABundle (it is no ONNX model) or ModelLoadFailed (it must not or cannot run).
    """
    refuse_pickle(data[:LOOKED_AT], data[-LOOKED_AT:], _NAME)
    model = read(data)
    check(model)
    try:
        return session_of(model.SerializeToString())
    except Exception as error:  # onnxruntime's errors have no class in common
        message = f"{_NAME} cannot be run: {_reason(str(error))}"
        raise BundleError("ModelLoadFailed", message, by_versions=True) from error


def read(data: bytes) -> ModelProto:
    """Parse a model; fields that the format does not know are dropped, so that nothing unchecked goes further.

    Raises:
        BundleError: NotABundle, it is no ONNX model.
    """
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise BundleError("NotABundle", f"{_NAME} is no ONNX model: {error}") from error
    if not model.HasField("graph") or not model.opset_import:
        raise BundleError("NotABundle", f"{_NAME} is no ONNX model: it has no graph or no operator set; export it anew")
    model.DiscardUnknownFields()  # type: ignore[attr-defined]  # the stubs lack it
    return model


def check(model: ModelProto) -> None:
    """Refuse a model that reads other files or needs operators of somebody's own.

    Raises:
        BundleError: ModelLoadFailed; the message names the tensor or the operator.
    """
    own = {function.domain for function in model.functions}
    for message in _messages(model):
        if isinstance(message, TensorProto) and _is_external(message):
            raise BundleError(
                "ModelLoadFailed",
                f"{_NAME} keeps tensor {message.name or 'without a name'!r} in another file (external data), and only "
                "what is in the model itself is loaded; save it with save_as_external_data=False",
            )
        if isinstance(message, NodeProto) and message.domain not in DOMAINS | own:
            raise BundleError(
                "ModelLoadFailed",
                f"{_NAME} uses operator {message.op_type} of domain {message.domain!r}; onnxruntime itself has "
                f"those of {', '.join(sorted(DOMAINS - {''}))}: export the model without it",
            )


def _is_external(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL or len(tensor.external_data) > 0


def _messages(root: Message) -> Iterator[Message]:
    """Walk every message within `root`: subgraphs, functions, attributes and sparse tensors have tensors as well."""
    waiting: list[Message] = [root]
    while waiting:
        message = waiting.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if isinstance(value, Message) else value)


def _reason(message: str) -> str:
    """Say what onnxruntime says, without the place in its source."""
    if found := _NEWEST_OPSET.search(message):
        given, domain, newest = found.groups()
        return (
            f"it asks for opset {given} of {domain}; onnxruntime {onnxruntime.__version__} goes up to {newest}: "
            f"export it with opset {newest} or lower"
        )
    if found := _LOCALE.search(message):
        return (
            f"it compares text by the locale {found[1]}, which is neither here nor in the server's image: export "
            "it with locale C (skl2onnx: the vectorizer's option locale)"
        )
    return " ".join(_PREFIX.sub("", message).split())
