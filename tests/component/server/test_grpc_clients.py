"""The gRPC port as grpc-go calls it, and its HTTP/2 as h2spec tries it, a public list of cases of RFC 7540 and 7541."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.programs import GRPC_CLIENT, H2SPEC, built
from tests.component.server.processes import Server
from tests.unit.server.http2.plain import PlainConnection
from tests.unit.server.test_grpc import METHOD, typed
from weirkeeper_server.protocol.open_inference_pb2 import ModelInferRequest, ModelInferResponse

LIMITS = {"maxRows": 200_000, "maxBodyBytes": 5_000_000, "requestTimeoutSeconds": 60}


@pytest.fixture(scope="module")
def server(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("grpc") / "log"
    with Server(bundle_folder, log, environment={"WEIRKEEPER_LIMITS": json.dumps(LIMITS)}) as server:
        server.wait_for("Ready")
        yield server


def rows(count: int) -> ModelInferRequest:
    request = typed()
    for entry, field in zip(request.inputs, ("fp64_contents", "int64_contents", "bytes_contents"), strict=True):
        entry.shape[0] = count
        values = getattr(entry.contents, field)
        values.extend(list(values) * (count - 1))
    return request


def called(server: Server, folder: Path, request: ModelInferRequest, *options: str, method: str = METHOD) -> Any:
    """How calls of grpc-go ended."""
    (folder / "body").write_bytes(request.SerializeToString())
    arguments = ["--address", f"127.0.0.1:{server.grpc}", "--method", method, "--body", str(folder / "body"), *options]
    return json.loads(asyncio.run(_output(str(built(GRPC_CLIENT)), *arguments)))


async def _output(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(120):
        return (await process.communicate())[0]


def test_calls_of_go_are_answered_at_once_beside_each_other_and_packed(server: Server, tmp_path: Path) -> None:
    many = called(server, tmp_path, typed(id="g1"), "--calls", "400", "--callers", "40")
    assert (many["codes"], ModelInferResponse.FromString(base64.b64decode(many["answer"])).id) == ({"OK": 400}, "g1")
    assert called(server, tmp_path, typed(), "--calls", "20", "--gzip")["codes"] == {"OK": 20}


def test_large_messages_go_both_ways(server: Server, tmp_path: Path) -> None:
    """Far beyond every window."""
    told = called(server, tmp_path, rows(100_000), "--calls", "4", "--callers", "2")
    assert told["codes"] == {"OK": 4}
    answer = ModelInferResponse.FromString(base64.b64decode(told["answer"]))
    assert list(answer.outputs[1].shape) == [100_000, 2]
    assert len(base64.b64decode(told["answer"])) > 2_000_000


def test_what_is_refused_has_its_code_in_go_too(server: Server, tmp_path: Path) -> None:
    large = called(server, tmp_path, rows(450_000), "--calls", "3")
    assert (large["codes"], "bytes; at most 5000000" in large["message"]) == ({"ResourceExhausted": 3}, True)
    assert called(server, tmp_path, typed(model_name="ü"))["codes"] == {"NotFound": 1}
    assert "'ü'" in called(server, tmp_path, typed(model_name="ü"))["message"]
    unknown = called(server, tmp_path, typed(), method="/inference.GRPCInferenceService/Nothing")
    assert unknown["codes"] == {"Unimplemented": 1}


def test_calls_that_are_given_up_leave_the_others_alone(server: Server, tmp_path: Path) -> None:
    before = Counter(server.evidence["outcomes"])
    given_up = called(server, tmp_path, rows(50_000), "--calls", "30", "--callers", "10", "--cancel", "5ms")
    late = called(server, tmp_path, rows(50_000), "--calls", "10", "--callers", "5", "--timeout", "5ms")
    assert set(given_up["codes"]) <= {"Canceled", "OK"}
    assert set(late["codes"]) <= {"DeadlineExceeded", "OK"}
    assert called(server, tmp_path, typed(), "--calls", "50", "--callers", "5")["codes"] == {"OK": 50}
    counted = Counter(server.evidence["outcomes"])
    counted.subtract(before)
    assert counted["failed"] == 0
    assert counted["ok"] >= 50
    server.wait_until(lambda told: not any(active for _, _, active in told["latency"]["slots"][-1:]))


async def test_its_http2_passes_h2spec() -> None:
    serving = await asyncio.get_running_loop().create_server(PlainConnection, "127.0.0.1", 0)
    program = str(await asyncio.to_thread(built, H2SPEC))
    told = await _output(program, "--port", str(serving.sockets[0].getsockname()[1]))
    serving.close()
    assert b" 0 failed" in told, told.decode()
    assert b"146 passed" in told, told.decode()
