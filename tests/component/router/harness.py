"""A router on loopback: a real Envoy with its agent, told of a namespace by the test."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from weirkeeper.router import Changed, Event, Gone, Listed, RouterOptions, bootstrap, run_agent

ENVOY = Path(sys.executable).parent / "envoy"
NAMESPACE = "team-a"


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def model(
    name: str,
    decision: int,
    traffic: Mapping[str, int],
    uid: str = "uid-1",
    beside: Mapping[str, Mapping[str, Any]] | None = None,
    sticky: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Model; `beside` is what a revision's entry says beside its weight."""
    found = beside or {}
    shares = [{"revision": one, "weight": weight, **found.get(one, {})} for one, weight in traffic.items()]
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"decision": decision, "traffic": shares, **({"sticky": sticky} if sticky else {})},
    }


def endpoint_slice(revision: str, *ports: int, grpc: int | None = None) -> dict[str, Any]:
    """One slice with a pod on loopback; `ports` other than one need one slice each, since a slice has one port.

    With `grpc` the pod has another port for gRPC.
    """
    name = f"{revision}-{ports[0] if ports else 'none'}"
    named = [{"name": "http", "port": port} for port in ports]
    named += [{"name": "grpc", "port": grpc}] if grpc else []
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "labels": {"weirkeeper.dev/revision": revision, "weirkeeper.dev/component": "model"},
        },
        "ports": named,
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}} for _ in ports],
    }


class TestFeed:
    """The API server as the agent sees it; silent unless the test says something."""

    __test__ = False

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def events(self) -> AsyncIterator[Event]:
        while True:
            yield await self._events.get()

    def lists(self, models: list[dict[str, Any]], slices: list[dict[str, Any]]) -> None:
        self._events.put_nowait(Listed("EndpointSlice", tuple(slices)))
        self._events.put_nowait(Listed("Model", tuple(models)))

    def model(self, changed: dict[str, Any]) -> None:
        self._events.put_nowait(Changed("Model", changed))

    def slice(self, changed: dict[str, Any]) -> None:
        self._events.put_nowait(Changed("EndpointSlice", changed))

    def gone(self, deleted: dict[str, Any]) -> None:
        self._events.put_nowait(Gone("Model", deleted))


class Router:
    """One router pod. Envoy and agent are started and ended apart, as kubelet does with containers."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        http, ready, evidence, admin = free_ports(4)
        defaults: dict[str, Any] = {"route_timeout": 1.0, "removal_wait": 0.5}
        self.options = RouterOptions(
            namespace=NAMESPACE,
            pod="router-1",
            directory=directory,
            listen_address="127.0.0.1",
            http_port=http,
            ready_port=ready,
            evidence_port=evidence,
            admin_port=admin,
            **(defaults | settings),
        )
        self.feed = TestFeed()
        self.session = aiohttp.ClientSession()
        self.envoy: asyncio.subprocess.Process | None = None
        self._agent: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.options.http_port}"

    async def start(self) -> None:
        bootstrap(self.options)
        await self.start_envoy()
        self.start_agent()

    async def start_envoy(self) -> None:
        arguments = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
        drain = ["--drain-time-s", "30", "--drain-strategy", "immediate"]
        with (self.options.directory / "envoy.log").open("ab") as log:
            self.envoy = await asyncio.create_subprocess_exec(
                ENVOY, "-c", self.options.directory / "bootstrap.json", *arguments, *drain, stdout=log, stderr=log
            )
        await eventually(self._envoy_is_live)

    def start_agent(self) -> None:
        self._stop = asyncio.Event()
        self.feed = TestFeed()
        self._agent = asyncio.create_task(run_agent(self.feed, self.options, self._stop))

    async def kill_envoy(self) -> None:
        if self.envoy is not None:
            with contextlib.suppress(ProcessLookupError):
                self.envoy.kill()
            await self.envoy.wait()
            self.envoy = None

    async def kill_agent(self) -> None:
        if self._agent is not None:
            self._agent.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._agent
            self._agent = None

    async def terminate(self) -> int:
        """End the pod as kubelet does; gives Envoy's exit code."""
        assert self._agent is not None
        assert self.envoy is not None
        self._stop.set()
        await self._agent
        return await self.envoy.wait()

    async def close(self) -> None:
        await self.kill_agent()
        await self.kill_envoy()
        await self.session.close()

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        """Status, revision and JSON of one answer to a client."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.get(self.url + path, headers=sent) as answer:
            body = await answer.json(content_type=None)
            return answer.status, answer.headers.get("x-weirkeeper-revision", ""), body

    async def status(self, path: str, **headers: str) -> int:
        return (await self.get(path, **headers))[0]

    async def ask_agent(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://127.0.0.1:{self.options.evidence_port}{path}") as answer:
            return answer.status, await answer.text()

    async def evidence(self) -> dict[str, Any]:
        async with self.session.get(f"http://127.0.0.1:{self.options.evidence_port}/evidence") as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def counts(self, revision: str) -> dict[str, int]:
        """What is exact at once; latencies come up to a second later."""
        found: dict[str, int] = (await self.evidence())["clusters"][revision]
        del found["latency"]
        return found

    async def acknowledges(self, name: str, decision: int) -> None:
        async def acknowledged() -> bool:
            status, _ = await self.ask_agent("/evidence")
            return status == 200 and (await self.evidence())["acknowledged"].get(name) == decision

        await eventually(acknowledged)

    async def is_ready(self) -> bool:
        url = f"http://127.0.0.1:{self.options.ready_port}/ready"
        with contextlib.suppress(aiohttp.ClientError):
            async with self.session.get(url) as answer:
                return answer.status == 200
        return False

    async def _envoy_is_live(self) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with self.session.get(f"{self.options.admin_url}/ready") as answer:
                return answer.status == 200
        return False


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while True:
        with contextlib.suppress(aiohttp.ClientError):
            if await condition():
                return
        assert time.monotonic() < deadline, f"{condition.__qualname__} is not true within {within} s"
        await asyncio.sleep(0.05)
