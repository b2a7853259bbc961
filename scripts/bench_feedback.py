#!/usr/bin/env python3
"""Measure what feedback tokens cost: the same requests with and without them, turn by turn in one run.

Prints for each number of rows the time of an answer (read, predicted, encoded, in one process without sockets), the
ratio of the two, and the bytes that a token adds. Times are of this machine; ratios are what to compare.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from weirkeeper import bundle
from weirkeeper_server.answer import encode
from weirkeeper_server.core import ModelServer
from weirkeeper_server.decode import parse, read_request
from weirkeeper_server.settings import FeedbackSettings, Settings

ROWS: Final = (1, 10, 100, 1_000)
TURNS: Final = 300


async def server_of(folder: Path, keys: Path | None) -> ModelServer:
    """A server of the bundle, with or without keys."""
    feedback = FeedbackSettings(keys=keys)
    server = ModelServer(Settings(bundle=folder, model="diagnosis", revision="diagnosis-5d9c7f02", feedback=feedback))
    await server.start()
    return server


def question(rows: int) -> bytes:
    """The body of a request, as JSON."""
    data = load_breast_cancer().data
    values = [data[number % len(data)].tolist() for number in range(rows)]
    entry = {"name": "input", "datatype": "FP64", "shape": [rows, data.shape[1]], "data": values}
    return json.dumps({"inputs": [entry]}).encode()


async def answered(server: ModelServer, body: bytes) -> tuple[float, bytes]:
    """Answer once; give the time in microseconds and the answer."""
    start = time.perf_counter()
    request = read_request(parse(body), server.expected, 10_000)
    answer = encode(await server.infer(request))
    return (time.perf_counter() - start) * 1e6, answer


async def sealing(server: ModelServer, body: bytes) -> list[float]:
    """Make the token of one answer often; give the times in microseconds."""
    request = read_request(parse(body), server.expected, 10_000)
    outputs = server._predictor.predict(request.inputs)  # type: ignore[union-attr]  # noqa: SLF001  nobody else asks
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        server.feedback.token(request.inputs, outputs, request.rows, 1_800_000_000.0)
        times.append((time.perf_counter() - start) * 1e6)
    return times


async def measured(servers: Mapping[str, ModelServer], rows: int) -> list[Any]:
    """One line of the table: the servers take turns, so that both have the same machine."""
    body = question(rows)
    times: dict[str, list[float]] = {name: [] for name in servers}
    sizes: dict[str, int] = {}
    for turn in range(TURNS):
        for name in sorted(servers, reverse=turn % 2 == 0):
            microseconds, answer = await answered(servers[name], body)
            times[name].append(microseconds)
            sizes[name] = len(answer)
    alone = statistics.median(await sealing(servers["sealed"], body))
    bare, sealed = (statistics.median(times[name]) for name in ("bare", "sealed"))
    added = sizes["sealed"] - sizes["bare"]
    return [rows, f"{bare:.0f}", f"{sealed:.0f}", f"{sealed / bare:.2f}", f"{alone:.0f}", sizes["bare"], added]


async def main() -> None:
    """Measure and print."""
    data, target = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data, target)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made = bundle(model, data, path=folder / "bundle")
        (folder / "current").write_bytes(bytes(range(32)))
        servers = {"bare": await server_of(made, None), "sealed": await server_of(made, folder)}
        heads = (
            "Rows",
            "without tokens, us",
            "with tokens, us",
            "ratio",
            "token alone, us",
            "answer, bytes",
            "added, bytes",
        )
        print("|", " | ".join(heads), "|")
        print("|---|---|---|---|---|---|---|")
        for rows in ROWS:
            print("|", " | ".join(map(str, await measured(servers, rows))), "|", flush=True)
        for server in servers.values():
            server.close()


if __name__ == "__main__":
    asyncio.run(main())
