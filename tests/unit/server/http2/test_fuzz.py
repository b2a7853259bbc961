"""Bytes and frames that nobody foresaw, and our HTTP/2 beside h2, which shares no line with it but the reader of heads.

`WEIRKEEPER_FUZZ` is how many examples each test tries, 100 where it is not set.

Frame by frame both are given the same: they hand on the same requests, and refuse the same frames. Where one takes what
the other refuses, that is on purpose: see `DIFFERENCES`.
"""

from __future__ import annotations

import os
from itertools import pairwise

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.server.http2.plain import Asked
from tests.unit.server.http2.wire import FIELDS, GREETING, Wire, block, frames, head, request
from weirkeeper_server.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    frame,
    number_frame,
    settings_frame,
)

EXAMPLES = int(os.environ.get("WEIRKEEPER_FUZZ", "100"))
tried = settings(max_examples=EXAMPLES, deadline=None)

STREAMS = st.sampled_from([1, 1, 1, 3, 3, 5, 7, 0, 2])
BLOCKS = (
    block(), block(), block((b"a", b"b")), block((b"content-length", b"x")),
    block(fields=FIELDS[1:]), block((b"te", b"gzip")), block((b"Upper", b"b")), block((b"connection", b"close")),
    block((b":path", b"/b")), block((b"a", b" b")), block((b"a", b"b"), fields=()), b"", b"\xbe", b"\x40\x01a\x01b",
    b"\x20" + block(), block()[:-2], block() + b"\x40\x01a\x01b",
)  # fmt: skip
PARTS = (b"", b"abc", b"a", b"\x00", b"\x01ab", b"\x09a")

blocks = st.sampled_from(BLOCKS)
sane_heads = st.builds(lambda stream, end: head(stream, end=end), st.sampled_from([1, 3, 5, 7]), st.booleans())
heads = st.one_of(
    st.builds(
        lambda flags, stream, content: frame(HEADERS, END_HEADERS | flags, stream, content),
        st.sampled_from([0, END_STREAM]),
        STREAMS,
        blocks,
    ),
    st.builds(
        lambda flags, stream, content: frame(HEADERS, flags, stream, content),
        st.sampled_from([0, END_STREAM]),
        st.sampled_from([1, 3, 5]),
        blocks,
    ),
    st.builds(lambda stream: head(stream, (b"content-length", b"3")), st.sampled_from([1, 3])),
)
dressed = st.builds(
    lambda stream, content, padding: frame(
        HEADERS,
        END_HEADERS | PADDED | WITH_PRIORITY,
        stream,
        bytes([padding]) + b"\0\0\0\0\1" + content + bytes(padding),
    ),
    STREAMS,
    blocks,
    st.integers(0, 3),
)
bodies = st.builds(
    lambda flags, stream, part: frame(DATA, flags, stream, part),
    st.sampled_from([0, END_STREAM, END_STREAM, PADDED, PADDED | END_STREAM]),
    STREAMS,
    st.sampled_from(PARTS),
)
others = st.one_of(
    st.builds(lambda flags, stream, b: frame(CONTINUATION, flags, stream, b), st.sampled_from([0, 4]), STREAMS, blocks),
    st.builds(lambda stream, code: number_frame(RST_STREAM, stream, code), STREAMS, st.sampled_from([0, 8, 99])),
    st.builds(
        lambda stream, more: number_frame(WINDOW_UPDATE, stream, more), STREAMS, st.sampled_from([1, 2**30, 2**31 - 1])
    ),
    st.builds(
        lambda name, value: settings_frame({name: value}),
        st.sampled_from([1, 2, 3, 4, 5, 6, 99]),
        st.sampled_from([0, 1, 2, 100, 2**14, 2**31 - 1, 2**31]),
    ),
    st.builds(lambda kind, flags, size: frame(kind, flags, 0, bytes(size)),
              st.sampled_from([SETTINGS, PING, PRIORITY]), st.sampled_from([0, ACK]), st.sampled_from([0, 5, 8])),
    st.builds(lambda stream: frame(PRIORITY, 0, stream, b"\0\0\0\3\0"), STREAMS),
    st.builds(lambda kind, stream: frame(kind, 255, stream, b"?"), st.integers(11, 255), STREAMS),
)  # fmt: skip
anything = st.one_of(sane_heads, sane_heads, sane_heads, bodies, bodies, bodies, heads, dressed, others)
dialogues = st.lists(anything, min_size=1, max_size=12)
cuts = st.lists(st.integers(0, 400), max_size=5)


