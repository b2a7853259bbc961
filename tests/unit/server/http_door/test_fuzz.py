"""Bytes that nobody foresaw, and the door beside h11, a reader of HTTP/1.1 that shares no line with it.

`WEIRKEEPER_FUZZ` is how many examples each test tries, 100 where it is not set.

What the door hands on, h11 has read too, the same methods and bodies in the same order. Where one refuses what the
other takes, that is on purpose: see `DIFFERENCES`.
"""

from __future__ import annotations

import asyncio
import os
import re
from itertools import pairwise
from typing import NamedTuple

import h11
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.server.http_door.wire import Wire, get, post

EXAMPLES = int(os.environ.get("WEIRKEEPER_FUZZ", "100"))
KNOWN = (400, 404, 405, 408, 413, 414, 415, 417, 431, 501, 505)
tried = settings(max_examples=EXAMPLES, deadline=None)

NAMES = (
    b"Content-Length",
    b"Transfer-Encoding",
    b"Host",
    b"Connection",
    b"Expect",
    b"Content-Encoding",
    b"Upgrade",
    b"A",
)
VALUES = (
    b"", b"3", b"03", b"+3", b"3, 3", b"4", b"99999999999999999999", b"chunked", b"Chunked", b"gzip, chunked", b"cow",
    b"churn", b"close", b"keep-alive", b"100-continue", b"gzip", b"h2c", b"Upgrade", b"\x0bchunked", b"a\x00b", b"\xff",
)  # fmt: skip
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n ", b"\r\r\n", b"")
COLONS = (b": ", b": ", b": ", b": ", b":", b" : ", b"\t:", b":\t", b" ")
LINES = (
    b"POST /echo HTTP/1.1", b"POST /echo HTTP/1.1", b"GET /known HTTP/1.1", b"GET /known HTTP/1.0",
    b"POST /echo HTTP/1.0", b"GET  /known HTTP/1.1", b"GET /known HTTP/0.9",
    b"OPTIONS * HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"FOO / HTTP/1.1",
    b"GET http://h/known HTTP/1.1", b"HEAD /known HTTP/1.1",
)  # fmt: skip
BODIES = (
    b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nA: b\r\n\r\n", b"3;x=y\r\nabc\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n", b"0\r\n\r\n", b"0003\r\nabc\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n",
    b"-1\r\n\r\n", b"fffffffffffffffff\r\nabc",
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request, put together of what is right and what is wrong."""
    end = st.sampled_from(ENDS)
    parts = [draw(st.sampled_from(LINES)), draw(end), b"Host: churn", draw(end)]
    for _ in range(draw(st.integers(0, 4))):
        name, value = draw(st.sampled_from(NAMES)), draw(st.sampled_from(VALUES))
        parts += [name, draw(st.sampled_from(COLONS)), value, draw(end)]
    return b"".join([*parts, b"\r\n", draw(st.sampled_from(BODIES))])


right = st.one_of(
    st.binary(max_size=20).map(post),
    st.just(get()),
    st.binary(min_size=1, max_size=9).map(
        lambda body: (
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (len(body), body)
        )
    ),
)
streams = st.lists(st.one_of(requests(), right, right), min_size=1, max_size=4).map(b"".join)


class Read(NamedTuple):
    method: bytes
    body: bytes


def by_door(data: bytes, cuts: list[int]) -> tuple[list[Read], Wire]:
    async def run() -> Wire:
        wire, edges = Wire(), sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        wire.send(*(data[start:end] for start, end in pairwise(edges)))
        await asyncio.sleep(0)
        wire.connection.connection_lost(None)
        return wire

    wire = asyncio.run(run())
    return [Read(method.encode(), body) for method, _, body in wire.backend.asked], wire


def by_h11(data: bytes) -> list[Read]:
    """What h11 reads to the end before it refuses something, or there is nothing more."""
    connection, found = h11.Connection(h11.SERVER), []
    connection.receive_data(data)
    method, body = b"", b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                method, body = event.method, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                found.append(Read(method, body))
                connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                connection.start_next_cycle()
            else:
                return found
    except h11.ProtocolError:
        return found


def statuses(wire: Wire) -> list[int]:
    """Statuses of all answers, where none of their bodies looks like a head."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", wire.transport.written)]


