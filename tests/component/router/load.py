"""Clients with keep-alive connections, which count who answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc

from tests.component.router.stubs import METHOD


@dataclass
class Tally:
    """Answers by revision, and what went wrong."""

    answers: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


async def http_requests(port: int, count: int, connections: int, host: str = "churn") -> Counter[str]:
    """Send `count` requests over a few connections that stay open; gives the answers by revision."""
    tally: Counter[str] = Counter()
    shares = [count // connections + (index < count % connections) for index in range(connections)]
    await asyncio.gather(*(_connection(port, share, host, tally) for share in shares))
    return tally


async def _connection(port: int, count: int, host: str, tally: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET /v2/models/churn/200 HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    for _ in range(count):
        writer.write(request)
        status, headers = await _answer(reader)
        assert status == 200, headers
        tally[headers["x-weirkeeper-revision"]] += 1
    writer.close()


async def answered_by(port: int, headers: Mapping[str, str], host: str = "churn") -> dict[str, str]:
    """Which revision answers each caller, whose request has the header line that `headers` has for the caller."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = {}
    for caller, line in headers.items():
        writer.write(f"GET /v2/models/churn/200 HTTP/1.1\r\nhost: {host}\r\n{line}\r\n\r\n".encode())
        status, answered = await _answer(reader)
        assert status == 200, answered
        found[caller] = answered["x-weirkeeper-revision"]
    writer.close()
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
    await reader.readexactly(int(headers["content-length"]))
    return int(head[0].split(" ")[1]), headers


async def grpc_requests(port: int, count: int, connections: int, message: bytes = b"") -> Counter[str]:
    """The same over gRPC."""
    tally: Counter[str] = Counter()
    shares = [count // connections + (index < count % connections) for index in range(connections)]
    await asyncio.gather(*(_channel(port, share, message, tally, index) for index, share in enumerate(shares)))
    return tally


async def _channel(port: int, count: int, message: bytes, tally: Counter[str], index: int) -> None:
    options = [("grpc.default_authority", "churn"), ("grpc.use_local_subchannel_pool", 1), ("test.channel", index)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        infer = channel.unary_unary(METHOD)
        for _ in range(count):
            call = infer(message)
            assert await call == b"answer"
            tally[dict(await call.initial_metadata())["x-weirkeeper-revision"]] += 1


class KeepAliveClient:
    """One client that never stops: one connection, opened anew only where the server said that it closes it.

    `port` may be changed while it runs, as a Service leads new connections to another pod.
    """

    def __init__(self, port: int, tally: Tally, wish: str = "200") -> None:
        self.port = port
        self._request = f"GET /v2/models/churn/{wish} HTTP/1.1\r\nhost: churn\r\n\r\n".encode()
        self._tally = tally
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    async def run(self, pause: float = 0.0) -> None:
        while not self._stopped:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                await self._use(reader, writer, pause)
            finally:
                writer.close()

    async def _use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
        while not self._stopped:
            writer.write(self._request)
            try:
                status, headers = await _answer(reader)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                self._tally.lost.append(repr(error))
                return
            if status != 200:
                self._tally.lost.append(f"{status} {headers}")
            self._tally.answers[headers.get("x-weirkeeper-revision", "")] += 1
            if headers.get("connection") == "close":
                return
            await asyncio.sleep(pause)
