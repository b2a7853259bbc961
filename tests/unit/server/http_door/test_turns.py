"""One connection over its life: turns, leave to send a body, time-outs, clients that do not read, and the end."""

from __future__ import annotations

import asyncio
import gc
import gzip
import io
import json
import zlib
from collections.abc import Callable

import pytest

from tests.unit.server.http_door.wire import LIMITS, Wire, get, moved, pass_by, post
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.answer import Identity
from weirkeeper_server.errors import ServerError
from weirkeeper_server.settings import Limits
from weirkeeper_server.unpacking import ASIDE, Unpacking

ASKS: bytes = post(b"abc", "/echo", b"Expect: 100-continue")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_answers_come_in_the_order_of_their_requests() -> None:
    wire = Wire().send(post(b"1", "/later") + post(b"2", "/later") + post(b"3"))
    assert [body for _, _, body in wire.backend.asked] == [b"1"]
    wire.backend.pending[0].set_result(b"one")
    await asyncio.sleep(0)
    assert [body for _, _, body in wire.backend.asked] == [b"1", b"2"]
    wire.backend.pending[1].set_result(b"two")
    await asyncio.sleep(0)
    assert [answer.body for answer in wire.answers()] == [b"one", b"two", b"3"]
    assert wire.is_reading()


async def test_no_more_is_read_while_requests_wait() -> None:
    wire = Wire().send(post(b"1", "/later") + get())
    assert not wire.is_reading()
    wire.backend.pending[0].set_result(b"one")
    await asyncio.sleep(0)
    assert wire.is_reading()
    assert wire.statuses() == [200, 200]


async def test_thousands_ahead_are_answered_one_after_the_other() -> None:
    wire = Wire().send(post(b"1", "/later") + get() * 5000)
    wire.backend.pending[0].set_result(b"one")
    await asyncio.sleep(0)
    assert wire.statuses() == [200] * 5001


async def test_a_body_of_a_request_that_waits_may_come_later() -> None:
    wire = Wire().send(post(b"1", "/later") + ASKS[:-2])
    wire.backend.pending[0].set_result(b"one")
    await asyncio.sleep(0)
    assert wire.is_reading()
    wire.send(b"bc")
    assert [answer.body for answer in wire.answers()] == [b"one", b"abc"]


async def test_an_unreadable_request_is_told_after_the_answers_before_it() -> None:
    wire = Wire().send(post(b"1", "/later") + b"nonsense\r\n\r\n" + get())
    assert wire.statuses() == []
    wire.backend.pending[0].set_result(b"one")
    await asyncio.sleep(0)
    assert wire.statuses() == [200, 400]
    assert wire.is_closed()


async def test_leave_to_send_a_body_is_given_once_and_where_it_is_waited_for() -> None:
    wire = Wire().send(ASKS[:-3])
    assert wire.transport.written == CONTINUE
    wire.send(b"a", b"bc")
    assert wire.transport.written.count(CONTINUE) == 1
    assert wire.answers()[1].body == b"abc"
    assert Wire().send(ASKS).statuses() == [200]
    old = Wire().send(ASKS[:-3].replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert old.transport.written == b""


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (ASKS.replace(b"Length: 3", b"Length: 1001")[:-3], 413),
        (ASKS.replace(b"/echo", b"/nothing")[:-3], 404),
        (ASKS.replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n")[:-3], 415),
    ],
)
async def test_a_body_that_nobody_wants_is_not_waited_for(data: bytes, status: int) -> None:
    wire = Wire().send(data, b"x" * 100)
    assert wire.statuses() == [status]
    assert wire.is_closed()


@pytest.mark.parametrize("status", [404, 413])
async def test_a_connection_is_kept_where_the_body_came_anyway(status: int) -> None:
    refused = post(path="/nothing") if status == 404 else post(b"x" * 1001)
    wire = Wire().send(refused + post())
    assert wire.statuses() == [status, 200]
    assert not wire.is_closed()


