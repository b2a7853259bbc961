"""Model servers that answer as the test asks them to, over HTTP and gRPC."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc

SERVICE = "inference.GRPCInferenceService"
METHOD = f"/{SERVICE}/ModelInfer"


class HttpStub:
    """Answers by the last part of the path: a status, or what else a server can do. Counts what it was asked.

    `spoil` lets it do something else than it was asked to.
    """

    def __init__(self) -> None:
        self.port = 0
        self.asked: Counter[str] = Counter()
        self.heads: list[str] = []
        self.received = 0
        self.spoil: dict[str, str] = {}
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._connections:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                await writer.drain()
        self._connections.discard(writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        wish = head.split(b" ", 2)[1].rsplit(b"/", 1)[-1].decode()
        self.asked[wish] += 1
        self.heads.append(head.decode("latin-1"))
        sent = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        self.received += len(await reader.readexactly(int(sent[1]) if sent else 0))
        wish = self.spoil.get(wish, wish)
        if wish == "close":
            return False
        if wish == "slow":
            await asyncio.sleep(0.3)
        if wish == "hang":
            await asyncio.sleep(60)
        if wish in {"partial", "stall"}:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegun")
            await writer.drain()
            await asyncio.sleep(0.05 if wish == "partial" else 60)
            return False
        status = wish if wish.isdigit() else "200"
        writer.write(f"HTTP/1.1 {status} As-Asked\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        return True


class GrpcStub:
    """Answers by the message: empty is OK, a number is a status, `hang` and `stall` do what they say."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: Counter[str] = Counter()
        self._server: Any = None

    async def start(self) -> None:
        self._server = grpc.aio.server()
        handler = grpc.unary_unary_rpc_method_handler(self._infer)
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": handler}),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(grace=None)

    async def _infer(self, request: bytes, context: Any) -> bytes:
        metadata = dict(context.invocation_metadata())
        self.asked[f"{request.decode()} {metadata.get('x-weirkeeper-arm', '')}".strip()] += 1
        return await _infer(request, context)


async def _infer(request: bytes, context: Any) -> bytes:
    wish = request.decode()
    if wish.isdigit():
        status = next(code for code in grpc.StatusCode if code.value[0] == int(wish))
        await context.abort(status, "as asked")
    if wish == "stall":
        await context.send_initial_metadata(())
    if wish in {"hang", "stall"}:
        await asyncio.sleep(60)
    if wish == "slow":
        await asyncio.sleep(0.3)
    return b"answer"


@contextlib.asynccontextmanager
async def http_stub() -> AsyncIterator[HttpStub]:
    stub = HttpStub()
    await stub.start()
    try:
        yield stub
    finally:
        await stub.stop()


@contextlib.asynccontextmanager
async def grpc_stub() -> AsyncIterator[GrpcStub]:
    stub = GrpcStub()
    await stub.start()
    try:
        yield stub
    finally:
        await stub.stop()
