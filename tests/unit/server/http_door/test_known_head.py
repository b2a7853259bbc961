"""Requests whose head was read before are answered as if it were read each time."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.server.http_door.wire import Wire, get, post
from weirkeeper_server.http_door.known_head import LONGEST, TRIES, KnownHead
from weirkeeper_server.http_door.request import HttpRequest

_MADE = re.compile(rb"x-request-id: [0-9a-f]{32}")
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: churn\r\nTransfer-Encoding: chunked\r\n\r\n"
SENT = {
    "one": post(b"abc"),
    "another": post(b"xyz"),
    "head in a body": post(b"a\r\n\r\nb"),
    "ends in an empty line": post(b"abc\r\n\r\n"),
    "an empty line after it": post(b"abc") + b"\r\n",
    "empty lines before it": b"\r\n\r\n" + post(b"abc"),
    "two at once": post(b"abc") + post(b"xyz"),
    "no body": post(b""),
    "get": get(),
    "head": get(method="HEAD"),
    "chunked": CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
    "chunked, other": CHUNKED + b"3\r\nxyz\r\n0\r\n\r\n",
    "gives leave": post(b"abc", "/echo", b"Expect: 100-continue"),
    "upgrades": post(b"abc", "/echo", b"Upgrade: h2c", b"Connection: upgrade"),
    "last": post(b"abc", "/echo", b"Connection: close"),
    "too large": post(b"a" * 1001),
    "unknown": post(b"abc", "/nowhere"),
    "packed": post(b"abc", "/echo", b"Content-Encoding: gzip"),
    "half": post(b"abcdef")[:-3],
    "no head": b"abc\r\n",
    "numbered": post(b"abc", "/echo", b"X-Request-Id: 0001"),
    "numbered, next": post(b"xyz", "/echo", b"X-Request-Id: 0002"),
    "numbered, blank within": post(b"xyz", "/echo", b"X-Request-Id: 0 02"),
    "numbered, line within": post(b"xyz", "/echo", b"X-Request-Id: 0\r\n2"),
    "numbered, colon": post(b"xyz", "/echo", b"X-Request-Id: 0:02"),
    "numbered, not ASCII": post(b"xyz", "/echo", b"X-Request-Id: 0\xff02"),
    "numbered twice": post(b"abc", "/echo", b"X-Request-Id: 0001", b"X-Request-Id: 0002"),
}


def _told(wire: Wire) -> tuple[Any, ...]:
    shown = bytes(wire.transport.written).replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    lines = [line for line in shown.split(b"\r\n") if not line.startswith(b"Date") and not _MADE.fullmatch(line)]
    return lines, wire.backend.asked, wire.is_closed()


@given(names=st.lists(st.sampled_from(sorted(SENT)), min_size=2, max_size=6))
@example(names=["an empty line after it", "an empty line after it", "one"])
@example(names=["too large", "too large"])
@example(names=["numbered", "numbered, next", "numbered, blank within", "numbered"])
@example(names=["numbered", "numbered, line within"])
@example(names=["numbered", "numbered, not ASCII", "numbered, colon", "numbered twice", "numbered twice"])
@example(names=["one", "half", "one", "one"])
@example(names=["one", "last", "one", "one"])
@settings(max_examples=150)
def test_known_heads_change_no_answer(names: list[str]) -> None:
    async def told() -> tuple[Any, ...]:
        return _told(Wire().send(*(SENT[name] for name in names)))

    with patch.object(KnownHead, "again", return_value=None):
        each_read = asyncio.run(told())
    assert asyncio.run(told()) == each_read


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the head of what was sent was known, each time."""
    known: list[bool] = []
    again = KnownHead.again

    def remember(self: KnownHead, data: bytes) -> HttpRequest | None:
        request = again(self, data)
        known.append(request is not None)
        return request

    monkeypatch.setattr(KnownHead, "again", remember)
    return known


async def test_a_head_that_comes_again_is_not_read_again(found: list[bool]) -> None:
    wire = Wire().send(*(post(body) for body in (b"abc", b"def", b"ghi", b"long", b"jklm", b"abc")))
    assert [body for _, _, body in wire.backend.asked] == [b"abc", b"def", b"ghi", b"long", b"jklm", b"abc"]
    assert found == [False, True, True, False, True, False]


async def test_a_head_in_which_only_the_id_is_another_is_known_and_keeps_its_id(found: list[bool]) -> None:
    wire = Wire().send(*(post(b"abc", "/echo", b"X-Request-Id: r%d" % number) for number in range(5, 10)))
    assert found == [False, True, True, True, True]
    told = [line for answer in wire.answers() for line in answer.head.split(b"\r\n") if b"-id" in line]
    assert told == [b"x-request-id: r%d" % number for number in range(5, 10)]


async def test_heads_that_are_each_another_are_soon_not_kept_any_more(found: list[bool]) -> None:
    wire = Wire().send(*(post(b"abc", "/echo", b"x-number: %d" % number) for number in range(TRIES)))
    wire.send(post(b"abc"), post(b"abc"))
    assert not any(found)
    assert len(wire.backend.asked) == TRIES + 2


async def test_a_long_head_is_not_kept(found: list[bool]) -> None:
    Wire().send(*[post(b"abc", "/echo", b"x: " + b"y" * LONGEST)] * 2)
    assert not any(found)


async def test_each_request_with_a_known_head_has_its_own_id_unless_the_head_gives_one() -> None:
    own = {
        line for answer in Wire().send(*[post()] * 3).answers() for line in answer.head.split(b"\r\n") if b"-id" in line
    }
    assert len(own) == 3
    given = Wire().send(*[post(b"abc", "/echo", b"X-Request-Id: r1")] * 3).answers()
    assert all(b"x-request-id: r1" in answer.head for answer in given)