async def test_a_body_in_chunks_is_measured_as_it_comes() -> None:
    wire = Wire().send(b"POST /echo HTTP/1.1\r\nHost: churn\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(5):
        wire.send(b"fa\r\n" + b"x" * 250 + b"\r\n")
    assert wire.statuses() == [413]
    assert wire.is_closed()


@pytest.mark.parametrize(
    ("line", "field", "closed", "told"),
    [
        (b"HTTP/1.1", b"A: b", False, None),
        (b"HTTP/1.1", b"Connection: close", True, b"close"),
        (b"HTTP/1.1", b"Connection: keep-alive, close", True, b"close"),
        (b"HTTP/1.0", b"A: b", True, b"close"),
        (b"HTTP/1.0", b"Connection: keep-alive", False, b"keep-alive"),
    ],
)
async def test_a_connection_is_kept_as_its_client_asks(
    line: bytes,
    field: bytes,
    closed: bool,  # noqa: FBT001
    told: bytes | None,
) -> None:
    wire = Wire().send(get("/known", field).replace(b"HTTP/1.1", line), get())
    assert wire.is_closed() is closed
    assert wire.statuses() == ([200] if closed else [200, 200])
    lines = wire.answers()[0].head.split(b"\r\n")
    assert [found for found in lines if found.startswith(b"Connection")] == ([b"Connection: " + told] if told else [])


@moved
async def test_a_connection_that_asks_for_nothing_is_left_without_a_word() -> None:
    wire = Wire()
    await pass_by(74)
    assert not wire.is_closed()
    await pass_by(2)
    assert wire.is_closed()
    assert wire.statuses() == []


@moved
async def test_time_for_a_head_begins_with_the_last_answer_and_ends_whatever_drips() -> None:
    wire = Wire()
    await pass_by(70)
    wire.send(get())
    await pass_by(70)
    wire.send(get()[:-2])
    for _ in range(10):
        await pass_by(1)
        wire.send(b"A: b\r\n")
    assert wire.statuses() == [200, 408]
    assert wire.is_closed()


@moved
async def test_a_body_that_does_not_come_is_given_up_and_one_that_is_predicted_is_not() -> None:
    wire = Wire().send(post(b"abc", "/later"), post()[:-1])
    await pass_by(200)
    assert wire.statuses() == []
    wire.backend.pending[0].set_result(b"late")
    await pass_by(25)
    assert wire.statuses() == [200]
    await pass_by(10)
    assert wire.statuses() == [200, 408]
    assert wire.is_closed()


@moved
async def test_a_client_that_does_not_read_gets_no_more_and_is_given_up() -> None:
    wire = Wire()
    wire.transport.unsent = 100_000
    wire.connection.pause_writing()
    wire.send(get() * 3)
    assert (wire.statuses(), wire.is_reading()) == ([], False)
    wire.transport.unsent = 50_000
    await pass_by(149)
    assert not wire.is_closed()
    await pass_by(160)
    assert wire.transport.aborted
    assert wire.statuses() == []


@moved
async def test_a_client_that_reads_again_gets_all_of_it() -> None:
    wire = Wire()
    wire.connection.pause_writing()
    wire.send(get() * 3)
    await pass_by(70)
    wire.connection.resume_writing()
    assert (wire.statuses(), wire.is_reading()) == ([200] * 3, True)
    await pass_by(70)
    assert not wire.is_closed()


@moved
async def test_the_last_answer_can_be_taken_before_the_connection_is_reset() -> None:
    wire = Wire().send(b"nonsense\r\n\r\n")
    assert (wire.transport.ended, wire.transport.aborted) == (True, False)
    wire.transport.unsent = 10
    await pass_by(3)
    wire.send(b"more of it")
    assert not wire.transport.aborted
    await pass_by(80)
    assert wire.transport.aborted


async def test_a_client_that_leaves_is_not_waited_for() -> None:
    target = io.StringIO()
    log = AccessLog(target, Identity("churn", "churn-1"))
    wire = Wire(access_log=log).send(post(b"abc", "/later"))
    wire.connection.connection_lost(None)
    await asyncio.sleep(0)
    assert wire.backend.pending[0].cancelled()
    assert wire.gone == [wire.connection]
    log.flush()
    line = json.loads(target.getvalue())
    assert (line["status"], line["reason"], line["path"]) == (499, "ClientGone", "/later")


async def test_an_answer_that_failed_after_its_client_left_is_nobodys_error(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire().send(post(b"abc", "/later"))
    wire.backend.pending[0].set_exception(ServerError("late"))
    wire.connection.connection_lost(None)
    await asyncio.sleep(0)
    assert (wire.statuses(), caplog.text) == ([], "")


@pytest.mark.parametrize("reticent", [False, True])
async def test_a_bug_is_told_to_the_log_and_answered(caplog: pytest.LogCaptureFixture, *, reticent: bool) -> None:
    wire = Wire()
    wire.backend.reticent = reticent
    wire.send(post(b"abc", "/later", b"x-request-id: r-1"))
    wire.backend.pending[0].set_exception(ZeroDivisionError("secret"))
    await asyncio.sleep(0)
    ((status, _, body),) = wire.answers()
    assert status == 500
    assert json.loads(body)["error"].endswith("the details are in its log, under request r-1")
    assert b"secret" not in body
    assert "a bug: POST /later, request r-1" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert ("secret" in caplog.text) is not reticent
    assert wire.send(get()).statuses() == [500, 200]


async def test_a_draining_server_asks_to_be_left_and_at_the_end_answers_what_is_under_way() -> None:
    idle, busy, beginning, asking = Wire(), Wire(), Wire(), Wire()
    busy.send(post(b"abc", "/later"))
    beginning.send(get()[:10])
    asking.backend.state = "Draining"
    asking.send(get())
    assert b"\r\nConnection: close" in asking.answers()[0].head
    assert asking.is_closed()
    for wire in (idle, busy, beginning, asking):
        wire.connection.leave()
    assert (idle.is_closed(), busy.is_closed(), beginning.is_closed()) == (True, False, False)
    busy.backend.pending[0].set_result(b"done")
    await asyncio.sleep(0)
    beginning.send(get()[10:])
    for wire in (busy, beginning):
        assert wire.statuses() == [200]
        assert b"\r\nConnection: close" in wire.answers()[0].head
        assert wire.is_closed()


BODY = b'{"a": [' + b"1," * 200 + b"1]}"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(BODY, mtime=0)),
        (b"GZIP", gzip.compress(BODY[:100], mtime=0) + gzip.compress(BODY[100:], mtime=0)),
        (b"deflate", zlib.compress(BODY)),
        (b"deflate", zlib.compress(BODY, wbits=-15)),
        (b"identity", BODY),
    ],
)
async def test_a_body_is_unpacked_as_its_field_says(encoding: bytes, body: bytes) -> None:
    wire = Wire().send(post(body, "/echo", b"Content-Encoding: " + encoding))
    assert wire.backend.asked == [("POST", "/echo", BODY)]


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        gzip.compress(BODY, mtime=0)[:-9],
        gzip.compress(BODY, mtime=0) + b"more",
        gzip.compress(BODY, mtime=0)[:-8] + bytes(8),
        gzip.compress(BODY, mtime=0)[:5],
    ],
)
async def test_a_body_that_is_not_packed_as_it_says_is_refused(body: bytes) -> None:
    wire = Wire().send(post(body, "/echo", b"Content-Encoding: gzip"))
    ((status, _, told),) = wire.answers()
    assert (status, wire.backend.asked) == (400, [])
    assert "does not match its Content-Encoding" in json.loads(told)["error"]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_large_body_is_unpacked_beside_the_loop_and_within_its_bound(pack: Callable[[bytes], bytes]) -> None:
    limits, large = Limits(max_body_bytes=3 * ASIDE), b"abc" * ASIDE
    encoding = b"Content-Encoding: " + (b"gzip" if pack is gzip.compress else b"deflate")
    for body, statuses in ((large, [200]), (large + b"d", [413])):
        wire = Wire(limits).send(post(pack(body), "/echo", encoding))
        assert wire.statuses() == []
        async with asyncio.timeout(30):
            while not wire.statuses():  # noqa: ASYNC110  a thread tells nobody
                await asyncio.sleep(0.001)
        assert wire.statuses() == statuses
        assert wire.answers()[0].body == large or statuses == [413]


async def test_a_body_that_was_too_large_is_let_go_of_at_once() -> None:
    """Without the help of the garbage collector, which looks at old objects rarely."""
    packed = gzip.compress(b" " * 2**22)
    gc.collect()
    gc.disable()
    try:
        wire = Wire(Limits(max_body_bytes=2 * ASIDE)).send(post(packed, "/echo", b"Content-Encoding: gzip"))
        async with asyncio.timeout(30):
            while not wire.statuses() or any(isinstance(one, Unpacking) for one in gc.get_objects()):  # noqa: ASYNC110  a thread tells nobody
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
    assert wire.statuses() == [413]


def test_the_limits_of_these_tests_are_far_from_their_times() -> None:
    assert (LIMITS.idle_timeout_seconds, LIMITS.request_timeout_seconds) == (75.0, 30.0)
