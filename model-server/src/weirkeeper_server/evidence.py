"""The evidence port: what the operator judges by, and metrics for Prometheus. It answers from the start on."""

from __future__ import annotations

import json

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from weirkeeper_server.core import ModelServer
from weirkeeper_server.metrics import ServerMetrics


def evidence_application(server: ModelServer) -> web.Application:
    """Make the application that port 8081 serves."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerMetrics(server))

    async def evidence(request: web.Request) -> web.Response:
        known = request.query.get("profile", "")
        since = request.query.get("latencyFrom", "0")
        if not since.isdecimal():
            return web.json_response({"error": f"latencyFrom is {since!r}; give Unix seconds"}, status=400)
        body = json.dumps(
            server.evidence(known, float(since), request.query.get("labels", "")), separators=(",", ":")
        ).encode()
        return web.Response(body=body, content_type="application/json")

    async def metrics(request: web.Request) -> web.Response:
        # Exemplars have a place in OpenMetrics alone.
        write, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=write(registry), headers={"Content-Type": content_type})

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    application = web.Application()
    application.add_routes(
        [web.get("/evidence", evidence), web.get("/metrics", metrics), web.get("/live", live)],
    )
    return application
