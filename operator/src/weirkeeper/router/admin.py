"""Envoy's admin port, as far as the agent uses it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from weirkeeper.router.clusters import grpc_cluster
from weirkeeper.router.counters import CONNECTIONS_STAT, STATS_FILTER, VERSION_STAT, Reading, read_stats
from weirkeeper.router.errors import EnvoySilent
from weirkeeper.router.latencies import LATENCY_FILTER, read_latencies

PATIENCE: Final = aiohttp.ClientTimeout(total=5.0)

# Envoy gives its uptime in whole seconds; two readings of one start differ by one at most, and by what a request takes.
UPTIME_PRECISION: Final = 2.5


class EnvoyAdmin:
    """Asks and tells one Envoy; every method raises EnvoySilent where it does not answer as expected."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._started = 0.0

    async def read(self) -> Reading:
        """Read the counters, and the version of the routes in force."""
        return read_stats(await self._stats(STATS_FILTER))

    async def latencies(self) -> dict[str, dict[int, int]]:
        """Read how long each revision's requests took, by bin, since Envoy started."""
        query = {"format": "json", "filter": LATENCY_FILTER, "histogram_buckets": "detailed"}
        return read_latencies(json.loads(await self._get("/stats", query)))

    async def version(self) -> str:
        """Tell which version of the routes is in force."""
        return str((await self._stats(f"^{VERSION_STAT}$")).get(VERSION_STAT, ""))

    async def started(self, now: float) -> float:
        """When this Envoy started, in Unix seconds; differs whenever its counters began anew."""
        uptime = float(json.loads(await self._get("/server_info"))["uptime_current_epoch"].removesuffix("s"))
        if abs(now - uptime - self._started) > UPTIME_PRECISION:
            dump = json.loads(await self._get("/config_dump?mask=last_updated"))
            self._started = datetime.fromisoformat(dump["configs"][0]["last_updated"]).timestamp()
        return self._started

    async def warm(self) -> AbstractSet[str]:
        """Name the revisions both of whose clusters are in use by Envoy and have a healthy member."""
        answer = json.loads(await self._get("/clusters?format=json"))
        healthy = {
            cluster["name"]
            for cluster in answer.get("cluster_statuses", ())
            if any(_is_healthy(host) for host in cluster.get("host_statuses", ()))
        }
        return {name for name in healthy if grpc_cluster(name) in healthy}

    async def connections(self) -> int:
        """How many connections clients have open."""
        return int((await self._stats(f"^{CONNECTIONS_STAT}$")).get(CONNECTIONS_STAT, 0))

    async def begin_drain(self) -> None:
        """Let every answer from now on tell its client to connect anew, and go on answering."""
        await self._post("/healthcheck/fail")
        await self._post("/drain_listeners?graceful")

    async def quit(self) -> None:
        """End Envoy."""
        await self._post("/quitquitquit")

    async def _stats(self, pattern: str) -> dict[str, Any]:
        answer = json.loads(await self._get("/stats", {"format": "json", "filter": pattern}))
        return {stat["name"]: stat["value"] for stat in answer["stats"] if "name" in stat}

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> str:
        return await self._ask("GET", path, query)

    async def _post(self, path: str) -> None:
        await self._ask("POST", path, None)

    async def _ask(self, method: str, path: str, query: Mapping[str, str] | None) -> str:
        try:
            async with self._session.request(method, self._url + path, params=query, timeout=PATIENCE) as answer:
                text = await answer.text()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise EnvoySilent(f"Envoy's admin port {self._url}{path} does not answer ({error!r})") from error
        if answer.status != HTTPStatus.OK:
            raise EnvoySilent(f"Envoy's admin port answers {answer.status} for {path}; expected 200: {text:.200}")
        return text


def _is_healthy(host: Mapping[str, Any]) -> bool:
    health = dict(host.get("health_status", {}))
    return health.pop("eds_health_status", "HEALTHY") == "HEALTHY" and not any(health.values())
