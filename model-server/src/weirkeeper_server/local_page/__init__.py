"""The page that `weirkeeper serve` shows at `/`: the bundle, a form with a golden request filled in, live counts.

It exists on an owner's machine alone: a server in a pod never imports this package.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any, Final

from aiohttp import web

from weirkeeper_server.core import ModelServer

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

Handler = Callable[[web.Request], Awaitable[web.Response]]


def add_page(application: web.Application, server: ModelServer) -> None:
    """Add the page's routes to the application that serves the protocol."""

    async def bundle(_: web.Request) -> web.Response:
        return web.json_response(described(server), headers=HEADERS)

    async def counts(_: web.Request) -> web.Response:
        return web.json_response(counted(server), headers=HEADERS)

    application.router.add_get("/", _file("page.html"))
    application.router.add_get(f"{PREFIX}/page.js", _file("page.js"))
    application.router.add_get(f"{PREFIX}/page.css", _file("page.css"))
    application.router.add_get(f"{PREFIX}/bundle", bundle)
    application.router.add_get(f"{PREFIX}/counts", counts)


def _file(name: str) -> Handler:
    text = files(__package__).joinpath(name).read_text()

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=_TYPES[name], headers=HEADERS)

    return serve


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
    return {**told, "meanSeconds": server.durations.sum / answered if answered else None}
