"""Asks a Prometheus for one number a query: a short time-out, bounded answers, no redirects, nothing believed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from weirkeeper.delivery.evidence import QueryAnswer
from weirkeeper.observe.asking import UNANSWERED, body_within, parse
from weirkeeper.observe.errors import BrokenEvidence

TIMEOUT_SECONDS: Final = 5.0
CONNECTIONS: Final = 8
ANSWER_LIMIT: Final = 256 * 1024
"""In bytes; one series of one sample is far shorter, and nothing else is of use."""

REFUSED: Final = frozenset({HTTPStatus.BAD_REQUEST})
LONGEST_ERROR: Final = 300

Sample = tuple[float | None, str]
"""A number, or None and why there is none."""


class Prometheus:
    """Asks the Prometheus at `url`; at most CONNECTIONS questions at a time."""

    def __init__(self, url: str) -> None:
        self._url = URL(url.rstrip("/") + "/")
        self._session: aiohttp.ClientSession | None = None
        self._places = asyncio.Semaphore(CONNECTIONS)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hold the connections, kept alive from question to question."""
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=60.0)
        timeout, cookies = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=cookies) as self._session:
            yield

    async def number(self, query: str, at: float) -> QueryAnswer:
        """Evaluate a query at `at` (Unix seconds)."""
        status, answer, problem = await self._post("api/v1/query", {"query": query, "time": f"{at:.3f}"})
        if problem:
            return QueryAnswer(at, None, problem)
        if status in REFUSED:
            return QueryAnswer(at, None, _error_of(answer), refused=True)
        value, why = sample_of(answer)
        return QueryAnswer(at, value, why)

    async def parsed(self, query: str, at: float) -> QueryAnswer | None:
        """Have a query parsed and not evaluated; None where Prometheus can read it, or does not say.

        An answer without `refused` says why nobody knows.
        """
        status, answer, problem = await self._post("api/v1/format_query", {"query": query})
        if problem:
            return QueryAnswer(at, None, problem)
        return QueryAnswer(at, None, _error_of(answer), refused=True) if status in REFUSED else None

    async def _post(self, path: str, form: Mapping[str, str]) -> tuple[int, Any, str]:
        """The status and the body as JSON, or why there is none of either."""
        if self._session is None:
            raise RuntimeError("Prometheus is asked without a session; enter `Prometheus.open()` first")
        async with self._places:
            try:
                async with self._session.post(self._url.join(URL(path)), data=form, allow_redirects=False) as response:
                    body = await body_within(response, ANSWER_LIMIT)
                    status = response.status
            except UNANSWERED as error:
                return 0, None, f"Prometheus at {self._url.host} does not answer: {type(error).__name__}"
        try:
            return status, parse(body), ""
        except BrokenEvidence:
            return 0, None, f"Prometheus answers {status}, and no JSON of up to {ANSWER_LIMIT} bytes"


def sample_of(answer: Any) -> Sample:
    """Read the one number of an answer to /api/v1/query (a scalar, or a vector of one series)."""
    if not isinstance(answer, dict) or answer.get("status") != "success":
        return None, f"Prometheus says: {_error_of(answer)}"
    try:
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind == "vector":
            if len(result) != 1:
                return None, _series(len(result))
            result = result[0]["value"]
        elif kind != "scalar":
            return None, f"the query gives a {kind}; it must give one number, as sum(…) does"
        value = float(result[1])
    except (KeyError, TypeError, ValueError, IndexError):
        return None, "Prometheus answers what does not follow its own API"
    return (value, "") if math.isfinite(value) else (None, f"the query gives {result[1]}")


def _series(count: int) -> str:
    if count == 0:
        return "the query gives no series"
    return f"the query gives {count} series; it must give one number, as sum(…) does"


def _error_of(answer: Any) -> str:
    told = answer.get("error") if isinstance(answer, dict) else None
    return str(told)[:LONGEST_ERROR] if told else "an error without a message"
