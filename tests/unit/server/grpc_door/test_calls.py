"""Calls on one connection without a socket: messages, statuses, time-outs, clients that do not read, and the end."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import struct
import zlib
from typing import Any

import hpack
import pytest

from tests.unit.server.http2.wire import GREETING, Frame, frames
from tests.unit.server.http_door.wire import Transport, moved, pass_by
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.answer import Identity
from weirkeeper_server.errors import Overloaded
from weirkeeper_server.grpc_door.calls import Answer, Call, Method, Pending
from weirkeeper_server.grpc_door.connection import AGE_SECONDS, Connection
from weirkeeper_server.grpc_door.door import Door
from weirkeeper_server.http2.control import ALIVE, LEAVING
from weirkeeper_server.http2.faults import Code
from weirkeeper_server.http2.frames import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    WINDOW_UPDATE,
    frame,
    number_frame,
    settings_frame,
)
from weirkeeper_server.http2.peer import INITIAL_WINDOW_SIZE
from weirkeeper_server.settings import Limits
from weirkeeper_server.unpacking import ASIDE

LIMITS = Limits(request_timeout_seconds=30.0, idle_timeout_seconds=75.0)
LARGEST = 200_000


class Booked:
    """A ticket that remembers how it ended."""

    rows = 0

    def __init__(self, ends: list[str]) -> None:
        self._ends = ends

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ends.append("ok" if kind is None else kind.__name__)


WORDS = "secret"
"""What a bug says; the line that raises it stands in the log."""


class Backend:
    """Gives messages back, now or when it is let, and remembers what it was asked and how it ended."""

    def __init__(self) -> None:
        self.identity = Identity("churn", "churn-1")
        self.reticent = False
        self.asked: list[bytes] = []
        self.pending: list[asyncio.Future[bytes]] = []
        self.ends: list[str] = []
        self.full = False

    def methods(self) -> dict[str, Method]:
        return {
            "/s/Now": Method("/s/Now", self._now, LARGEST, quiet=True),
            "/s/Later": Method("/s/Later", self._later, LARGEST, self._open),
            "/s/Bug": Method("/s/Bug", self._bug, LARGEST),
        }

    def _open(self, call: Call) -> None:
        if self.full:
            raise Overloaded("too many")
        call.ticket = Booked(self.ends)

    def _now(self, _: Call, message: bytes) -> Answer:
        self.asked.append(message)
        return message

    def _later(self, _: Call, message: bytes) -> Answer:
        self.asked.append(message)
        self.pending.append(asyncio.get_running_loop().create_future())
        return Pending(self.pending[-1], lambda answer: answer)

    def _bug(self, *_: Any) -> Answer:
        raise KeyError(WORDS)


class Told:
    """What came back on one stream."""

    def __init__(self) -> None:
        self.heads: list[dict[str, str]] = []
        self.body = b""
        self.ended = False

    @property
    def status(self) -> int:
        return int(self.heads[-1]["grpc-status"])

    @property
    def message(self) -> str:
        return self.heads[-1]["grpc-message"]


class Client:
    """One connection to the door; within a running loop."""

    def __init__(self, greeting: bytes = GREETING, limits: Limits = LIMITS, log: AccessLog | None = None) -> None:
        self.backend = Backend()
        self.transport = Transport()
        self.gone: list[Connection] = []
        self.connection = Connection(Door(self.backend, limits, self.backend.methods(), log), self.gone.append)
        self.connection.connection_made(self.transport)
        self._encoder = hpack.Encoder()
        self.send(greeting)

    def send(self, *parts: bytes) -> Client:
        for part in parts:
            self.connection.data_received(part)
        return self

    def head(self, stream: int, path: str, *more: tuple[str, str], kind: str = "application/grpc") -> bytes:
        pseudo = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "churn")]
        block = self._encoder.encode([*pseudo, ("content-type", kind), ("te", "trailers"), *more])
        return frame(HEADERS, END_HEADERS, stream, block)

    def call(self, stream: int, path: str = "/s/Now", *more: tuple[str, str], body: bytes | None = None) -> Client:
        content = message(b"abc") if body is None else body
        return self.send(self.head(stream, path, *more), frame(DATA, END_STREAM, stream, content))

    def frames(self, *kinds: int) -> list[Frame]:
        return [one for one in frames(bytes(self.transport.written)) if not kinds or one.kind in kinds]

    def told(self) -> dict[int, Told]:
        decoder, found = hpack.Decoder(), dict[int, Told]()
        for kind, flags, stream, payload in self.frames(HEADERS, DATA):
            told = found.setdefault(stream, Told())
            assert not told.ended
            if kind == HEADERS:
                told.heads.append({str(name): str(value) for name, value in decoder.decode(payload)})
            else:
                told.body += payload
            told.ended = bool(flags & END_STREAM)
        return found

    def is_closed(self) -> bool:
        return self.transport.ended or self.transport.aborted


def message(content: bytes, *, packed: int = 0) -> bytes:
    return struct.pack(">BL", packed, len(content)) + content


async def test_a_call_is_answered_with_its_message_revision_and_id() -> None:
    client = Client().call(1, "/s/Now", ("x-request-id", "mine"))
    told = client.told()[1]
    assert told.heads[0] == {
        ":status": "200",
        "content-type": "application/grpc",
        "x-weirkeeper-revision": "churn-1",
        "x-request-id": "mine",
    }
    assert (told.heads[1], told.body, told.ended) == ({"grpc-status": "0"}, message(b"abc"), True)


@pytest.mark.parametrize("length", [1, 126, 127, 128])
async def test_ids_of_any_length_come_back(length: int) -> None:
    client = Client().call(1, "/s/Now", ("x-request-id", "i" * length))
    assert client.told()[1].heads[0]["x-request-id"] == "i" * length


async def test_calls_with_the_same_head_have_ids_of_their_own() -> None:
    client = Client()
    for stream in (1, 3, 5, 7):
        client.call(stream)
    assert len({one.heads[0]["x-request-id"] for one in client.told().values()}) == 4


async def test_calls_wait_beside_each_other() -> None:
    client = Client().call(1, "/s/Later").call(3, "/s/Later").call(5)
    assert list(client.told()) == [5]
    client.backend.pending[1].set_result(b"two")
    await asyncio.sleep(0)
    assert {stream: told.body for stream, told in client.told().items()} == {5: message(b"abc"), 3: message(b"two")}
    assert client.backend.ends == ["ok"]


async def test_a_message_may_come_in_parts() -> None:
    client = Client()
    content = message(bytes(range(256)) * 100)
    client.send(client.head(1, "/s/Now"))
    for at in range(0, len(content), 999):
        client.send(frame(DATA, 0, 1, content[at : at + 999]))
    for at in range(5):
        client.send(frame(DATA, 0, 1, b"")) if at else None
    client.send(frame(DATA, END_STREAM, 1))
    byte_by_byte = [client.head(3, "/s/Now"), *(frame(DATA, 0, 3, message(b"ab")[at : at + 1]) for at in range(7))]
    client.send(*byte_by_byte, frame(DATA, END_STREAM, 3))
    assert client.backend.asked == [content[5:], b"ab"]


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "an unknown call": ({"path": "/s/Nothing"}, 12, "unknown call '/s/Nothing'"),
    "an unknown compression": ({"more": [("grpc-encoding", "snappy")]}, 12, "grpc-encoding is 'snappy'; give gzip"),
    "a time that is none": ({"more": [("grpc-timeout", "soon")]}, 3, "grpc-timeout is 'soon'; give at most eight"),
    "a time of nine digits": ({"more": [("grpc-timeout", "123456789S")]}, 3, "grpc-timeout is"),
    "no message": ({"body": b""}, 3, "the call has no message"),
    "half a prefix": ({"body": b"\0\0"}, 3, "a part of a message"),
    "half a message": ({"body": message(b"abc")[:-1]}, 3, "a part of a message"),
    "two messages": ({"body": message(b"abc") * 2}, 3, "more bytes than one message"),
    "a message that is packed in no way": ({"body": message(b"abc", packed=1)}, 3, "say how in grpc-encoding"),
    "a mark that is none": ({"body": message(b"abc", packed=2)}, 3, "say how in grpc-encoding"),
    "what is not packed as it says": (
        {"body": message(b"abc", packed=1), "more": [("grpc-encoding", "gzip")]},
        3,
        "not packed as grpc-encoding says",
    ),
    "a message that is too large": ({"body": b"\0\x7f\xff\xff\xff"}, 8, "has 2147483647 bytes; at most 200000"),
    "a bomb": (
        {"body": message(gzip.compress(bytes(LARGEST + 1)), packed=1), "more": [("grpc-encoding", "gzip")]},
        8,
        "larger than 200000 bytes",
    ),
    "metadata without an end": ({"more": [(f"m{n}", "v" * 400) for n in range(40)]}, 8, "the metadata have"),
    "a bug": ({"path": "/s/Bug"}, 13, "the server failed on this call; the details are in its log, under request "),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_answered_has_a_code_and_says_why(name: str, caplog: pytest.LogCaptureFixture) -> None:
    given, code, words = REFUSED[name]
    client = Client().call(1, given.get("path", "/s/Now"), *given.get("more", ()), body=given.get("body"))
    async with asyncio.timeout(10):
        while 1 not in client.told():  # noqa: ASYNC110  a thread tells nobody
            await asyncio.sleep(0.01)
    told = client.told()[1]
    assert (told.status, told.ended) == (code, True)
    assert words in told.message
    assert told.heads[0]["x-weirkeeper-revision"] == "churn-1"
    assert ("secret" in caplog.text) is (name == "a bug")
    assert (told.heads[-1].get("grpc-accept-encoding") == "identity,gzip,deflate") is (code == 12)
    assert client.call(3).told()[3].status == 0


async def test_of_a_bug_the_log_has_no_words_where_inputs_are_sensitive(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.backend.reticent = True
    client.call(1, "/s/Bug")
    assert client.told()[1].status == 13
    assert "KeyError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(("packing", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@pytest.mark.parametrize("size", [10, ASIDE + 1])
async def test_messages_may_be_packed(packing: str, pack: Any, size: int) -> None:
    client = Client(GREETING + number_frame(WINDOW_UPDATE, 0, 2 * size))
    client.call(1, "/s/Now", ("grpc-encoding", packing), body=message(pack(bytes(size)), packed=1))
    async with asyncio.timeout(10):
        while 1 not in client.told():  # noqa: ASYNC110  a thread tells nobody
            await asyncio.sleep(0.01)
    assert client.backend.asked == [bytes(size)]
    plain = client.call(3, "/s/Now", ("grpc-encoding", packing))
    assert plain.told()[3].body == message(b"abc")  # one that is not packed all the same


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("application/grpc", True),
        ("application/grpc+proto", True),
        ("application/grpc;charset=utf-8", True),
        ("application/grpc+json", False),
        ("application/grpc-web", False),
        ("application/json", False),
    ],
)
async def test_what_is_no_call_is_told_so_over_http(kind: str, taken: bool) -> None:  # noqa: FBT001
    client = Client()
    client.send(client.head(1, "/s/Now", kind=kind), frame(DATA, END_STREAM, 1, message(b"abc")))
    assert client.told()[1].heads[0][":status"] == ("200" if taken else "415")
    assert client.told()[1].ended
    block = hpack.Encoder().encode([(":method", "GET"), (":scheme", "http"), (":path", "/")])
    assert Client().send(frame(HEADERS, 5, 1, block)).told()[1].heads[0][":status"] == "405"


async def test_a_text_that_is_no_ascii_is_escaped() -> None:
    client = Client().call(1, "/s/ü%\n")
    escaped = client.told()[1].message
    assert escaped.isascii()
    assert escaped.startswith("unknown call '/s/%C3%83%C2%BC%25\\n'")


async def test_who_is_refused_early_is_told_to_stop() -> None:
    client = Client()
    client.send(client.head(1, "/s/Now"), frame(DATA, 0, 1, b"\0\x7f\xff\xff\xff"))
    assert (client.told()[1].status, [one.stream for one in client.frames(RST_STREAM)]) == (8, [1])
    client.send(frame(DATA, 0, 1, bytes(100)))
    client.backend.full = True
    client.send(client.head(3, "/s/Later"))
    assert (client.told()[3].status, client.told()[3].message) == (8, "too many")
    assert client.frames(GOAWAY) == []


async def test_a_call_that_is_given_up_is_booked_and_not_answered() -> None:
    lines = io.StringIO()
    log = AccessLog(lines, Identity("churn", "churn-1"))
    client = Client(log=log).call(1, "/s/Later")
    client.send(number_frame(RST_STREAM, 1, Code.CANCEL))
    assert client.backend.pending[0].cancelled()
    await asyncio.sleep(0)
    client.call(3, "/s/Later")
    client.connection.connection_lost(None)
    assert client.backend.ends == ["CancelledError"] * 2
    assert client.told() == {}
    log.flush()
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [(one["status"], one["reason"], one["path"]) for one in told] == [(1, "ClientGone", "/s/Later")] * 2


@moved
async def test_a_message_that_does_not_come_is_not_waited_for() -> None:
    client = Client()
    client.send(client.head(1, "/s/Later"), frame(DATA, 0, 1, b"\0"))
    await pass_by(29)
    assert client.told() == {}
    await pass_by(2)
    assert client.told()[1].message == "the message did not arrive within 30 s"
    assert client.backend.ends == ["RequestTooSlow"]


@moved
async def test_a_call_ends_when_its_caller_waits_no_longer() -> None:
    client = Client().call(1, "/s/Later", ("grpc-timeout", "1500m"))
    client.send(client.head(3, "/s/Later", ("grpc-timeout", "1500m")))
    await pass_by(1)
    assert client.told() == {}
    await pass_by(1)
    assert [one.status for one in client.told().values()] == [4, 4]
    assert client.told()[1].message == "no answer within the 1.5 s of grpc-timeout"
    assert client.backend.ends == ["CancelledError"] * 2
    assert client.backend.pending[0].cancelled()


@moved
async def test_a_call_that_is_answered_has_no_timer_left() -> None:
    client = Client()
    client.send(client.head(1, "/s/Later", ("grpc-timeout", "40S")))
    client.send(frame(DATA, END_STREAM, 1, message(b"a")))
    client.backend.pending[0].set_result(b"b")
    await asyncio.sleep(0)
    await pass_by(50)
    assert client.told()[1].status == 0


@moved
async def test_a_connection_is_changed_for_another_when_it_is_old() -> None:
    client = Client().call(1, "/s/Later")
    await pass_by(1.2 * AGE_SECONDS)
    assert client.frames(GOAWAY)[0].payload[:4] == b"\x7f\xff\xff\xff"
    client.call(3, "/s/Later").send(frame(PING, ACK, 0, LEAVING))
    assert client.frames(GOAWAY)[1].payload[:4] == b"\0\0\0\3"
    client.call(5)
    for pending in client.backend.pending:
        assert not client.is_closed()
        pending.set_result(b"late")
        await asyncio.sleep(0)
    assert [(stream, one.status) for stream, one in client.told().items()] == [(1, 0), (3, 0)]
    assert client.transport.ended
    await pass_by(3)
    assert client.transport.aborted


@moved
async def test_who_does_not_hear_that_it_is_to_leave_is_left_all_the_same() -> None:
    client = Client().call(1)
    client.connection.leave()
    await pass_by(4)
    assert not client.is_closed()
    await pass_by(4)
    assert (client.transport.ended, len(client.frames(GOAWAY))) == (True, 2)


@moved
async def test_a_client_that_falls_silent_is_asked_and_then_left() -> None:
    client = Client().call(1, "/s/Later")
    client.connection._leave_at = 1e9
    await pass_by(22)
    assert client.frames(PING)[-1].payload == ALIVE
    client.send(frame(PING, ACK, 0, ALIVE))
    await pass_by(15)
    assert not client.is_closed()
    await pass_by(20)
    assert client.transport.aborted


@moved
async def test_a_client_that_is_none_of_http2_is_left() -> None:
    client = Client(b"")
    for byte in PREFACE[:12]:
        await pass_by(1)
        client.send(bytes([byte]))
    assert client.transport.aborted
    other = Client(b"GET / HTTP/1.1\r\n\r\n")
    assert (other.frames()[-1].kind, other.transport.ended) == (GOAWAY, True)


@moved
async def test_a_client_that_takes_no_answers_is_not_read_and_left_in_the_end() -> None:
    client = Client().call(1)
    client.connection._leave_at = 1e9
    client.transport.unsent = 100_000
    client.connection.pause_writing()
    assert not client.transport.reading
    await pass_by(70)
    client.transport.unsent = 90_000
    await pass_by(70)
    assert not client.transport.aborted
    await pass_by(30)
    assert client.transport.aborted


@moved
async def test_a_client_that_reads_on_gets_what_waited() -> None:
    client = Client().call(1, "/s/Later")
    client.connection.pause_writing()
    client.backend.pending[0].set_result(b"late")
    await asyncio.sleep(0)
    assert client.told()[1].body == b""
    client.connection.resume_writing()
    assert client.told()[1].status == 0
    assert client.transport.reading


@moved
async def test_an_answer_for_which_no_window_opens_is_given_up() -> None:
    client = Client(PREFACE + settings_frame({INITIAL_WINDOW_SIZE: 1})).call(1)
    client.connection._leave_at = 1e9
    for _ in range(6):
        await pass_by(12)
        client.send(frame(PING, 0, 0, bytes(8)))
    assert client.frames(RST_STREAM) == []
    await pass_by(10)
    assert int.from_bytes(client.frames(RST_STREAM)[0].payload, "big") == Code.CANCEL


async def test_a_last_answer_that_is_taken_slowly_is_waited_for() -> None:
    client = Client().call(1)
    client.transport.unsent = 10
    client.connection._part()
    client.connection._end(20)
    assert not client.transport.aborted
    client.connection._end(10)
    assert client.transport.aborted
