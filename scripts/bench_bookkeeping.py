#!/usr/bin/env python3
"""Measure what counting costs a request: the same requests with and without it, turn by turn in one process.

With it, a request is booked when it begins and ends, by outcome, duration and slot, and its rows are counted by the
bins of the profile, all of them to the end. Without it, it is predicted alone. Requests come 16 at a time, without
sockets. Times are of the processor; prints each turn's difference in microseconds a request, their median and spread.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from weirkeeper import bundle
from weirkeeper_server.core import ModelServer
from weirkeeper_server.counting import TrafficProfile
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.freed_memory import keep_freed_memory
from weirkeeper_server.settings import Settings

AT_ONCE: Final = 16
ROUNDS: Final = 2048
"""Rounds of a turn: with 16 requests each, twice as many rows as are counted at once."""


async def counted(server: ModelServer, requests: list[InferRequest]) -> None:
    """Let requests that come at once be answered, and book them as a door does."""
    tickets = [server.begin() for _ in requests]
    answers = []
    for ticket, request in zip(tickets, requests, strict=True):
        ticket.__enter__()
        ticket.rows = request.rows
        answers.append(server.ask(request))
    for ticket, answer in zip(tickets, answers, strict=True):
        await answer
        ticket.__exit__(None, None, None)


async def plain(server: ModelServer, requests: list[InferRequest]) -> None:
    """Let requests that come at once be answered."""
    for answer in [server.ask(request) for request in requests]:
        await answer


async def turn(server: ModelServer, requests: list[InferRequest], traffic: TrafficProfile | None) -> float:
    """Answer ROUNDS times, with what counts the rows or without any counting; give the microseconds of a request."""
    server.traffic = traffic
    ask = plain if traffic is None else counted
    start = time.process_time()
    for _ in range(ROUNDS):
        await ask(server, requests)
    if traffic is not None:
        traffic.totals()
    return (time.process_time() - start) * 1e6 / ROUNDS / len(requests)


async def main() -> None:
    """Measure, and print or write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--json", type=Path, help="a file to write the result to")
    arguments = parser.parse_args()
    keep_freed_memory()  # as a server does
    data = load_breast_cancer()
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
    with tempfile.TemporaryDirectory() as folder:
        made = bundle(estimator, data.data, path=Path(folder) / "diagnosis")
        server = ModelServer(Settings(bundle=made, model="diagnosis", revision="diagnosis-1"))
        await server.start()
        requests = [InferRequest(None, {"input": row[np.newaxis]}, 1, ("predict",)) for row in data.data[:AT_ONCE]]
        traffic = server.traffic
        turns = [
            (await turn(server, requests, None), await turn(server, requests, traffic)) for _ in range(arguments.turns)
        ]
        server.close()
    differences = sorted(on - off for off, on in turns)
    told = {
        "features": data.data.shape[1],
        "atOnce": AT_ONCE,
        "offMicroseconds": round(statistics.median(off for off, _ in turns), 2),
        "onMicroseconds": round(statistics.median(on for _, on in turns), 2),
        "bookkeepingMicroseconds": round(statistics.median(differences), 2),
        "lowest": round(differences[0], 2),
        "highest": round(differences[-1], 2),
    }
    text = json.dumps(told, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main())
