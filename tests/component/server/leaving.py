"""One of two servers ends while clients ask both without pause: whatever the door, no request may be lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.component.server.processes import Server


@contextmanager
def pair(bundle: Path, folder: Path, drain_seconds: float, workers: int = 1) -> Iterator[tuple[Server, Server]]:
    """Two ready servers: the one that is to leave, and the one that stays."""
    with (
        Server(bundle, folder / "a", drain_seconds=drain_seconds, workers=workers) as leaving,
        Server(bundle, folder / "b", drain_seconds=drain_seconds, workers=workers) as staying,
    ):
        leaving.wait_for("Ready")
        staying.wait_for("Ready")
        yield leaving, staying


class Outcomes:
    """What clients were answered, by revision, and their errors; they go on until `stop`."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.errors: list[str] = []
        self.stop = asyncio.Event()


async def leave(leaving: Server, outcomes: Outcomes, clients: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Let the clients ask, tell the server to end, and let them ask on until shortly after it has ended."""
    asking = [asyncio.create_task(client) for client in clients]
    await asyncio.sleep(2.0)
    leaving.terminate()
    assert await asyncio.to_thread(leaving.process.wait, 120) == 0
    await asyncio.sleep(0.5)
    outcomes.stop.set()
    await asyncio.gather(*asking)


def check_nothing_lost(outcomes: Outcomes, leaving: Server, staying: Server) -> None:
    """Both answered their part, nobody met an error, and what the staying server counts is what its clients got."""
    told = staying.evidence
    assert outcomes.errors == []
    assert set(outcomes.answers) == {f"churn-{leaving.http}", f"churn-{staying.http}"}
    assert min(outcomes.answers.values()) > 20
    assert told["outcomes"] == {"ok": outcomes.answers[f"churn-{staying.http}"], "invalid": 0, "failed": 0}
    assert told["rows"] == outcomes.answers[f"churn-{staying.http}"]
    assert sum(told["inputs"]["income"]["counts"]) == told["rows"]
