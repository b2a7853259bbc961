"""The Open Inference Protocol over HTTP with JSON: a thin door before the prediction core."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from aiohttp import web

from weirkeeper.api.names import HEADER_REVISION
from weirkeeper_server.answer import encode
from weirkeeper_server.core import ModelServer
from weirkeeper_server.decode import parse, read_request
from weirkeeper_server.errors import InvalidRequest, NotReady, RequestError, RequestTooLarge, UnknownModel

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


def protocol_application(server: ModelServer) -> web.Application:
    """Make the application that port 8080 serves."""
    door = _Door(server)
    application = web.Application(
        client_max_size=server.settings.limits.max_body_bytes, middlewares=[_errors_as_json(server)]
    )
    # The most frequent path first: routes are tried in this order.
    for version_part in ("", "/versions/{version}"):
        application.router.add_post("/v2/models/{model}" + version_part + "/infer", door.infer)
        application.router.add_get("/v2/models/{model}" + version_part + "/ready", door.model_ready)
        application.router.add_get("/v2/models/{model}" + version_part, door.model_metadata)
    application.router.add_get("/v2/health/live", door.live)
    application.router.add_get("/v2/health/ready", door.server_ready)
    application.router.add_get("/v2", door.server_metadata)
    return application


class _Door:
    def __init__(self, server: ModelServer) -> None:
        self._server = server

    async def live(self, _: web.Request) -> web.Response:
        return self._answer({"live": True})

    async def server_ready(self, _: web.Request) -> web.Response:
        ready = self._server.ready
        return self._answer({"ready": ready, "live": True}, 200 if ready else 503)

    async def server_metadata(self, _: web.Request) -> web.Response:
        return self._answer({"name": "weirkeeper-server", "version": version("weirkeeper"), "extensions": []})

    async def model_ready(self, request: web.Request) -> web.Response:
        self._check_name(request)
        ready = self._server.ready
        return self._answer({"name": self._server.identity.model, "ready": ready}, 200 if ready else 503)

    async def model_metadata(self, request: web.Request) -> web.Response:
        self._check_name(request)
        identity, signature = self._server.identity, self._server.signature
        if signature is None:
            raise NotReady(f"model {identity.model!r} is not loaded; try again when it is ready")
        return self._answer(
            {
                "name": identity.model,
                "versions": [identity.revision],
                "platform": "scikit-learn",
                **signature.described(),
            }
        )

    async def infer(self, request: web.Request) -> web.Response:
        with self._server.begin() as ticket:
            self._check_name(request)
            document = parse(await self._body(request))
            question = read_request(document, self._server.expected, self._server.settings.limits.max_rows)
            ticket.rows = question.rows
            body = encode(await self._server.infer(question))
        return self._respond(body)

    async def _body(self, request: web.Request) -> bytes:
        limits = self._server.settings.limits
        too_large = f"the body is larger than {limits.max_body_bytes} bytes; split the request"
        if (request.content_length or 0) > limits.max_body_bytes:
            raise RequestTooLarge(too_large)
        try:
            async with asyncio.timeout(limits.request_timeout_seconds):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise RequestTooLarge(too_large) from None
        except TimeoutError:
            raise InvalidRequest(f"the body did not arrive within {limits.request_timeout_seconds:g} s") from None
        except web.RequestPayloadError:
            raise InvalidRequest("the body does not match its Content-Encoding or Content-Length") from None

    def _check_name(self, request: web.Request) -> None:
        identity = self._server.identity
        if (name := request.match_info["model"]) != identity.model:
            raise UnknownModel(f"unknown model {name[:80]!r}; this server has {identity.model!r}")
        revision = request.match_info.get("version", identity.revision)
        if revision != identity.revision:
            raise UnknownModel(f"unknown version {revision[:80]!r} of {name!r}; this server has {identity.revision!r}")

    def _answer(self, document: dict[str, Any], status: int = 200) -> web.Response:
        return self._respond(json.dumps(document).encode(), status)

    def _respond(self, body: bytes, status: int = 200) -> web.Response:
        return respond(self._server, body, status)


def respond(server: ModelServer, body: bytes, status: int) -> web.Response:
    """Make a JSON response that names the revision; a draining server asks for the connection to be closed."""
    response = web.Response(
        body=body,
        status=status,
        headers={HEADER_REVISION: server.identity.revision, "Content-Type": "application/json"},
    )
    if server.state == "Draining":
        response.force_close()
    return response


def _errors_as_json(server: ModelServer) -> Any:
    def failed(message: str, status: int) -> web.Response:
        return respond(server, json.dumps({"error": message}).encode(), status)

    @web.middleware
    async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RequestError as error:
            return failed(str(error), error.status)
        except web.HTTPException as error:
            return failed(f"{request.method} {request.path[:80]}: {error.reason}; see GET /v2", error.status)
        except Exception:
            log.exception("a bug: %s %s", request.method, request.path)
            return failed("the server failed on this request; the details are in its log", 500)

    return answer_errors
