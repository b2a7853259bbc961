"""A small load generator: an even stream of one-row predictions over keep-alive connections, counted by revision.

It runs alone in a pod on the model server's image (Python, aiohttp; nothing of ours is imported) and never stops until
told. Requests leave on schedule whatever the answers do (open loop); a bound on those in flight protects the machine,
and what was due but could not leave is counted as ``withheld``. A request is never repeated, so every failure that a
client would meet is counted.

- ``GET /counts``: cumulative outcomes and latency by revision, the last failures, p50 and p99 of the last answers.
- ``POST /control`` ``{"rate": 100, "rows": "drifted", "running": false}``: any of the three; answers like ``/counts``.
- ``GET /labelled``: where the rows come with labels, each answered row goes back with its label as the answer's token
  says, twice a second; those that were counted are here as CSV, the newest last, as a team's table would have them.
"""

import argparse
import asyncio
import csv
import io
import json
import math
import random
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

REVISION_HEADER: Final = "x-weirkeeper-revision"
UNKNOWN: Final = ""  # revision of a request that no revision answered
BINS_PER_DOUBLING: Final = 16
KEPT_FAILURES: Final = 20  # of each revision: one that fails often hides no other's
RECENT: Final = 1000  # answers behind the recent quantiles
DETAIL: Final = 300  # characters kept of a failed answer
TICK: Final = 0.005  # fewest seconds between two looks at the schedule
LONGEST_TICK: Final = 0.05  # and most, so that what it is told is soon heeded
OK: Final = "200"

KEPT_LABELS: Final = 5000
LABEL_SECONDS: Final = 0.5  # between two posts of labels
MOST_LABELS: Final = 500  # of one post

Bodies = dict[str, list[bytes]]


@dataclass
class Revision:
    """What one revision answered: outcomes by status or error name, latency by bin, first and last (unix seconds)."""

    outcomes: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)
    first: float = 0.0
    last: float = 0.0
    failures: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_FAILURES))


def bin_of(milliseconds: float) -> int:
    """Log-spaced bin of a duration: sixteen to the doubling, so an edge is within 4.4 % of the value."""
    return math.ceil(BINS_PER_DOUBLING * math.log2(max(milliseconds, 1e-3)))


def quantile(bins: Counter[int], share: float) -> float | None:
    """Upper edge in milliseconds of the bin in which the quantile lies; None without answers."""
    rank, total = 0, sum(bins.values())
    for index in sorted(bins):
        rank += bins[index]
        if rank >= share * total:
            return float(2 ** (index / BINS_PER_DOUBLING))
    return None


@dataclass
class Tally:
    """Everything counted since the start."""

    started: float
    sent: int = 0
    withheld: int = 0
    revisions: dict[str, Revision] = field(default_factory=dict)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def record(self, revision: str, outcome: str, milliseconds: float, now: float, detail: str = "") -> None:
        """Count one finished request; anything but 200 is a failure and keeps its detail."""
        entry = self.revisions.setdefault(revision, Revision(first=now))
        entry.outcomes[outcome] += 1
        entry.latency[bin_of(milliseconds)] += 1
        entry.last = now
        self.recent.append(milliseconds)
        if outcome != OK:
            entry.failures.append({"time": now, "revision": revision, "outcome": outcome, "detail": detail[:DETAIL]})

    def as_json(self) -> dict[str, Any]:
        """The part of ``/counts`` that is counted."""
        recent = Counter(bin_of(value) for value in self.recent)
        return {
            "started": self.started,
            "sent": self.sent,
            "withheld": self.withheld,
            "revisions": {name: _revision_json(entry) for name, entry in self.revisions.items()},
            "failures": [failure for entry in self.revisions.values() for failure in entry.failures],
            "p50": quantile(recent, 0.5),
            "p99": quantile(recent, 0.99),
        }


def _revision_json(entry: Revision) -> dict[str, Any]:
    return {
        "outcomes": dict(entry.outcomes),
        "first": entry.first,
        "last": entry.last,
        "p50": quantile(entry.latency, 0.5),
        "p99": quantile(entry.latency, 0.99),
    }


def bodies(document: dict[str, Any]) -> Bodies:
    """Render each row as a request of the Open Inference Protocol with named columns."""
    columns = document["columns"]
    return {name: [_body(columns, row) for row in rows] for name, rows in document["sets"].items()}


