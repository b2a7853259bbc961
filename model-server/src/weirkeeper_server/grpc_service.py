"""The Open Inference Protocol over gRPC: a thin layer before the prediction core, beside that of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Final, NoReturn, TypeVar

from google.protobuf.message import DecodeError, Message

from weirkeeper.api.bundle import Tensor
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.answer import InferAnswer
from weirkeeper_server.core import ModelServer, State
from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.grpc_door.calls import Answer, Call, Method, Pending
from weirkeeper_server.grpc_door.door import Door
from weirkeeper_server.grpc_messages import read_infer, seconds, write_infer
from weirkeeper_server.protocol import open_inference_pb2 as messages
from weirkeeper_server.routes import FEEDBACK

SERVICE: Final = "inference.GRPCInferenceService"
EXTENSIONS: Final = ("model_repository",)
LARGEST_QUESTION: Final = 64 * 2**10
"""Bytes of a message that holds names alone."""

STATES: Final[Mapping[State, str]] = {
    "Loading": "LOADING",
    "Ready": "READY",
    "Failed": "UNAVAILABLE",
    "Draining": "UNLOADING",
}
"""How the model repository extension calls them."""

_PROBES: Final = frozenset({"ServerLive", "ServerReady", "ModelReady"})

Asked = TypeVar("Asked", bound=Message)


def inference_door(server: ModelServer, access_log: AccessLog | None = None) -> Door:
    """Make the door that port 8083 has."""
    return Door(server, server.settings.limits, methods(server), access_log)


def methods(server: ModelServer) -> dict[str, Method]:
    """Give what answers the calls of the protocol, by their paths."""
    service, largest = _Service(server), server.settings.limits.max_body_bytes
    infer = f"/{SERVICE}/ModelInfer"
    plain = {
        "ServerLive": service.plain(messages.ServerLiveRequest, service.server_live),
        "ServerReady": service.plain(messages.ServerReadyRequest, service.server_ready),
        "ModelReady": service.plain(messages.ModelReadyRequest, service.model_ready),
        "ServerMetadata": service.plain(messages.ServerMetadataRequest, service.server_metadata),
        "ModelMetadata": service.plain(messages.ModelMetadataRequest, service.model_metadata),
        "RepositoryIndex": service.plain(messages.RepositoryIndexRequest, service.repository_index),
        "RepositoryModelLoad": service.plain(messages.RepositoryModelLoadRequest, service.repository_model_load),
        "RepositoryModelUnload": service.plain(messages.RepositoryModelUnloadRequest, service.repository_model_unload),
    }
    found = {f"/{SERVICE}/{name}": (name, answer) for name, answer in plain.items()}
    others = {
        path: Method(path, answer, min(largest, LARGEST_QUESTION), quiet=name in _PROBES)
        for path, (name, answer) in found.items()
    }
    return {infer: Method(infer, service.model_infer, largest, service.open_infer), **others}


class _Service:
    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._limits = server.settings.limits

    def plain(self, kind: type[Asked], answer: Callable[[Asked], Message]) -> Callable[[Call, bytes], Answer]:
        """Answer a call that needs no more than its message."""
        return lambda _, message: answer(_parsed(kind, message)).SerializeToString()

    def open_infer(self, call: Call) -> None:
        ticket = self._server.begin(call.head.arm)
        ticket.trace = call.head.trace
        call.ticket = ticket.__enter__()

    def model_infer(self, call: Call, message: bytes) -> Answer:
        request = _parsed(messages.ModelInferRequest, message)
        self._server.check_name(request.model_name, request.model_version)
        question = read_infer(request, self._server.expected, self._limits)
        if call.ticket is not None:
            call.ticket.rows = question.rows
        answering = self._server.ask(question, seconds(request), call.head.arm, call.identifier)
        return Pending(answering, _RAW if request.raw_input_contents else _TYPED)

    def server_live(self, _: messages.ServerLiveRequest) -> Message:
        return messages.ServerLiveResponse(live=True)

    def server_ready(self, _: messages.ServerReadyRequest) -> Message:
        return messages.ServerReadyResponse(ready=self._server.ready)

    def model_ready(self, request: messages.ModelReadyRequest) -> Message:
        self._server.check_name(request.name, request.version)
        return messages.ModelReadyResponse(ready=self._server.ready)

    def server_metadata(self, _: messages.ServerMetadataRequest) -> Message:
        extensions = EXTENSIONS if self._server.feedback.problem else (*EXTENSIONS, FEEDBACK)
        return messages.ServerMetadataResponse(
            name="weirkeeper-server", version=version("weirkeeper"), extensions=extensions
        )

    def model_metadata(self, request: messages.ModelMetadataRequest) -> Message:
        self._server.check_name(request.name, request.version)
        identity, manifest = self._server.identity, self._server.described
        return messages.ModelMetadataResponse(
            name=identity.model,
            versions=[identity.revision],
            platform=manifest.platform,
            inputs=map(_described, manifest.signature.inputs),
            outputs=map(_described, manifest.signature.outputs),
        )

    def repository_index(self, request: messages.RepositoryIndexRequest) -> Message:
        index = messages.RepositoryIndexResponse()
        if self._server.ready or not request.ready:
            identity = self._server.identity
            state, reason = STATES[self._server.state], self._server.reason
            index.models.add(name=identity.model, version=identity.revision, state=state, reason=reason)
        return index

    def repository_model_load(self, request: messages.RepositoryModelLoadRequest) -> NoReturn:
        _refuse("load", request.model_name)

    def repository_model_unload(self, request: messages.RepositoryModelUnloadRequest) -> NoReturn:
        _refuse("unload", request.model_name)


def _parsed(kind: type[Asked], message: bytes) -> Asked:
    try:
        return kind.FromString(message)
    except DecodeError:
        raise InvalidRequest(f"the message is no {kind.DESCRIPTOR.full_name}; see open_inference.proto") from None


def _inferred(answer: InferAnswer, *, raw: bool) -> bytes:
    return write_infer(answer, raw=raw).SerializeToString()


_RAW: Final = partial(_inferred, raw=True)
_TYPED: Final = partial(_inferred, raw=False)


def _described(tensor: Tensor) -> messages.ModelMetadataResponse.TensorMetadata:
    return messages.ModelMetadataResponse.TensorMetadata(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)


def _refuse(what: str, name: str) -> NoReturn:
    raise InvalidRequest(f"cannot {what} {name[:80]!r}: a server has one revision for life; change the Model instead")
