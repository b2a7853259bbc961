"""The Open Inference Protocol over gRPC: a thin door before the prediction core, beside that of HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.message import Message

from weirkeeper.api.bundle import Tensor
from weirkeeper.api.names import HEADER_ARM
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.arms import arm_of
from weirkeeper_server.core import ModelServer, State
from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.grpc_exchange import Asked, Exchange, current_trace, read_message
from weirkeeper_server.grpc_messages import read_infer, seconds, write_infer
from weirkeeper_server.protocol import open_inference_pb2 as messages
from weirkeeper_server.routes import FEEDBACK

SERVICE: Final = "inference.GRPCInferenceService"
EXTENSIONS: Final = ("model_repository",)

STATES: Final[Mapping[State, str]] = {
    "Loading": "LOADING",
    "Ready": "READY",
    "Failed": "UNAVAILABLE",
    "Draining": "UNLOADING",
}
"""How the model repository extension calls them."""

AGE_SECONDS: Final = 10
"""After so long a connection is changed for another, without a lost call: so clients spread over pods that are new,
and leave one that goes."""

LEAVING_SECONDS: Final = 1.2 * AGE_SECONDS
"""The library spreads the age by 10 percent."""

QUIET_SECONDS: Final = 1.0

CONNECTIONS: Final = {
    # Two servers on one port would each get a part of the calls, and nobody would notice.
    "grpc.so_reuseport": 0,
    "grpc.max_concurrent_streams": 1000,
    "grpc.max_connection_age_ms": 1000 * AGE_SECONDS,
    # Half-open connections are noticed.
    "grpc.server_handshake_timeout_ms": 10_000,
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
    # Routers ask every 20 s whether a pod is still there, during a long prediction too; by default that is an offence.
    "grpc.http2.max_ping_strikes": 0,
}


class GrpcServer:
    """The open port of the gRPC door."""

    def __init__(self, server: ModelServer, access_log: AccessLog | None = None) -> None:
        limits = {"grpc.max_receive_message_length": server.settings.limits.max_body_bytes}
        self._exchange = Exchange(server, access_log)
        self._running = grpc.aio.server(options=tuple({**CONNECTIONS, **limits}.items()))
        handlers = grpc.method_handlers_generic_handler(SERVICE, _handlers(_Door(server), self._exchange))
        self._running.add_generic_rpc_handlers((handlers,))

    async def start(self, host: str, port: int) -> None:
        """Answer from now on.

        Raises:
            RuntimeError: the port is taken.
        """
        self._running.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await self._running.start()

    async def stop(self, grace: float, quiet: float = QUIET_SECONDS) -> None:
        """End when no call has come for `quiet` seconds; those under way then have `grace` seconds.

        A call that comes while the library ends is lost. So whoever has a connection is given the time to leave it.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                while (wait := self._exchange.last_call + quiet - time.monotonic()) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(wait)
        await self._running.stop(grace)


def _handlers(door: _Door, exchange: Exchange) -> dict[str, Any]:
    def plain(kind: type[Asked], answer: Callable[[Asked], Message]) -> Callable[[Any], Awaitable[Message]]:
        """Answer a call that needs no more than its message."""

        async def read_and_answer(context: Any) -> Message:
            return answer(await read_message(kind, context, door.limits))

        return read_and_answer

    calls = {
        "ModelInfer": door.model_infer,
        "ServerLive": plain(messages.ServerLiveRequest, door.server_live),
        "ServerReady": plain(messages.ServerReadyRequest, door.server_ready),
        "ModelReady": plain(messages.ModelReadyRequest, door.model_ready),
        "ServerMetadata": plain(messages.ServerMetadataRequest, door.server_metadata),
        "ModelMetadata": plain(messages.ModelMetadataRequest, door.model_metadata),
        "RepositoryIndex": plain(messages.RepositoryIndexRequest, door.repository_index),
        "RepositoryModelLoad": plain(messages.RepositoryModelLoadRequest, door.repository_model_load),
        "RepositoryModelUnload": plain(messages.RepositoryModelUnloadRequest, door.repository_model_unload),
    }
    # On the wire a call with one message is a stream of one. Taken as a stream, it is booked when it arrives, and one
    # whose message is too large or does not come is answered here and counted, instead of by the library in silence.
    return {
        name: grpc.stream_unary_rpc_method_handler(exchange.handler(f"/{SERVICE}/{name}", answer))
        for name, answer in calls.items()
    }


class _Door:
    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self.limits = server.settings.limits

    async def model_infer(self, context: Any) -> Message:
        arm = arm_of(dict(context.invocation_metadata() or ()).get(HEADER_ARM))
        with self._server.begin(arm) as ticket:
            ticket.trace = current_trace.get()
            request = await read_message(messages.ModelInferRequest, context, self.limits)
            self._server.check_name(request.model_name, request.model_version)
            question = read_infer(request, self._server.expected, self.limits)
            ticket.rows = question.rows
            answer = await self._server.infer(question, seconds(request), arm)
            return write_infer(answer, raw=bool(request.raw_input_contents))

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


def _described(tensor: Tensor) -> messages.ModelMetadataResponse.TensorMetadata:
    return messages.ModelMetadataResponse.TensorMetadata(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)


def _refuse(what: str, name: str) -> NoReturn:
    raise InvalidRequest(f"cannot {what} {name[:80]!r}: a server has one revision for life; change the Model instead")
