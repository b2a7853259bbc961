"""The prober as a process: it watches its server and answers on the evidence port."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from pydantic import ValidationError

from weirkeeper_server.beside import Prober, ProbeSettings
from weirkeeper_server.ending import told_to_end
from weirkeeper_server.errors import SettingsError

VARIABLES: Mapping[str, str] = {"probe": "WEIRKEEPER_PROBE", "request_timeout": "WEIRKEEPER_REQUEST_TIMEOUT"}
LABELS = ("model", "revision")


def read_probe_settings(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> ProbeSettings:
    """Put arguments and environment together.

    Raises:
        SettingsError: a variable is no JSON, or a value is not what the field takes; the message names it.
    """
    try:
        given = {field: json.loads(environment[name]) for field, name in VARIABLES.items() if environment.get(name)}
        return ProbeSettings.model_validate({"pod": environment.get("POD_NAME", ""), **given, **arguments})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = str(problem["loc"][0])
        where = ".".join([VARIABLES.get(field, field), *map(str, problem["loc"][1:])])
        raise SettingsError(f"{where} is {problem['input']!r}: {problem['msg']}") from None
    except ValueError as error:
        raise SettingsError(f"{' or '.join(VARIABLES.values())} is no JSON ({error}); give JSON values") from None


def run(settings: ProbeSettings) -> None:
    """Watch until SIGTERM or SIGINT."""
    asyncio.run(_watch(settings))


async def _watch(settings: ProbeSettings) -> None:
    stop = told_to_end()
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        prober = Prober(settings, session)
        runner = web.AppRunner(prober_application(prober), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, settings.host, settings.evidence_port).start()
        watching = asyncio.create_task(prober.run())
        stopped = asyncio.create_task(stop.wait())
        # A bug in the watching ends the process: a container that restarts is seen, a silent one is not.
        await asyncio.wait({watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (watching, stopped):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def prober_application(prober: Prober) -> web.Application:
    """Make the application of the evidence port."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ProbeMetrics(prober))

    async def evidence(_: web.Request) -> web.Response:
        return web.json_response(prober.evidence())

    async def ready(_: web.Request) -> web.Response:
        is_ready = prober.state == "Ready"
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ready": is_ready, "message": prober.message}, status=status)

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes(
        [
            web.get("/evidence", evidence),
            web.get("/ready", ready),
            web.get("/live", live),
            web.get("/metrics", metrics),
        ]
    )
    return application


class ProbeMetrics(Collector):
    """Reads what the prober knows whenever Prometheus asks."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober

    def collect(self) -> Iterator[Metric]:
        """Give every series of this process."""
        labels = [self._prober.settings.model, self._prober.settings.revision]
        ready = GaugeMetricFamily(
            "weirkeeper_probe_ready", "1 where the server beside gave every golden answer.", labels=LABELS
        )
        ready.add_metric(labels, float(self._prober.state == "Ready"))
        yield ready
        golden = GaugeMetricFamily(
            "weirkeeper_probe_golden_requests",
            "Golden requests of the last probe by result: passed or failed.",
            labels=[*LABELS, "result"],
        )
        golden.add_metric([*labels, "passed"], self._prober.probed.passed)
        golden.add_metric([*labels, "failed"], len(self._prober.probed.failures))
        yield golden
