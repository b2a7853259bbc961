"""A server process among clients that are slow, gone, wrong or many."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.component.server.processes import Server
from tests.unit.server.churn import request
from weirkeeper_server.raw_tensors import encode_raw

LIMITS = {"idleTimeoutSeconds": 1.0, "requestTimeoutSeconds": 5.0, "maxBodyBytes": 2**20, "maxConcurrentRequests": 8}
INFER = "/v2/models/churn/infer"
WAIT_SECONDS = 60.0
GROWTH_KIB = 20_000
"""More than an allocator's moods, less than a KiB for each of the requests."""


@pytest.fixture
def server(bundle_folder: Path, tmp_path: Path) -> Iterator[Server]:
    environment = {"WEIRKEEPER_LIMITS": json.dumps(LIMITS)}
    with Server(bundle_folder, tmp_path / "log", environment=environment) as server:
        server.wait_for("Ready")
        yield server


def closed(connection: socket.socket) -> bool:
    """Wait until the other side closes; whatever it says before is read."""
    connection.settimeout(WAIT_SECONDS)
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: churn\r\n",
        b"GET /v2 HTTP/1.1\r\nHost: churn\r\n\r\nGET /v2 HTTP/1.1\r\nHo",
        b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: churn\r\nContent-Length: 100\r\n\r\n{",
    ],
    ids=["nothing", "half a head", "half a second head", "half a body"],
)
def test_a_connection_that_shows_no_whole_request_is_closed(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.http)) as connection:
        connection.sendall(sent)
        assert closed(connection)
    assert server.get("/v2/health/ready")[0] == 200


async def test_a_head_that_drips_is_not_waited_for(server: Server) -> None:
    """Each byte is progress for the socket, and none for the request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.http)
    writer.write(b"GET /v2 HTTP/1.1\r\n")

    async def drip() -> None:
        while True:
            writer.write(b"x-drop: 1\r\n")
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(WAIT_SECONDS):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    dripping.cancel()
    writer.close()


def test_a_client_that_never_reads_its_answers_is_given_up(server: Server) -> None:
    """The kernel resets the connection when its window has been shut for long enough."""
    body = json.dumps(request(5000)).encode()
    head = f"POST {INFER} HTTP/1.1\r\nHost: churn\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.settimeout(WAIT_SECONDS)
        connection.connect(("127.0.0.1", server.http))
        with pytest.raises(ConnectionError):
            connection.sendall((head + body) * 100)


def test_clients_that_leave_are_neither_failures_nor_bugs(server: Server) -> None:
    body = json.dumps(request(5000)).encode()
    head = f"POST {INFER} HTTP/1.1\r\nHost: churn\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (head, head + body[:100], head + body):
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", server.http)) as connection:
                connection.sendall(sent)
    until = time.monotonic() + WAIT_SECONDS
    while sum((told := server.evidence)["outcomes"].values()) < 6 or any(slot[2] for slot in told["latency"]["slots"]):
        assert time.monotonic() < until, told
        time.sleep(0.05)
    assert told["outcomes"]["failed"] == 0, server.accesses.read_text()
    assert told["outcomes"]["invalid"] >= 4
    assert "a bug" not in server.log.read_text()


class Mixed:
    """Requests of all kinds, good and bad, whose statuses are known beforehand."""

    def __init__(self) -> None:
        good = json.dumps(request(3)).encode()
        text = json.dumps(
            {"inputs": [_raw("income", "FP64", 8), _raw("visits", "INT64", 8), _raw("region", "BYTES", 9)]}
        )
        raw = encode_raw("FP64", np.array([5e4])) + encode_raw("INT64", np.array([3])) + encode_raw("BYTES", ["south"])
        length = {"Inference-Header-Content-Length": str(len(text))}
        packed = {"Content-Encoding": "gzip"}
        self.kinds: list[tuple[str, bytes, dict[str, str], int]] = [
            (INFER, good, {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, 200),
            (INFER, text.encode() + raw, length, 200),
            (INFER, gzip.compress(good), packed, 200),
            (INFER, json.dumps(request(2000)).encode(), {"Accept-Encoding": "gzip"}, 200),
            (INFER, b"[" * 100_000, {}, 400),
            (INFER, text.encode() + raw[:-1], length, 400),
            (INFER, json.dumps(request(visits={"data": ["x" * 5000]})).encode(), {}, 400),
            (INFER, json.dumps(request(region={"data": ["never seen"]})).encode(), {}, 500),
            (INFER, gzip.compress(b" " * 2**24), packed, 413),
            ("/v2/models/other/infer", good, {}, 404),
            ("/v2/repository/models/churn/load", b"", {}, 400),
        ]

    async def ask(self, session: aiohttp.ClientSession, server: Server, number: int) -> tuple[int, int]:
        path, body, headers, wanted = self.kinds[number % len(self.kinds)]
        async with session.post(f"http://127.0.0.1:{server.http}{path}", data=body, headers=headers) as response:
            await response.read()
            return response.status, wanted


def _raw(name: str, datatype: str, size: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [1], "parameters": {"binary_data_size": size}}


def resident(server: Server) -> int:
    """KiB of memory that the process holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])


async def _round(server: Server, mixed: Mixed, count: int) -> Counter[tuple[int, int]]:
    answers: Counter[tuple[int, int]] = Counter()
    numbers = iter(range(count))

    async def client(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            answers[await mixed.ask(session, server, number)] += 1

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(client(session) for _ in range(4)))
    return answers


async def test_memory_and_pending_work_stay_flat_over_good_and_bad_requests(server: Server) -> None:
    mixed = Mixed()
    await _round(server, mixed, 550)
    before = resident(server)
    answers = await _round(server, mixed, 2750)
    assert all(got == wanted for got, wanted in answers), answers
    assert sum(answers.values()) == 2750
    assert resident(server) - before < GROWTH_KIB
    evidence = server.evidence
    assert not any(active for _, _, active in evidence["latency"]["slots"])
    # The load of a model is refused, and is no inference.
    assert sum(evidence["outcomes"].values()) == 3300 * 10 // 11
    async with asyncio.timeout(WAIT_SECONDS):
        while server.accesses.read_text().count("\n") < 3300:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)
    told = server.accesses.read_text()
    assert "never seen" not in told
    assert len({json.loads(line)["request"] for line in told.splitlines()}) == told.count("\n") == 3300
