"""The page that `weirkeeper serve` shows at `/`: the bundle, a form with a golden request filled in, live counts.

It exists on an owner's machine alone: a server in a pod never imports this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import orjson

from weirkeeper_server.core import ModelServer
from weirkeeper_server.http_door.answers import JSON, Response, field_line
from weirkeeper_server.http_door.routing import Endpoint

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PREFIX: Final = "/.page"
_TYPES: Final = {"page.html": "text/html", "page.js": "text/javascript", "page.css": "text/css"}

_FIELDS: Final = b"".join(field_line(name, value) for name, value in HEADERS.items())


def page_routes(server: ModelServer) -> list[tuple[str, str, Endpoint]]:
    """Give the page's routes, to stand beside those of the protocol: methods, paths and what answers them."""
    return [
        ("GET", "/", _file("page.html")),
        ("GET", f"{PREFIX}/page.js", _file("page.js")),
        ("GET", f"{PREFIX}/page.css", _file("page.css")),
        ("GET", f"{PREFIX}/bundle", Endpoint(lambda _: _told(described(server)))),
        ("GET", f"{PREFIX}/counts", Endpoint(lambda _: _told(counted(server)))),
    ]


def _told(document: object) -> Response:
    return Response(orjson.dumps(document), content_type=JSON, fields=_FIELDS)


def _file(name: str) -> Endpoint:
    body = files(__package__).joinpath(name).read_bytes()
    return Endpoint(lambda _: Response(body, content_type=f"{_TYPES[name]}; charset=utf-8", fields=_FIELDS))


def described(server: ModelServer) -> dict[str, Any]:
    """Tell what does not change: who is served, and what the bundle says, null as long as it is not read."""
    told: dict[str, Any] = {"model": server.identity.model, "revision": server.identity.revision, "bundle": None}
    if server.bundle is not None:
        bundle = server.bundle
        told["bundle"] = {
            **bundle.manifest.to_json(),
            "sha256": bundle.sha256,
            "golden": [request.to_json() for request in bundle.golden],
            "performance": [metric.to_json() for metric in bundle.profile.performance],
            "reference": {
                feature.name: list(feature.counts) for feature in bundle.profile.features if len(feature.columns) == 1
            },
            "known": {
                feature.name: list(feature.values) for feature in bundle.profile.features if feature.view is None
            },
            "referenceRows": bundle.profile.rows,
        }
    return told


def counted(server: ModelServer) -> dict[str, Any]:
    """Tell the state and everything counted since the start."""
    evidence = server.evidence()
    told = {field: evidence[field] for field in ("state", "reason", "message", "probe", "outcomes", "rows", "inputs")}
    answered = sum(evidence["outcomes"].values())
    return {**told, "meanSeconds": server.durations.counted().sum / answered if answered else None}
