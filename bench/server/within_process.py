"""The same requests with and without bookkeeping, turn by turn in one process: run by the Python that has the server.

With it, a request is booked when it begins and ends, by outcome, duration and slot, and its rows are counted by the
bins of the profile, all of them to the end. Without it, it is predicted alone. Requests come AT_ONCE at a time, without
sockets. Prints the processor's microseconds of a request, a pair for each turn: without bookkeeping, with it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from weirkeeper_server.core import ModelServer
from weirkeeper_server.counting import TrafficProfile
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.settings import Settings

AT_ONCE: Final = 16
ROUNDS: Final = 2048
"""Rounds of a turn: with 16 requests each, some batches of rows are counted within it."""


async def booked(server: ModelServer, requests: Sequence[InferRequest]) -> None:
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


async def plain(server: ModelServer, requests: Sequence[InferRequest]) -> None:
    """Let requests that come at once be answered."""
    for answer in [server.ask(request) for request in requests]:
        await answer


async def turn(
    server: ModelServer, requests: Sequence[InferRequest], traffic: TrafficProfile | None, rounds: int = ROUNDS
) -> float:
    """Answer so many times, with what counts the rows or without any bookkeeping; give a request's microseconds."""
    server.traffic = traffic
    ask = plain if traffic is None else booked
    start = time.process_time()
    for _ in range(rounds):
        await ask(server, requests)
    if traffic is not None:
        traffic.totals()
    return (time.process_time() - start) * 1e6 / rounds / len(requests)


async def served(bundle: Path, matrix: Path) -> tuple[ModelServer, list[InferRequest]]:
    """Start a server of a model that takes one matrix, and make requests of its first rows."""
    server = ModelServer(Settings(bundle=bundle, model="within", revision="within-1"))
    await server.start()
    if not server.ready:
        raise SystemExit(f"the bundle {bundle} cannot be served: {server.message}")
    name, rows = server.expected.inputs[0].name, np.load(matrix)
    return server, [InferRequest(None, {name: rows[[place]]}, 1, ("predict",)) for place in range(AT_ONCE)]


async def measure(bundle: Path, matrix: Path, turns: int) -> list[tuple[float, float]]:
    """Give a request's microseconds without bookkeeping and with it, turn by turn."""
    server, requests = await served(bundle, matrix)
    traffic = server.traffic
    found = [(await turn(server, requests, None), await turn(server, requests, traffic)) for _ in range(turns)]
    server.close()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="folder of a model that takes one matrix")
    parser.add_argument("--rows", type=Path, required=True, help="its rows, as numpy saves them")
    parser.add_argument("--turns", type=int, required=True)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(measure(given.bundle, given.rows, given.turns))))
