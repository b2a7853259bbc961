"""Several processes behind the same ports look like one server: ready together, counting together, ending together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from prometheus_client.parser import text_string_to_metric_families

from tests.component.server.processes import Server
from tests.component.server.test_feedback import mounted
from tests.component.server.test_processes import QUESTIONS
from tests.unit.server.churn import request
from tests.unit.server.test_grpc import METHOD, typed
from weirkeeper.api.names import HEADER_ARM, MATCH, MIRROR

TIMES = ("start", "now", "latency", "revision")
"""What differs between two runs of the same traffic."""


def children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def workers(server: Server) -> list[int]:
    """The processes that answer: forked by one that the server's process has forked."""
    return [worker for nursery in children(server.process.pid) for worker in children(nursery)]


def post(server: Server, route: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Ask on a connection of its own, so that each is handed to a worker anew."""
    url = f"http://127.0.0.1:{server.http}/v2/models/churn/{route}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def send_traffic(server: Server) -> list[Any]:
    """Rows of many kinds through both doors, of every arm, with mistakes, labels and repeats; give what was told."""
    told: list[Any] = []
    for number in range(30):
        row = {"income": 2_500.5 * number, "visits": number % 7, "region": ["north", "south", "nowhere"][number % 3]}
        changed: dict[str, Any] = {name: {"data": [value]} for name, value in row.items()}
        body = json.dumps(request(**changed)).encode()
        arm = {7: MIRROR, 8: MATCH}.get(number % 10)
        status, answer = post(server, "infer", body, {HEADER_ARM: arm} if arm else None)
        told.append((status, answer.get("outputs")))
        if token := answer.get("parameters", {}).get("feedback_token"):
            item = {"token": token, "labels": ["stay" if number % 2 else "leave"], "values": [number / 4]}
            told += [post(server, "feedback", json.dumps({"items": [item]}).encode()) for _ in range(1 + number % 2)]
    told += [post(server, "infer", body, headers)[0] for body, headers in [*QUESTIONS, (b"{", {}), (b"[]", {})]]
    told.append(post(server, "feedback", b'{"items": [{"token": "forged", "labels": [1]}]}'))
    for _ in range(6):
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
            channel.unary_unary(METHOD)(typed().SerializeToString())
    return told


def durations(slots: list[list[Any]]) -> tuple[int, int]:
    return sum(sum(bins.values()) for _, bins, _ in slots), sum(active for _, _, active in slots)


def counted(server: Server) -> dict[str, Any]:
    """All that is counted, but the durations themselves, and the names and times of this one process."""
    told = server.evidence
    found = {name: value for name, value in told.items() if name not in (*TIMES, "lost", "labels", "arms")}
    labels = {where: [table[-1] for table in told["labels"][where]] for where in ("totals", "slots")}
    arms = {arm: {**one, "latency": durations(one["latency"]["slots"])} for arm, one in told["arms"].items()}
    return {**found, "labels": labels, "arms": arms, "latency": durations(told["latency"]["slots"])}


def series(server: Server) -> dict[tuple[str, ...], float]:
    """All series for Prometheus but the durations themselves."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.evidence_port}/metrics", timeout=30) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    return {
        (one.name, *sorted(value for name, value in one.labels.items() if name != "revision")): one.value
        for family in families
        for one in family.samples
        if not one.name.endswith(("_bucket", "_sum"))
    }


@contextlib.contextmanager
def serving(bundle: Path, folder: Path, count: int, **more: Any) -> Iterator[Server]:
    keys = mounted(folder / "keys", current=bytes(32))
    feedback = {"WEIRKEEPER_FEEDBACK": json.dumps({"keys": str(keys)})}
    with Server(bundle, folder / "log", environment=feedback, workers=count, **more) as server:
        server.wait_for("Ready")
        yield server


def test_two_workers_count_to_the_bit_what_one_counts(bundle_folder: Path, tmp_path: Path) -> None:
    found = []
    for count in (1, 2):
        with serving(bundle_folder, tmp_path / str(count), count) as server:
            answers = send_traffic(server)
            found.append((answers, counted(server), series(server)))
            server.terminate()
            assert server.process.wait(60) == 0
    one, two = found
    assert one[0] == two[0]
    assert one[1] == two[1]
    assert one[2] == two[2]
    assert one[1]["outcomes"]["ok"] > 20
    assert set(one[1]["arms"]) == {"mirror", "match"}
    assert one[1]["labels"]["totals"][0]["rows"] > 10
    assert one[2]["weirkeeper_server_feedback_rows_total", "Repeated", "churn"] > 0


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