cut = st.lists(st.integers(0, 400), max_size=5)


@tried
@given(streams, cut)
def test_it_answers_whatever_comes_and_never_fails(data: bytes, cuts: list[int]) -> None:
    _, wire = by_door(data, cuts)
    assert set(statuses(wire)) <= {100, 200, *KNOWN}


@tried
@given(st.binary(max_size=300), cut)
def test_bytes_of_any_kind_are_refused_or_waited_for(data: bytes, cuts: list[int]) -> None:
    read, wire = by_door(data, cuts)
    assert read == []
    assert set(statuses(wire)) <= set(KNOWN)


@tried
@given(streams, cut)
def test_how_bytes_are_cut_changes_nothing(data: bytes, cuts: list[int]) -> None:
    whole, cut_up = by_door(data, []), by_door(data, cuts)
    assert whole[0] == cut_up[0]
    assert [code for code in statuses(whole[1]) if code != 100] == [code for code in statuses(cut_up[1]) if code != 100]


@tried
@given(streams, cut)
def test_what_it_reads_is_what_h11_reads(data: bytes, cuts: list[int]) -> None:
    """Every request that the door hands on, h11 has read too, with the same body and in the same place."""
    read, _ = by_door(data, cuts)
    read = [one for one in read if one.method != b"OPTIONS"]
    assume(not MEANING.search(data))
    assert read == by_h11(data)[: len(read)]


MEANING = re.compile(rb"(?i)content-encoding|expect|GET  /")
"""Marks of bytes on which the two differ beyond framing: what the door refuses for its meaning, it does not hand on."""

HOST = b"Host: churn\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: churn\r\nTransfer-Encoding: chunked\r\n\r\n"
DIFFERENCES: dict[str, tuple[bytes, bool]] = {
    # The door takes these: llhttp reads the first line by its blanks, as RFC 9112, 3 allows.
    "several blanks after the method": (get().replace(b"GET ", b"GET  "), True),
    "RTSP/1.0, read as HTTP/1.0": (get().replace(b"HTTP/1.1", b"RTSP/1.0"), True),
    # The door refuses these, of which RFC 9112 lets a server choose.
    "lines that end in LF (2.2)": (b"GET /known HTTP/1.1\nHost: churn\n\n", False),
    "a field on two lines (5.2)": (get("/known", b"A: b", b" c"), False),
    "two lengths that agree (6.3)": (post(b"abc", "/echo", b"Content-Length: 3"), False),
    "a list of one length (6.3)": (post().replace(b": 3", b": 3, 3"), False),
    "both lengths (6.3)": (CHUNKED.replace(HOST, HOST + b"Content-Length: 3\r\n") + b"0\r\n\r\n", False),
    "blanks after the size of a chunk (7.1)": (CHUNKED + b"3  \r\nabc\r\n0\r\n\r\n", False),
    "a method of nobody (3)": (get(method="FOO"), False),
    "a target that is no path (3.2)": (get("known"), False),
    "a coding in HTTP/1.0 (6.1)": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", False),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_where_the_two_differ_it_is_on_purpose(name: str) -> None:
    data, taken = DIFFERENCES[name]
    read, wire = by_door(data, [])
    assert (len(read), len(by_h11(data))) == ((1, 0) if taken else (0, 1))
    assert set(statuses(wire)) == {200 if taken else 400}


@tried
@given(st.lists(right, min_size=1, max_size=6), cut)
def test_what_is_right_is_accepted_by_both(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    read, wire = by_door(data, cuts)
    assert read == by_h11(data)
    assert len(read) == len(parts)
    assert set(statuses(wire)) == {200}
