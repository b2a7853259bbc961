"""The server's gRPC port as clients use it that know nothing of pods: one long connection, under load, to the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.component.server.leaving import Outcomes, check_nothing_lost, leave, pair
from tests.component.server.processes import Server, free_port
from tests.unit.server.test_grpc import METHOD, typed
from weirkeeper_server.protocol.open_inference_pb2 import ModelInferResponse


@pytest.fixture
def servers(bundle_folder: Path, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    with pair(bundle_folder, tmp_path, drain_seconds=1.0) as both:
        yield both


class Service:
    """What a Service does: leads each new connection to a pod that is ready, and leaves those that are open alone."""

    def __init__(self, servers: tuple[Server, ...]) -> None:
        self._servers = servers
        self._turn = 0
        self._connections: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        port = free_port()
        listening = await asyncio.start_server(self._accept, "127.0.0.1", port)
        yield f"127.0.0.1:{port}"
        listening.close()
        await asyncio.gather(*self._connections)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._lead(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready = [one for one in self._servers if (await asyncio.to_thread(one.get, "/v2/health/ready"))[0] == 200]
        self._turn += 1
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", ready[self._turn % len(ready)].grpc)
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(2**16):
            writer.write(content)
            await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


class Load(Outcomes):
    """Clients, each with a connection of its own, that call without pause."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    async def call(self, number: int) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("test.channel", number)]
        async with grpc.aio.insecure_channel(self._address, options=options) as channel:
            infer, message = channel.unary_unary(METHOD), typed().SerializeToString()
            while not self.stop.is_set():
                try:
                    answer = ModelInferResponse.FromString(await infer(message))
                    self.answers[answer.model_version] += 1
                except grpc.aio.AioRpcError as error:
                    self.errors.append(f"{error.code()}: {error.details()}")


@pytest.mark.parametrize("workers", [1, 2])
async def test_sigterm_under_load_loses_no_call(bundle_folder: Path, tmp_path: Path, workers: int) -> None:
    with pair(bundle_folder, tmp_path, 1.0, workers) as servers:
        leaving, staying = servers
        async with Service(servers).open() as address:
            load = Load(address)
            await leave(leaving, load, map(load.call, range(8)))
        check_nothing_lost(load, leaving, staying)


async def test_a_call_that_is_on_its_way_is_answered_after_sigterm(servers: tuple[Server, Server]) -> None:
    """Its message arrives only after the drain's time has passed."""
    server = servers[0]
    send = asyncio.Event()

    async def late() -> AsyncIterator[bytes]:
        await send.wait()
        yield typed().SerializeToString()

    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        call: Any = channel.stream_unary(METHOD)(late())
        while not any(active for _, _, active in server.evidence["latency"]["slots"]):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.02)
        server.terminate()
        await asyncio.sleep(2.5)
        assert server.process.poll() is None
        send.set()
        assert ModelInferResponse.FromString(await call).model_name == "churn"
        assert await asyncio.to_thread(server.process.wait, 30) == 0
