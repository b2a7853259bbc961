"""The server as a pod runs it: from its start to its end, under load."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.component.server.leaving import Outcomes, check_nothing_lost, leave, pair
from tests.component.server.processes import Server
from tests.unit.server.churn import request
from weirkeeper.api.bundle import SHORTCUT_FILE
from weirkeeper_server.raw_tensors import encode_raw


def test_a_server_tells_evidence_before_it_is_ready_and_answers_afterwards(bundle_folder: Path, tmp_path: Path) -> None:
    # Read with scikit-learn, whose import takes long enough to be seen.
    folder = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    (folder / SHORTCUT_FILE).unlink()
    with Server(folder, tmp_path / "log") as server:
        states: list[str] = []
        until = time.monotonic() + 120
        while time.monotonic() < until and (not states or states[-1] != "Ready"):
            states.append(server.evidence.get("state", "") or "")
            time.sleep(0.1)
        told = [state for number, state in enumerate(states) if state and state not in states[:number]]
        assert told == ["Loading", "Ready"]
        assert server.get("/v2/models/churn/ready") == (200, {"name": "churn", "ready": True})


def test_a_bundle_that_fails_its_probe_leaves_a_process_that_says_so(bundle_folder: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    golden = json.loads((broken / "golden.json").read_text())
    golden[0]["expect"]["outputs"][0]["data"] = ["elsewhere"]
    (broken / "golden.json").write_text(json.dumps(golden))
    with Server(broken, tmp_path / "log") as server:
        told = server.wait_for("Failed")
        assert told["reason"] == "ProbeFailed"
        assert "golden request row 0: output predict: expected 'elsewhere', got '" in told["message"]
        assert told["probe"]["failed"] == 1
        assert told["signature"] is not None
        assert server.get("/v2/models/churn/ready")[0] == 503
        server.terminate()
        assert server.process.wait(60) == 0


def test_settings_that_mean_nothing_end_the_process_at_once(bundle_folder: Path, tmp_path: Path) -> None:
    with Server(bundle_folder, tmp_path / "log", environment={"WEIRKEEPER_LIMITS": '{"maxRows": "many"}'}) as server:
        assert server.process.wait(30) == 2
    assert "WEIRKEEPER_LIMITS.maxRows is 'many'" in (tmp_path / "log").read_text()


def binary_question() -> tuple[bytes, dict[str, str]]:
    raw = encode_raw("FP64", np.array([51_000.5]))
    binary = {"data": None, "parameters": {"binary_data_size": len(raw)}}
    document = request(income=binary)
    del document["inputs"][0]["data"]
    text = json.dumps(document).encode()
    return text + raw, {"Inference-Header-Content-Length": str(len(text))}


QUESTIONS: list[tuple[bytes, dict[str, str]]] = [(json.dumps(request()).encode(), {}), binary_question()]


class Load(Outcomes):
    """Clients with keep-alive connections that ask without pause, and look elsewhere when a server is not ready.

    A router's part is played here: a server is asked as long as its readiness, seen a moment ago, was good.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        super().__init__()
        self.servers = list(servers)
        self.ready = list(servers)

    async def watch(self, session: aiohttp.ClientSession) -> None:
        while not self.stop.is_set():
            self.ready = [server for server in self.servers if await self._is_ready(session, server)]
            await asyncio.sleep(0.05)

    async def _is_ready(self, session: aiohttp.ClientSession, server: Server) -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"http://127.0.0.1:{server.http}/v2/models/churn/ready") as response:
                return response.status == 200
        return False

    async def ask(self, session: aiohttp.ClientSession) -> None:
        turn = 0
        while not self.stop.is_set():
            turn += 1
            server = self.ready[turn % len(self.ready)]
            body, headers = QUESTIONS[turn // 2 % len(QUESTIONS)]
            try:
                url = f"http://127.0.0.1:{server.http}/v2/models/churn/infer"
                async with session.post(url, data=body, headers=headers) as response:
                    answer = await response.json()
                    self.answers[answer.get("model_version", f"{response.status}: {answer}")] += 1
            except aiohttp.ClientError as error:
                self.errors.append(f"{server.http}: {error!r}")


@pytest.mark.parametrize("workers", [1, 2])
async def test_sigterm_under_load_loses_no_request(bundle_folder: Path, tmp_path: Path, workers: int) -> None:
    with pair(bundle_folder, tmp_path, 2.0, workers) as (leaving, staying):
        load = Load([leaving, staying])
        async with aiohttp.ClientSession() as session:
            await leave(leaving, load, [*(load.ask(session) for _ in range(8)), load.watch(session)])
        check_nothing_lost(load, leaving, staying)
    logged = [json.loads(line) for line in leaving.accesses.read_text().splitlines()]
    assert sum(line["method"] == "POST" for line in logged) == load.answers[f"churn-{leaving.http}"]


async def test_a_request_that_is_on_its_way_is_answered_after_sigterm(bundle_folder: Path, tmp_path: Path) -> None:
    """Its body arrives only after the drain's time has passed."""
    with Server(bundle_folder, tmp_path / "log", drain_seconds=0.1) as server:
        await asyncio.to_thread(server.wait_for, "Ready")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http)
        body = json.dumps(request()).encode()
        head = f"POST /v2/models/churn/infer HTTP/1.1\r\nHost: churn\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        while not any(active for _, _, active in server.evidence["latency"]["slots"]):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.02)
        server.terminate()
        await asyncio.sleep(1.0)
        assert server.process.poll() is None
        writer.write(body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in answer
        assert await asyncio.to_thread(server.process.wait, 30) == 0
        writer.close()
