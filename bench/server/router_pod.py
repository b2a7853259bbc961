"""A router pod on loopback: Envoy and its agent, told of one Model with one server; ends at SIGTERM.

Started as `python -m bench.server.router_pod FOLDER MODEL SERVER_PORT ROUTER_PORT`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.server.places import free_port
from weirkeeper.router import Event, Listed, RouterOptions, bootstrap, run_agent

ENVOY: Final = Path(sys.executable).parent / "envoy"
NAMESPACE: Final = "bench"
QUIET: Final = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")


class _Namespace:
    """What the API server would tell the agent, once."""

    def __init__(self, model: str, port: int) -> None:
        self._told = (Listed("EndpointSlice", (_slice(model, port),)), Listed("Model", (_model(model),)))

    async def events(self) -> AsyncIterator[Event]:
        """Tell everything, then nothing more."""
        for event in self._told:
            yield event
        await asyncio.Event().wait()


def _model(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": metadata, "status": {"decision": 1, "traffic": [{"revision": f"{name}-1", "weight": 100}]}}


def _slice(model: str, port: int) -> dict[str, Any]:
    labels = {"weirkeeper.dev/revision": f"{model}-1", "weirkeeper.dev/component": "model"}
    return {
        "metadata": {"name": f"{model}-1", "uid": f"{model}-1", "labels": labels},
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
    }


async def _run(options: RouterOptions, namespace: _Namespace) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bootstrap(options)
    configuration = str(options.directory / "bootstrap.json")
    envoy = await asyncio.create_subprocess_exec(ENVOY, "-c", configuration, *QUIET)
    agent = asyncio.create_task(run_agent(namespace, options, stop))
    await asyncio.wait([agent, asyncio.create_task(envoy.wait())], return_when=asyncio.FIRST_COMPLETED)
    if envoy.returncode is None:
        envoy.terminate()
    await envoy.wait()


def main(arguments: Sequence[str]) -> None:
    """Run until told to stop."""
    folder, model, server_port, router_port = arguments
    options = RouterOptions(
        namespace=NAMESPACE,
        pod="router-1",
        directory=Path(folder),
        listen_address="127.0.0.1",
        http_port=int(router_port),
        ready_port=free_port(),
        evidence_port=free_port(),
        admin_port=free_port(),
        removal_wait=0.0,
    )
    asyncio.run(_run(options, _Namespace(model, int(server_port))))


if __name__ == "__main__":
    main(sys.argv[1:])
