"""The Open Inference Protocol over HTTP, as JSON and with binary tensors: a thin door before the prediction core."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, Final

from aiohttp import web

from weirkeeper_server import binary_tensors
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.answer import InferAnswer, encode
from weirkeeper_server.binary_tensors import HEADER_LENGTH, Encoded
from weirkeeper_server.bounds import check_size, check_tensors
from weirkeeper_server.core import ModelServer, State
from weirkeeper_server.decode import InferRequest, parse, read_request
from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.feedback.posts import read_post
from weirkeeper_server.http_body import packed, read_body
from weirkeeper_server.http_exchange import TRACE, exchange, respond
from weirkeeper_server.openapi import openapi
from weirkeeper_server.routes import EXTENSIONS, FEEDBACK, ROUTES

_INDEX_STATES: Final[dict[State, str]] = {
    "Loading": "LOADING",
    "Ready": "READY",
    "Failed": "UNAVAILABLE",
    "Draining": "UNLOADING",
}


def protocol_application(server: ModelServer, access_log: AccessLog | None = None) -> web.Application:
    """Make the application that port 8080 serves."""
    door = _Door(server)
    application = web.Application(
        client_max_size=server.settings.limits.max_body_bytes, middlewares=[exchange(server, access_log)]
    )
    for route in ROUTES:
        for _, path in route.paths():
            application.router.add_route(route.method, path, getattr(door, route.name))
    return application


class _Door:
    """The handlers, named as in the table of routes."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._limits = server.settings.limits

    async def live(self, _: web.Request) -> web.Response:
        return self._answer({"live": True})

    async def server_ready(self, _: web.Request) -> web.Response:
        ready = self._server.ready
        return self._answer({"ready": ready, "live": True}, 200 if ready else 503)

    async def server_metadata(self, _: web.Request) -> web.Response:
        problem = self._server.feedback.problem
        extensions = [*EXTENSIONS] if problem else [*EXTENSIONS, FEEDBACK]
        told = {"name": "weirkeeper-server", "version": version("weirkeeper"), "extensions": extensions}
        return self._answer(told | {"feedback": f"no tokens: {problem}" if problem else "a token in every answer"})

    async def openapi(self, _: web.Request) -> web.Response:
        return self._answer(openapi(self._server.identity, self._server.signature, self._limits))

    async def model_ready(self, request: web.Request) -> web.Response:
        self._check_name(request)
        ready = self._server.ready
        return self._answer({"name": self._server.identity.model, "ready": ready}, 200 if ready else 503)

    async def model_metadata(self, request: web.Request) -> web.Response:
        self._check_name(request)
        identity, manifest = self._server.identity, self._server.described
        told = {"name": identity.model, "versions": [identity.revision], "platform": manifest.platform}
        return self._answer(told | manifest.signature.described() | {"parameters": self._server.parameters})

    async def repository_index(self, request: web.Request) -> web.Response:
        body = await read_body(request, self._limits)
        ready_alone = parse(body, self._limits.max_json_depth).get("ready", False) if body else False
        if not isinstance(ready_alone, bool):
            raise InvalidRequest(f"ready is {ready_alone!r:.40}; give true or false, or leave it out")
        shown = self._server.ready or not ready_alone
        return self._answer([self._indexed()] if shown else [])

    def _indexed(self) -> dict[str, str]:
        identity, server = self._server.identity, self._server
        state = _INDEX_STATES[server.state]
        return {"name": identity.model, "version": identity.revision, "state": state, "reason": server.reason}

    async def load(self, request: web.Request) -> web.Response:
        raise InvalidRequest(
            f"model {request.match_info['model'][:80]!r} is not loaded: this server has the one model it was started "
            "with; deliver another by changing the spec of its Model"
        )

    async def unload(self, request: web.Request) -> web.Response:
        raise InvalidRequest(
            f"model {request.match_info['model'][:80]!r} is not unloaded: this server ends with its pod; "
            "change or delete its Model"
        )

    async def infer(self, request: web.Request) -> web.Response:
        with self._server.begin() as ticket:
            ticket.trace = request[TRACE]
            self._check_name(request)
            document, question = self._question(request, await read_body(request, self._limits))
            ticket.rows = question.rows
            answer = await self._server.infer(question, binary_tensors.seconds(document))
            encoded = _encoded(answer, binary_tensors.binary_outputs(document, question.wanted))
        return await self._respond(request, encoded)

    async def feedback(self, request: web.Request) -> web.Response:
        self._check_name(request)
        body = await read_body(request, self._limits)
        items = read_post(parse(body, self._limits.max_json_depth), self._server.settings.feedback)
        receipt = await self._server.feedback.count(items)
        refusals = [asdict(refusal) for refusal in receipt.refusals]
        told = {"counted": receipt.counted, "refused": receipt.refused.total(), "reasons": dict(receipt.refused)}
        return self._answer(told | {"refusals": refusals})

    def _question(self, request: web.Request, body: bytes) -> tuple[Mapping[str, Any], InferRequest]:
        signature, limits = self._server.expected, self._limits
        length = binary_tensors.header_length(request.headers.get(HEADER_LENGTH), body)
        document: Mapping[str, Any]
        if length == 0 and body:
            document, raw = binary_tensors.raw_request(signature, body)
        else:
            document = parse(body[:length], limits.max_json_depth)
            check_tensors(document, limits)
            binary_tensors.check_parameters(document)
            raw = binary_tensors.raw_inputs(document, memoryview(body)[length:])
        question = read_request(document, signature, limits.max_rows, raw)
        check_size(question, limits)
        return document, question

    def _check_name(self, request: web.Request) -> None:
        self._server.check_name(request.match_info["model"], request.match_info.get("version", ""))

    async def _respond(self, request: web.Request, encoded: Encoded) -> web.Response:
        headers: dict[str, str] = {}
        if encoded.header_length is not None:
            headers = {HEADER_LENGTH: str(encoded.header_length), "Content-Type": "application/octet-stream"}
        body, encoding = await packed(encoded.body, request.headers.get("Accept-Encoding", ""))
        if encoding:
            headers["Content-Encoding"] = encoding
        return respond(self._server, body, headers=headers)

    def _answer(self, document: object, status: int = 200) -> web.Response:
        return respond(self._server, json.dumps(document).encode(), status)


def _encoded(answer: InferAnswer, binary: frozenset[str]) -> Encoded:
    return binary_tensors.encode_with_bytes(answer, binary) if binary else Encoded(encode(answer))