class Other:
    """h2 as a server that answers each request with a head; `refused` once it has refused anything.

    `short` is whether it took a body of another length than its head says.
    """

    def __init__(self) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._connection = h2.connection.H2Connection(config)
        self._connection.initiate_connection()
        self.asked: list[Asked] = []
        self.refused = self.short = False
        self._open: dict[int, tuple[bytes, bytes, bytes]] = {}
        self._lengths: dict[int, bytes] = {}
        self.feed(GREETING)

    def feed(self, content: bytes) -> None:
        self._connection.clear_outbound_data_buffer()
        try:
            for event in self._connection.receive_data(content):
                self._take(event)
        except h2.exceptions.ProtocolError:
            self.refused = True
        written = frames(self._connection.data_to_send())
        self.refused = self.refused or any(one.kind == RST_STREAM for one in written)

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            fields = dict(event.headers)
            self._open[event.stream_id] = (fields[b":method"], fields[b":path"], b"")
            self._lengths[event.stream_id] = fields.get(b"content-length", b"")
        elif isinstance(event, h2.events.DataReceived):
            method, path, body = self._open[event.stream_id]
            self._open[event.stream_id] = (method, path, body + event.data)
        elif isinstance(event, h2.events.StreamEnded):
            asked = Asked(event.stream_id, *self._open.pop(event.stream_id))
            length = self._lengths[event.stream_id]
            self.short = self.short or (bool(length) and int(length) != len(asked.body))
            self.asked.append(asked)
            self._connection.send_headers(event.stream_id, [(b":status", b"200")], end_stream=True)


def refused(wire: Wire) -> bool:
    return wire.goaway() is not None or bool(wire.resets())


@tried
@given(st.one_of(dialogues.map(b"".join).map(lambda told: GREETING + told), st.binary(max_size=300)), cuts)
def test_it_never_fails_and_how_bytes_are_cut_changes_nothing(content: bytes, at: list[int]) -> None:
    whole, cut = Wire(content), Wire(b"")
    edges = sorted({0, len(content), *(one % (len(content) + 1) for one in at)})
    cut.send(*(content[start:end] for start, end in pairwise(edges)))
    assert cut.plain.asked == whole.plain.asked
    assert cut.written == whole.written


@tried
@given(st.binary(max_size=100))
def test_payloads_of_any_kind_are_read_or_refused(payload: bytes) -> None:
    for kind in range(11):
        Wire().send(head(), frame(kind, payload[0] if payload else 0, 1, payload[1:]))


@tried
@given(dialogues)
def test_it_reads_and_refuses_what_h2_does(dialogue: list[bytes]) -> None:
    wire, other = Wire(body=b""), Other()
    for one in dialogue:
        wire.send(one)
        other.feed(one)
        if one[3] == RST_STREAM and "which was not opened" in str(wire.session.fault):
            return  # see below
        if other.short:
            assert refused(wire), one
            return  # see below
        assert (wire.plain.asked, refused(wire)) == (other.asked, other.refused), one
        if other.refused:
            return


DIFFERENCES: dict[str, tuple[bytes, bool]] = {
    # We take these.
    "a window of a closed stream widened by nothing (6.9)": (request() + number_frame(WINDOW_UPDATE, 1, 0), True),
    "a request after the client's goodbye (6.8)": (frame(GOAWAY, 0, 0, bytes(8)) + request(), True),
    "a frame of RFC 7838 where it means nothing": (frame(10, 0, 1, b"?"), True),
    # We refuse these.
    "a reset of a stream that was not opened (6.4)": (head(1) + number_frame(RST_STREAM, 3, 8), False),
    "a head of a server's stream, before its end (5.1.1)": (frame(HEADERS, 0, 2, block()), False),
    "a length and no body (8.1.1)": (head(1, (b"content-length", b"3"), end=True), False),
    "a length and fields in place of a body (8.1.1)": (
        head(1, (b"content-length", b"3")) + frame(HEADERS, END_HEADERS | END_STREAM, 1, b""),
        False,
    ),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_where_the_two_differ_it_is_on_purpose(name: str) -> None:
    content, taken = DIFFERENCES[name]
    wire, other = Wire(body=b""), Other()
    wire.send(content)
    other.feed(content)
    assert (refused(wire), other.refused) == (not taken, taken)


@tried
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
def test_what_is_right_is_taken_by_both(given_bodies: list[bytes]) -> None:
    wire, other = Wire(body=b""), Other()
    for number, body in enumerate(given_bodies):
        stream = 2 * number + 1
        for one in (request(stream, body), request(stream + 100, body) if number == len(given_bodies) - 1 else b""):
            wire.send(one)
            other.feed(one)
    assert wire.plain.asked == other.asked
    assert len(wire.plain.asked) == len(given_bodies) + 1
    assert not refused(wire)
