"""The evidence port: what the operator judges by, and metrics for Prometheus. It answers from the start on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from weirkeeper_server.core import ModelServer
from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.http_door.answers import Answer, Pending, Response
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.http_door.request import HttpRequest
from weirkeeper_server.http_door.routing import Endpoint, Routes
from weirkeeper_server.metrics import ServerMetrics


def evidence_door(server: ModelServer, look: Callable[[], Awaitable[object]] | None = None) -> Door:
    """Make the door that port 8081 has; `look` is awaited before counts are told that other processes have."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerMetrics(server))

    def current(answer: Callable[[HttpRequest], Response]) -> Callable[[HttpRequest], Answer]:
        return answer if look is None else lambda request: Pending(look(), lambda _: answer(request))

    def evidence(request: HttpRequest) -> Response:
        asked = parse_qs(request.target.partition(b"?")[2].decode("latin-1"))
        known, since, labels = (asked.get(name, [""])[-1] for name in ("profile", "latencyFrom", "labels"))
        if since and not since.isdecimal():
            raise InvalidRequest(f"latencyFrom is {since!r}; give Unix seconds")
        told = server.evidence(known, float(since or 0), labels)
        return Response(json.dumps(told, separators=(",", ":")).encode())

    def metrics(request: HttpRequest) -> Response:
        # Exemplars have a place in OpenMetrics alone.
        write, content_type = choose_encoder(request.head.field(b"accept") or "")
        return Response(write(registry), content_type=content_type)

    def live(_: HttpRequest) -> Response:
        return Response(b'{"live": true}')

    endpoints: dict[str, Callable[[HttpRequest], Answer]] = {
        "/evidence": current(evidence),
        "/metrics": current(metrics),
        "/live": live,
    }
    routes = [("GET", path, Endpoint(answer)) for path, answer in endpoints.items()]
    return Door(server, server.settings.limits, Routes(routes, {}))