async def is_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Ask on a connection; False where it has ended."""
    body = QUESTIONS[0][0]
    try:
        writer.write(
            b"POST /v2/models/churn/infer HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    return head.startswith(b"HTTP/1.1 200")


async def test_connections_are_spread_evenly_and_the_counts_of_a_killed_worker_stay(
    bundle_folder: Path, tmp_path: Path
) -> None:
    with serving(bundle_folder, tmp_path, 2) as server:
        first, second = workers(server)
        streams = [await asyncio.open_connection("127.0.0.1", server.http) for _ in range(8)]
        assert all([await is_answered(*stream) for stream in streams])
        before = await asyncio.to_thread(lambda: server.evidence)
        assert before["outcomes"]["ok"] == 8
        os.kill(first, signal.SIGKILL)
        await asyncio.to_thread(
            until, lambda: first not in workers(server) and len(workers(server)) == 2, "no successor"
        )
        after = await asyncio.to_thread(lambda: server.evidence)
        assert second in workers(server)
        assert {name: after[name] for name in ("start", "outcomes", "rows", "inputs", "outputs", "latency")} == {
            name: before[name] for name in ("start", "outcomes", "rows", "inputs", "outputs", "latency")
        }
        assert after["lost"]["workers"] == 1
        answered = [await is_answered(*stream) for stream in streams]
        assert answered.count(True) == 4, "each of two workers had half of the connections"
        assert (await asyncio.to_thread(post, server, "infer", QUESTIONS[0][0]))[0] == 200
        for _, writer in streams:
            writer.close()


def test_a_server_is_ready_only_with_all_its_workers(bundle_folder: Path, tmp_path: Path) -> None:
    """One that ends again and again is followed after pauses, in which the server says that it is not ready."""
    with serving(bundle_folder, tmp_path, 2) as server:
        killed: set[int] = set()
        while server.get("/v2/health/ready")[0] == 200 and len(killed) < 8:
            kept = min(workers(server), default=0)
            for worker in set(workers(server)) - {kept}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
                killed.add(worker)
            time.sleep(0.1)
        assert server.get("/v2/health/ready")[0] == 503
        assert server.evidence["message"].startswith("a worker ended")
        assert post(server, "infer", QUESTIONS[0][0])[0] == 200, "what comes all the same is answered"
        until(lambda: server.get("/v2/health/ready")[0] == 200, "it is not ready again")
        assert server.evidence["state"] == "Ready"


def test_a_failed_probe_is_told_and_no_worker_is_left(bundle_folder: Path, tmp_path: Path) -> None:
    probe = [
        {
            "request": {"inputs": request()["inputs"]},
            "expect": {"outputs": [{"name": "predict", "datatype": "BYTES", "shape": [1], "data": ["elsewhere"]}]},
        }
    ]
    environment = {"WEIRKEEPER_PROBE": json.dumps(probe)}
    with Server(bundle_folder, tmp_path / "log", environment=environment, workers=2) as server:
        told = server.wait_for("Failed")
        assert (told["reason"], told["probe"]["failed"]) == ("ProbeFailed", 1)
        assert server.get("/v2/models/churn/ready")[0] == 503
        until(lambda: not children(server.process.pid), "a nursery is left")
        server.terminate()
        assert server.process.wait(60) == 0


def test_a_supervisor_that_is_killed_leaves_nobody(bundle_folder: Path, tmp_path: Path) -> None:
    with serving(bundle_folder, tmp_path, 2) as server:
        everybody = [*children(server.process.pid), *workers(server)]
        assert len(everybody) == 3
        server.process.kill()
        until(
            lambda: (
                not any(
                    Path(f"/proc/{one}/cmdline").exists() and Path(f"/proc/{one}/cmdline").read_bytes()
                    for one in everybody
                )
            ),
            "orphans",
        )