def _body(columns: list[dict[str, str]], row: list[object]) -> bytes:
    inputs = [{**column, "shape": [1], "data": [value]} for column, value in zip(columns, row, strict=True)]
    return json.dumps({"inputs": inputs}).encode()


@dataclass(frozen=True)
class LabelledRow:
    """A row that was answered: its values, what is true of it, and the token of the answer."""

    time: float
    values: tuple[object, ...]
    label: object
    token: str


@dataclass
class Labels:
    """What is true of the rows of each set, by their number; labels wait for their post, then they are known."""

    columns: list[str]
    rows: dict[str, list[list[object]]]
    truth: dict[str, list[object]]
    waiting: deque[LabelledRow] = field(default_factory=deque)
    known: deque[LabelledRow] = field(default_factory=lambda: deque(maxlen=KEPT_LABELS))
    refused: int = 0

    def take(self, chosen: str, number: int, answer: bytes, now: float) -> None:
        """Keep the token of an answer to row ``number`` of a set."""
        token = json.loads(answer)["parameters"]["feedback_token"]
        self.waiting.append(LabelledRow(now, tuple(self.rows[chosen][number]), self.truth[chosen][number], token))

    async def post(self, session: aiohttp.ClientSession, url: str) -> None:
        """Send labels back; what is not counted is told as ``refused``, and what did not arrive goes again."""
        batch = [self.waiting.popleft() for _ in range(min(MOST_LABELS, len(self.waiting)))]
        items = [{"token": one.token, "labels": [one.label]} for one in batch]
        try:
            async with session.post(url, json={"items": items}) as response:
                told = await response.json()
                self.refused += told["refused"]
                self.known.extend(batch)
        except (TimeoutError, aiohttp.ClientError, KeyError):
            self.waiting.extendleft(reversed(batch))

    def as_csv(self) -> str:
        """Every row that is known, with when it was answered."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([*self.columns, "label", "time"])
        for one in self.known:
            writer.writerow([*one.values, one.label, datetime.fromtimestamp(one.time, tz=UTC).isoformat()])
        return text.getvalue()


def labels_of(document: dict[str, Any]) -> Labels | None:
    """Read the labels of a document of rows, where it has some."""
    truth = document.get("labels")
    return Labels([column["name"] for column in document["columns"]], document["sets"], truth) if truth else None


class Load:
    """The stream of requests and its control."""

    def __init__(  # noqa: PLR0913  each is an option of the command line
        self,
        url: str,
        rows: Bodies,
        *,
        rate: float,
        in_flight: int,
        time_out: float,
        seed: int = 0,
        labels: Labels | None = None,
    ) -> None:
        self.url = url
        self.rows = rows
        self.labels = labels
        self.chosen = next(iter(rows))
        self.in_flight = in_flight
        self.time_out = time_out
        self.running = True
        self.tally = Tally(started=time.time())
        self._random = random.Random(seed)  # a repeatable choice of rows
        self._open: set[asyncio.Task[None]] = set()
        self.rate = rate
        self._restart_schedule()

    def _restart_schedule(self) -> None:
        self._from = time.monotonic()
        self._scheduled = 0

    def control(self, wish: dict[str, Any]) -> None:
        """Apply a wish; raises ValueError, and changes nothing, when it is not understood."""
        unknown = set(wish) - {"rate", "rows", "running"}
        rate, chosen, running = (
            wish.get("rate", self.rate),
            wish.get("rows", self.chosen),
            wish.get("running", self.running),
        )
        if unknown or chosen not in self.rows or not isinstance(running, bool) or not _is_rate(rate):
            raise ValueError(f"got {wish}; expected rate > 0, rows of {sorted(self.rows)}, running true or false")
        if rate != self.rate:
            self.tally.recent.clear()  # answers to another rate say nothing about this one
        self.rate, self.chosen, self.running = float(rate), chosen, running
        self._restart_schedule()

    async def run(self) -> None:
        """Send on schedule until cancelled."""
        # A Service keeps its address: the cluster's DNS, which a crowded machine starves, is asked once.
        connector = aiohttp.TCPConnector(limit=self.in_flight, keepalive_timeout=60, ttl_dns_cache=None)
        time_out = aiohttp.ClientTimeout(total=self.time_out)
        async with aiohttp.ClientSession(connector=connector, timeout=time_out) as session:
            try:
                posting = asyncio.create_task(self._post_labels(session))
                while True:
                    if self.running:
                        self._send_due(session)
                    await asyncio.sleep(self._pause())
            finally:
                for task in (posting, *self._open):
                    task.cancel()

    async def _post_labels(self, session: aiohttp.ClientSession) -> None:
        while self.labels:
            await asyncio.sleep(LABEL_SECONDS)
            if self.labels.waiting:
                await self.labels.post(session, f"{self.url.removesuffix('infer')}feedback")

    def _pause(self) -> float:
        """Seconds until the next request is due, within bounds."""
        if not self.running:
            return LONGEST_TICK
        due = self._from + (self._scheduled + 1) / self.rate - time.monotonic()
        return min(max(due, TICK), LONGEST_TICK)

    def _send_due(self, session: aiohttp.ClientSession) -> None:
        due = int((time.monotonic() - self._from) * self.rate) - self._scheduled
        self._scheduled += due
        leaving = min(due, self.in_flight - len(self._open))
        self.tally.withheld += due - leaving
        for _ in range(leaving):
            self.tally.sent += 1
            number = self._random.randrange(len(self.rows[self.chosen]))
            task = asyncio.create_task(self._send(session, self.chosen, number))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _send(self, session: aiohttp.ClientSession, chosen: str, number: int) -> None:
        start = time.monotonic()
        revision, outcome, detail = UNKNOWN, "", ""
        body, headers = self.rows[chosen][number], {"content-type": "application/json"}
        try:
            async with session.post(self.url, data=body, headers=headers) as response:
                revision, outcome = response.headers.get(REVISION_HEADER, UNKNOWN), str(response.status)
                answer = await response.read()
                detail = answer.decode(errors="replace")
                if self.labels and outcome == OK:
                    self.labels.take(chosen, number, answer, time.time())
        except TimeoutError:
            outcome, detail = "time-out", f"no answer within {self.time_out:g} s"
        except aiohttp.ClientError as error:
            outcome, detail = type(error).__name__, str(error)
        self.tally.record(revision, outcome, 1000 * (time.monotonic() - start), time.time(), detail)

    def as_json(self) -> dict[str, Any]:
        """What ``/counts`` answers."""
        state = {"rate": self.rate, "rows": self.chosen, "running": self.running, "inFlight": len(self._open)}
        return {"now": time.time(), **state, **self.tally.as_json()}


def _is_rate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def application(load: Load) -> web.Application:
    """The generator's own port, with the stream running beside it."""

    async def counts(_: web.Request) -> web.Response:
        return web.json_response(load.as_json())

    async def control(request: web.Request) -> web.Response:
        try:
            load.control(await request.json())
        except (ValueError, AttributeError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(load.as_json())

    app = web.Application()
    app.router.add_get("/counts", counts)

    async def labelled(_: web.Request) -> web.Response:
        return web.Response(text=load.labels.as_csv() if load.labels else "", content_type="text/csv")

    app.router.add_post("/control", control)
    app.router.add_get("/labelled", labelled)
    app.cleanup_ctx.append(_streaming(load))
    return app


def _streaming(load: Load) -> Callable[[web.Application], AsyncIterator[None]]:
    async def streaming(_: web.Application) -> AsyncIterator[None]:
        stream = asyncio.create_task(load.run())
        yield
        stream.cancel()
        with suppress(asyncio.CancelledError):
            await stream

    return streaming


def main() -> None:
    """Read the command line, then send and serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="where predictions are asked for")
    parser.add_argument("--rows", required=True, type=Path, help="JSON file of columns and sets of rows")
    parser.add_argument("--rate", type=float, default=200, help="requests per second")
    parser.add_argument("--in-flight", type=int, default=64, help="most requests open at the same time")
    parser.add_argument("--time-out", type=float, default=30, help="seconds after which a request counts as failed")
    parser.add_argument("--port", type=int, default=8090)
    options = parser.parse_args()
    document = json.loads(options.rows.read_text())
    rows, labels = bodies(document), labels_of(document)

    async def start() -> web.Application:
        settings = {"rate": options.rate, "in_flight": options.in_flight, "time_out": options.time_out}
        return application(Load(options.url, rows, labels=labels, **settings))

    web.run_app(start(), port=options.port, access_log=None)


if __name__ == "__main__":
    main()
