"""The Open Inference Protocol over HTTP, as JSON and with binary tensors: a thin layer before the prediction core."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from typing import Final

import orjson

from weirkeeper_server import binary_tensors
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.answer import InferAnswer, encode
from weirkeeper_server.arms import ARM_FIELD, arm_of
from weirkeeper_server.binary_tensors import HEADER_LENGTH, Encoded
from weirkeeper_server.core import ModelServer, State
from weirkeeper_server.decode import parse
from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.feedback.ledger import Receipt
from weirkeeper_server.feedback.posts import read_post
from weirkeeper_server.http_door.answers import Answer, Pending, Response, field_line
from weirkeeper_server.http_door.bodies import LEAST_PACKED, packed
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.http_door.request import HttpRequest
from weirkeeper_server.http_door.routing import Endpoint, Routes
from weirkeeper_server.openapi import openapi
from weirkeeper_server.reading import Reader
from weirkeeper_server.routes import EXTENSIONS, FEEDBACK, ROUTES
from weirkeeper_server.unpacking import ASIDE

BINARY: Final = "application/octet-stream"
_HEADER_LENGTH: Final = HEADER_LENGTH.lower().encode()
_INDEX_STATES: Final[dict[State, str]] = {
    "Loading": "LOADING",
    "Ready": "READY",
    "Failed": "UNAVAILABLE",
    "Draining": "UNLOADING",
}


def protocol_door(
    server: ModelServer, access_log: AccessLog | None = None, beside: Iterable[tuple[str, str, Endpoint]] = ()
) -> Door:
    """Make the door that port 8080 has; `beside` are routes beside the protocol's, with their methods."""
    identity, handlers = server.identity, _Handlers(server)
    routes = [(route.method, path, handlers.endpoint(route.name)) for route in ROUTES for _, path in route.paths()]
    known = {"model": identity.model, "version": identity.revision}
    return Door(server, server.settings.limits, Routes([*routes, *beside], known), access_log)


class _Handlers:
    """The handlers, named as in the table of routes."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._limits = server.settings.limits
        self._known: Reader | None = None

    def endpoint(self, name: str) -> Endpoint:
        """Give what answers a route."""
        return Endpoint(getattr(self, name), self._open if name == "infer" else None)

    def _open(self, request: HttpRequest) -> None:
        ticket = self._server.begin(arm_of(request.head.fields.get(ARM_FIELD)))
        ticket.trace = request.head.trace
        request.ticket = ticket.__enter__()

    def live(self, _: HttpRequest) -> Response:
        return self._answer({"live": True})

    def server_ready(self, _: HttpRequest) -> Response:
        ready = self._server.ready
        return self._answer({"ready": ready, "live": True}, 200 if ready else 503)

    def server_metadata(self, _: HttpRequest) -> Response:
        problem = self._server.feedback.problem
        extensions = [*EXTENSIONS] if problem else [*EXTENSIONS, FEEDBACK]
        told = {"name": "weirkeeper-server", "version": version("weirkeeper"), "extensions": extensions}
        return self._answer(told | {"feedback": f"no tokens: {problem}" if problem else "a token in every answer"})

    def openapi(self, _: HttpRequest) -> Response:
        return self._answer(openapi(self._server.identity, self._server.signature, self._limits))

    def model_ready(self, request: HttpRequest) -> Response:
        self._check_name(request)
        ready = self._server.ready
        return self._answer({"name": self._server.identity.model, "ready": ready}, 200 if ready else 503)

    def model_metadata(self, request: HttpRequest) -> Response:
        self._check_name(request)
        identity, manifest = self._server.identity, self._server.described
        told = {"name": identity.model, "versions": [identity.revision], "platform": manifest.platform}
        return self._answer(told | manifest.signature.described() | {"parameters": self._server.parameters})

    def repository_index(self, request: HttpRequest) -> Response:
        body = request.body
        ready_alone = parse(body, self._limits.max_json_depth).get("ready", False) if body else False
        if not isinstance(ready_alone, bool):
            raise InvalidRequest(f"ready is {ready_alone!r:.40}; give true or false, or leave it out")
        shown = self._server.ready or not ready_alone
        return self._answer([self._indexed()] if shown else [])

    def _indexed(self) -> dict[str, str]:
        identity, server = self._server.identity, self._server
        state = _INDEX_STATES[server.state]
        return {"name": identity.model, "version": identity.revision, "state": state, "reason": server.reason}

    def load(self, request: HttpRequest) -> Response:
        raise InvalidRequest(
            f"model {request.match.values['model'][:80]!r} is not loaded: this server has the one model it was started "
            "with; deliver another by changing the spec of its Model"
        )

    def unload(self, request: HttpRequest) -> Response:
        raise InvalidRequest(
            f"model {request.match.values['model'][:80]!r} is not unloaded: this server ends with its pod; "
            "change or delete its Model"
        )

    def infer(self, request: HttpRequest) -> Answer:
        self._check_name(request)
        body = request.body
        length = binary_tensors.header_length(request.head.field(_HEADER_LENGTH), body)
        question = self._reader().read(body, length)
        if request.ticket is not None:
            request.ticket.rows = question.request.rows
        arm = arm_of(request.head.fields.get(ARM_FIELD))
        answering = self._server.ask(question.request, question.seconds, arm, request.identifier)
        return Pending(answering, partial(self._inferred, request, question.binary))

    def _reader(self) -> Reader:
        signature = self._server.expected
        if self._known is None:
            self._known = Reader(signature, self._limits)
        return self._known

    def _inferred(self, request: HttpRequest, binary: frozenset[str], answer: InferAnswer) -> Answer:
        return _sent(request, _encoded(answer, binary))

    def feedback(self, request: HttpRequest) -> Answer:
        self._check_name(request)
        items = read_post(parse(request.body, self._limits.max_json_depth), self._server.settings.feedback)
        return Pending(self._server.feedback.count(items), self._counted)

    def _counted(self, receipt: Receipt) -> Answer:
        refusals = [asdict(refusal) for refusal in receipt.refusals]
        told = {"counted": receipt.counted, "refused": receipt.refused.total(), "reasons": dict(receipt.refused)}
        return self._answer(told | {"refusals": refusals})

    def _check_name(self, request: HttpRequest) -> None:
        match = request.head.match
        if not match.known:
            self._server.check_name(match.values["model"], match.values.get("version", ""))

    def _answer(self, document: object, status: int = 200) -> Response:
        return Response(orjson.dumps(document), status)


def _encoded(answer: InferAnswer, binary: frozenset[str]) -> Encoded:
    return binary_tensors.encode_with_bytes(answer, binary) if binary else Encoded(encode(answer))


def _sent(request: HttpRequest, encoded: Encoded) -> Answer:
    """Send an answer packed, where its client takes that and it pays; beside the event loop if it is large."""
    response = Response(encoded.body)
    if encoded.header_length is not None:
        response.content_type = BINARY
        response.fields = field_line(HEADER_LENGTH, str(encoded.header_length))
    if len(encoded.body) < LEAST_PACKED or b"accept-encoding" not in request.head.fields:
        return response
    accepted = request.head.field(b"accept-encoding") or ""
    if len(encoded.body) < ASIDE:
        return _packed(response, packed(encoded.body, accepted))
    packing = asyncio.get_running_loop().run_in_executor(None, packed, encoded.body, accepted)
    return Pending(packing, partial(_packed, response))


def _packed(response: Response, found: tuple[bytes, str]) -> Response:
    response.body, encoding = found
    if encoding:
        response.fields += field_line("Content-Encoding", encoding)
    return response
