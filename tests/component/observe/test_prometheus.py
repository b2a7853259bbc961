"""Gates' queries against a real Prometheus, and against servers that answer as none should."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.cluster.programs import promtool
from weirkeeper.api.promql import fill_in
from weirkeeper.delivery.evidence import QueryAnswer
from weirkeeper.observe.prometheus import ANSWER_LIMIT, Prometheus, sample_of
from weirkeeper.observe.queries import EVERY_SECONDS, PARSE_AGAIN_SECONDS, Queries

NOW = 1_800_000_000.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that scrapes nothing."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1h}\n")
    program: Path = promtool().with_name("prometheus")
    command = [
        str(program), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    with Popen(command, stdout=DEVNULL, stderr=DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture
async def prometheus(server: str) -> AsyncIterator[Prometheus]:
    found = Prometheus(server)
    async with found.open(), aiohttp.ClientSession() as session:
        for _ in range(300):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{server}/-/ready") as response:
                    if response.status == 200:
                        break
            await asyncio.sleep(0.1)
        yield found


@pytest.mark.parametrize(
    ("query", "value", "says"),
    [
        ("1 + 1.5", 2.5, ""),
        ("vector(3)", 3.0, ""),
        ("-1e9", -1e9, ""),
        ("up", None, "the query gives no series"),
        ('label_replace(vector(1), "a", "b", "", "") or vector(2)', None, "the query gives 2 series; it must give one"),
        ("vector(0) / 0", None, "the query gives NaN"),
        ("1 / 0", None, "the query gives +Inf"),
        ("up[5m]", None, "the query gives a matrix; it must give one number"),
        ('"text"', None, "the query gives a string; it must give one number"),
    ],
)
async def test_a_query_gives_one_number_or_says_why_not(
    prometheus: Prometheus, query: str, value: float | None, says: str
) -> None:
    found = await prometheus.number(query, time.time())
    assert (found.value, found.refused) == (value, False)
    assert found.problem.startswith(says)


@pytest.mark.parametrize("query", ["sum(up", "sum(rate(up))", "no such query", "rate(up[5x])"])
async def test_what_prometheus_cannot_read_is_refused_with_its_words(prometheus: Prometheus, query: str) -> None:
    for found in (await prometheus.number(query, NOW), await prometheus.parsed(query, NOW)):
        assert found is not None
        assert found.refused
        assert "parse error" in found.problem


async def test_what_prometheus_can_read_is_not_evaluated_to_say_so(prometheus: Prometheus) -> None:
    assert await prometheus.parsed('sum(rate(jobs_total{r="churn-2"}[5m]))', NOW) is None


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize(
    "value", ['x"} or vector(0) or a{r="', "x'} or vector(0) or a{r='", "a\\", "a\nb", "é`", "{{stable}}", ".*"]
)
async def test_a_value_stays_a_value_for_prometheus_too(prometheus: Prometheus, value: str, quote: str) -> None:
    selector = f"absent(a{{r={quote}{{{{candidate}}}}{quote}}})"
    filled = fill_in(selector, {"candidate": value})
    # `absent` gives the labels that it looked for: the value must come back as it was, and nothing with it.
    async with (
        aiohttp.ClientSession() as session,
        session.get(prometheus._url.join(prometheus._url / "api/v1/query"), params={"query": filled}) as response,
    ):
        answer = await response.json()
    assert [one["metric"] for one in answer["data"]["result"]] == [{"r": value}]


@dataclass
class Fake:
    """Answers `answer` (JSON, or bytes) with `status`, after `delay` seconds."""

    answer: Any = None
    status: int = 200
    delay: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    async def respond(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.asked.append((request.path, str(form.get("query"))))
        await asyncio.sleep(self.delay)
        headers = {"location": "http://127.0.0.1:1/"} if self.status == 302 else {}
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer, status=self.status, headers=headers)
        return web.json_response(self.answer, status=self.status, headers=headers)


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    found = Fake()
    app = web.Application()
    app.router.add_post("/{path:.*}", found.respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    found.url = f"http://127.0.0.1:{port}/prefix"
    yield found
    await runner.cleanup()


def scalar(value: str) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "scalar", "result": [NOW, value]}}


async def test_the_path_of_the_address_is_kept(fake: Fake) -> None:
    fake.answer = scalar("4")
    async with (prometheus := Prometheus(fake.url)).open():
        assert (await prometheus.number("4", NOW)).value == 4.0
    assert fake.asked == [("/prefix/api/v1/query", "4")]


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b"x" * (ANSWER_LIMIT + 1), 200, "no JSON of up to"),
        (b"<html>", 502, "Prometheus answers 502"),
        ({"status": "error", "error": "query timed out"}, 503, "Prometheus says: query timed out"),
        ({"status": "success", "data": {}}, 200, "does not follow its own API"),
        ({"status": "success", "data": {"resultType": "scalar", "result": [1, "four"]}}, 200, "does not follow"),
        ([], 200, "an error without a message"),
        ({}, 302, "an error without a message"),
    ],
)
async def test_other_answers_hold_and_refuse_nothing(fake: Fake, answer: Any, status: int, says: str) -> None:
    fake.answer, fake.status = answer, status
    async with (prometheus := Prometheus(fake.url)).open():
        found = await prometheus.number("up", NOW)
    assert (found.value, found.refused) == (None, False)
    assert says in found.problem


async def test_a_server_that_is_away_or_slow_is_told(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper.observe.prometheus.TIMEOUT_SECONDS", 0.2)
    fake.delay = 5.0
    for url in (fake.url, f"http://127.0.0.1:{free_port()}"):
        async with (prometheus := Prometheus(url)).open():
            for found in (await prometheus.number("up", NOW), await prometheus.parsed("up", NOW)):
                assert found is not None
                assert (found.value, found.refused) == (None, False)
                assert "Prometheus at 127.0.0.1 does not answer" in found.problem


async def test_a_server_that_parses_nothing_refuses_nothing(fake: Fake) -> None:
    fake.answer, fake.status = {"status": "error"}, 404
    async with (prometheus := Prometheus(fake.url)).open():
        assert await prometheus.parsed("sum(", NOW) is None


def test_a_vector_of_one_sample_is_a_number() -> None:
    result = [{"metric": {}, "value": [NOW, "1.5"]}]
    assert sample_of({"status": "success", "data": {"resultType": "vector", "result": result}}) == (1.5, "")


class Book:
    """Queries of one Model, asked by hand."""

    def __init__(self, fake: Fake) -> None:
        self.now, self.changes = NOW, 0
        self.prometheus = Prometheus(fake.url)
        self.queries = Queries(self.prometheus, lambda: self.now, self.note)

    def note(self, *_: str) -> None:
        self.changes += 1

    async def ask(self, seconds: float = 0.0) -> QueryAnswer | None:
        self.now += seconds
        await self.queries.ask(self.prometheus)
        return self.queries.answers("team-a", "churn").get("up")


@pytest.fixture
async def book(fake: Fake) -> AsyncIterator[Book]:
    found = Book(fake)
    async with found.prometheus.open():
        yield found


async def test_between_attempts_queries_are_parsed_once_and_in_one_asked_again_and_again(
    fake: Fake, book: Book
) -> None:
    fake.answer = scalar("4")
    book.queries.follow("team-a", "churn", ["up"], running=False)
    assert await book.ask() is None
    await book.ask(PARSE_AGAIN_SECONDS - 1)
    assert [path for path, _ in fake.asked] == ["/prefix/api/v1/format_query"]
    book.queries.follow("team-a", "churn", ["up"], running=True)
    first = await book.ask()
    assert first is not None
    assert (first.value, first.at) == (4.0, book.now)
    await book.ask(EVERY_SECONDS - 1)
    second = await book.ask(1)
    assert second is not None
    assert second.at == book.now
    assert len(fake.asked) == 3
    book.queries.follow("team-a", "churn", [], running=True)
    assert await book.ask(EVERY_SECONDS) is None
    assert len(fake.asked) == 3


async def test_a_planner_is_told_when_an_answer_becomes_another_kind_of_answer(fake: Fake, book: Book) -> None:
    fake.answer = scalar("4")
    book.queries.follow("team-a", "churn", ["up"], running=True)
    await book.ask()
    fake.answer = scalar("5")
    await book.ask(EVERY_SECONDS)
    assert book.changes == 1
    fake.answer = {"status": "error", "error": "bad"}
    gone = await book.ask(EVERY_SECONDS)
    since = book.now
    still = await book.ask(EVERY_SECONDS)
    assert book.changes == 2
    assert gone is not None
    assert still is not None
    assert (gone.without_since, still.without_since, still.at) == (since, since, book.now)
    fake.answer = scalar("4")
    back = await book.ask(EVERY_SECONDS)
    assert back is not None
    assert (back.without_since, book.changes) == (None, 3)


async def test_a_query_that_is_no_more_is_forgotten(fake: Fake, book: Book) -> None:
    fake.answer = scalar("4")
    book.queries.follow("team-a", "churn", ["up"], running=True)
    await book.ask()
    book.queries.follow("team-a", "churn", ["down"], running=True)
    assert book.queries.answers("team-a", "churn") == {}
    book.queries.forget("team-a", "churn")
    fake.asked.clear()
    await book.ask(EVERY_SECONDS)
    assert fake.asked == []
    assert book.queries.answers("team-a", "churn") == {}


async def test_without_a_prometheus_nothing_is_asked() -> None:
    queries = Queries(None, lambda: NOW, lambda *_: None)
    queries.follow("team-a", "churn", ["up"], running=True)
    await queries.run()
    assert queries.answers("team-a", "churn") == {}
