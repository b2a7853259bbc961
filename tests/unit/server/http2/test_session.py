"""One connection of HTTP/2, frame by frame: what it takes, what it refuses and how, and what it sends when."""

from __future__ import annotations

import hpack
import pytest

from tests.unit.server.http2.plain import WORD
from tests.unit.server.http2.wire import FIELDS, GREETING, Wire, block, data, head, request
from weirkeeper_server.http2.blocks import MOST_PARTS
from weirkeeper_server.http2.control import LEAVING
from weirkeeper_server.http2.faults import Code
from weirkeeper_server.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    LARGEST_NUMBER,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    frame,
    number_frame,
    settings_frame,
)
from weirkeeper_server.http2.heads import LARGEST_BLOCK, LARGEST_LIST
from weirkeeper_server.http2.peer import INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE
from weirkeeper_server.http2.session import MOST_UNSENT
from weirkeeper_server.http2.streams import MOST_STREAMS, WINDOW

PING_FRAME = frame(PING, 0, 0, b"12345678")


def test_a_request_is_answered_in_one_write_after_our_settings() -> None:
    wire = Wire().send(request())
    assert [one.body for one in wire.plain.asked] == [b"abc"]
    assert [one.kind for one in wire.frames()] == [SETTINGS, WINDOW_UPDATE, SETTINGS, HEADERS, DATA, HEADERS]
    assert wire.bodies() == {1: WORD}
    assert wire.frames()[-1].flags & END_STREAM
    assert wire.session.streams == {}


def test_byte_by_byte_it_is_the_same() -> None:
    content = GREETING + request() + head(3, end=True)
    whole, cut = Wire(content), Wire(b"")
    cut.send(*(content[at : at + 1] for at in range(len(content))))
    assert cut.written == whole.written
    assert cut.plain.asked == whole.plain.asked
    assert len(cut.plain.asked) == 2


def test_heads_may_be_continued_padded_and_have_a_priority() -> None:
    padded = bytes([3]) + bytes([0, 0, 0, 0, 9]) + block() + b"\0\0\0"
    first, rest = padded[:-3][6:][:4], padded[:-3][6:][4:]
    cut = frame(HEADERS, END_STREAM, 3, first) + frame(CONTINUATION, 0, 3) + frame(CONTINUATION, END_HEADERS, 3, rest)
    flags = END_HEADERS | END_STREAM | PADDED | WITH_PRIORITY
    wire = Wire().send(frame(HEADERS, flags, 1, padded), cut)
    assert [(one.stream, one.path) for one in wire.plain.asked] == [(1, b"/a"), (3, b"/a")]
    padding = frame(DATA, PADDED | END_STREAM, 5, b"\x02ab\0\0")
    assert Wire().send(head(5) + padding).plain.asked[0].body == b"ab"


def test_trailers_end_a_request() -> None:
    trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, block((b"a", b"b"), fields=()))
    assert Wire().send(head(), data(b"x", end=False), trailers).plain.asked[0].body == b"x"


def test_what_is_unknown_is_passed_over() -> None:
    wire = Wire().send(frame(77, 255, 1, b"?"), settings_frame({99: 1}), frame(PRIORITY, 0, 9, bytes(5)), request())
    assert (len(wire.plain.asked), wire.goaway()) == (1, None)


OPEN = head()
DONE = request()
OVER = {  # what ends a connection, after the greeting
    "no SETTINGS first": (PREFACE + PING_FRAME, Code.PROTOCOL_ERROR),
    "an ACK first": (PREFACE + frame(SETTINGS, ACK, 0), Code.PROTOCOL_ERROR),
    "HTTP/1.1": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Code.PROTOCOL_ERROR),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Code.PROTOCOL_ERROR),
    "a frame beyond its size": (GREETING + b"\x00\x40\x01\x00\x00\x00\x00\x00\x01", Code.FRAME_SIZE_ERROR),
    "SETTINGS cut short": (GREETING + frame(SETTINGS, 0, 0, b"12345"), Code.FRAME_SIZE_ERROR),
    "SETTINGS of a stream": (GREETING + frame(SETTINGS, 0, 1), Code.PROTOCOL_ERROR),
    "an ACK with settings": (GREETING + frame(SETTINGS, ACK, 0, bytes(6)), Code.FRAME_SIZE_ERROR),
    "ENABLE_PUSH of 2": (GREETING + settings_frame({2: 2}), Code.PROTOCOL_ERROR),
    "a window beyond all": (GREETING + settings_frame({INITIAL_WINDOW_SIZE: 2**31}), Code.FLOW_CONTROL_ERROR),
    "frames too small": (GREETING + settings_frame({MAX_FRAME_SIZE: 1}), Code.PROTOCOL_ERROR),
    "PING of a stream": (GREETING + frame(PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    "a short PING": (GREETING + frame(PING, 0, 0, b"1"), Code.FRAME_SIZE_ERROR),
    "GOAWAY of a stream": (GREETING + frame(GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    "a short GOAWAY": (GREETING + frame(GOAWAY, 0, 0, b"1"), Code.FRAME_SIZE_ERROR),
    "settings without an end": (GREETING + frame(SETTINGS, 0, 0, bytes(6 * 65)), Code.ENHANCE_YOUR_CALM),
    "a push": (GREETING + frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)), Code.PROTOCOL_ERROR),
    "PRIORITY of stream 0": (GREETING + frame(PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
    "a short PRIORITY": (GREETING + frame(PRIORITY, 0, 1, b"1"), Code.FRAME_SIZE_ERROR),
    "a stream that depends on itself": (GREETING + frame(PRIORITY, 0, 1, b"\0\0\0\1\0"), Code.PROTOCOL_ERROR),
    "a short reset": (GREETING + OPEN + frame(RST_STREAM, 0, 1, b"1"), Code.FRAME_SIZE_ERROR),
    "a reset of nothing": (GREETING + number_frame(RST_STREAM, 1, 8), Code.PROTOCOL_ERROR),
    "a reset of stream 0": (GREETING + number_frame(RST_STREAM, 0, 8), Code.PROTOCOL_ERROR),
    "a short WINDOW_UPDATE": (GREETING + frame(WINDOW_UPDATE, 0, 0, b"1"), Code.FRAME_SIZE_ERROR),
    "a window widened by nothing": (GREETING + number_frame(WINDOW_UPDATE, 0, 0), Code.PROTOCOL_ERROR),
    "a window widened too much": (
        GREETING + number_frame(WINDOW_UPDATE, 0, LARGEST_NUMBER),
        Code.FLOW_CONTROL_ERROR,
    ),
    "a window of nothing": (GREETING + number_frame(WINDOW_UPDATE, 7, 1), Code.PROTOCOL_ERROR),
    "streams made too wide": (
        GREETING + OPEN + number_frame(WINDOW_UPDATE, 1, 2**31 - 2**17) + settings_frame({INITIAL_WINDOW_SIZE: 2**18}),
        Code.FLOW_CONTROL_ERROR,
    ),
    "DATA of stream 0": (GREETING + data(b"a", 0), Code.PROTOCOL_ERROR),
    "DATA of nothing": (GREETING + data(b"a", 1), Code.PROTOCOL_ERROR),
    "DATA after the end": (GREETING + DONE + data(b"a", 1), Code.STREAM_CLOSED),
    "DATA after a reset": (GREETING + OPEN + number_frame(RST_STREAM, 1, 8) + data(b"a"), Code.STREAM_CLOSED),
    "a head after the end": (GREETING + DONE + head(1), Code.STREAM_CLOSED),
    "a stream that goes back": (GREETING + request(5) + head(3), Code.STREAM_CLOSED),
    "a server's stream": (GREETING + head(2), Code.PROTOCOL_ERROR),
    "as much padding as frame": (GREETING + OPEN + frame(DATA, PADDED, 1, b"\x02ab"), None),
    "more padding than frame": (GREETING + OPEN + frame(DATA, PADDED, 1, b"\x03ab"), Code.PROTOCOL_ERROR),
    "padding without its length": (GREETING + OPEN + frame(DATA, PADDED, 1), Code.PROTOCOL_ERROR),
    "CONTINUATION of nothing": (GREETING + frame(CONTINUATION, END_HEADERS, 1), Code.PROTOCOL_ERROR),
    "a head that is interrupted": (GREETING + frame(HEADERS, 0, 1, block()) + PING_FRAME, Code.PROTOCOL_ERROR),
    "another head's continuation": (
        GREETING + frame(HEADERS, 0, 1, block()) + frame(CONTINUATION, END_HEADERS, 3),
        Code.PROTOCOL_ERROR,
    ),
    "a head cut short": (GREETING + frame(HEADERS, END_HEADERS, 1, b"\x40\x0aab"), Code.COMPRESSION_ERROR),
    "a field of no table": (GREETING + frame(HEADERS, END_HEADERS, 1, b"\xff\x7f"), Code.COMPRESSION_ERROR),
    "a table beyond its size": (GREETING + frame(HEADERS, END_HEADERS, 1, b"\x3f\xff\x7f"), Code.COMPRESSION_ERROR),
    "more padding than head": (GREETING + frame(HEADERS, END_HEADERS | PADDED, 1, b"\x09"), Code.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", OVER)
def test_what_breaks_the_protocol_ends_the_connection_with_a_code(name: str) -> None:
    content, code = OVER[name]
    wire = Wire(content)
    assert wire.goaway() == code
    written = len(wire.written)
    wire.send(request(101))
    assert (len(wire.written) > written) is (code is None)


def fields(**changes: bytes | None) -> list[tuple[bytes, bytes]]:
    """The fields of a head; pseudo-fields are changed, or left out where None is given."""
    told = {name.decode()[1:]: value for name, value in FIELDS}
    return [(f":{name}".encode(), value) for name, value in {**told, **changes}.items() if value is not None]


MALFORMED = {
    "no method": block(fields=fields(method=None)),
    "no path": block(fields=fields(path=None)),
    "an empty path": block(fields=fields(path=b"")),
    "no scheme": block(fields=fields(scheme=None)),
    "a method twice": block(fields=[*FIELDS, (b":method", b"GET")]),
    "a field of answers": block(fields=[*FIELDS, (b":status", b"200")]),
    "a path after fields": block((b"a", b"b"), fields=[*fields(path=None), (b"a", b"b"), (b":path", b"/a")]),
    "a name in capitals": block((b"Abc", b"d")),
    "a name with a blank": block((b"a b", b"d")),
    "an empty name": block((b"", b"d")),
    "a line end in a value": block((b"a", b"b\r\nc: d")),
    "NUL in a value": block((b"a", b"b\0")),
    "a blank before a value": block((b"a", b" b")),
    "connection": block((b"connection", b"close")),
    "transfer-encoding": block((b"transfer-encoding", b"chunked")),
    "te of another kind": block((b"te", b"gzip")),
    "a length that is none": block((b"content-length", b"-1")),
    "two lengths": block((b"content-length", b"3"), (b"content-length", b"3")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_head_ends_its_stream_alone(name: str) -> None:
    wire = Wire().send(frame(HEADERS, END_HEADERS | END_STREAM, 1, MALFORMED[name]), request(3))
    assert wire.resets() == {1: Code.PROTOCOL_ERROR}
    assert [one.stream for one in wire.plain.asked] == [3]


STREAM_FAULTS = {
    "a body longer than it says": (head(1, (b"content-length", b"2")) + data(b"abc"), Code.PROTOCOL_ERROR),
    "a body shorter than it says": (head(1, (b"content-length", b"4")) + data(b"abc"), Code.PROTOCOL_ERROR),
    "no body where one is said": (head(1, (b"content-length", b"4"), end=True), Code.PROTOCOL_ERROR),
    "a second head that is not the last": (head() + frame(HEADERS, END_HEADERS, 1, block(fields=())), 1),
    "trailers with a path": (head() + frame(HEADERS, END_HEADERS | END_STREAM, 1, block()), Code.PROTOCOL_ERROR),
    "a window widened by nothing": (head() + number_frame(WINDOW_UPDATE, 1, 0), Code.PROTOCOL_ERROR),
    "a window widened too much": (head() + number_frame(WINDOW_UPDATE, 1, LARGEST_NUMBER), Code.FLOW_CONTROL_ERROR),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_of_a_stream_ends_it_alone(name: str) -> None:
    content, code = STREAM_FAULTS[name]
    wire = Wire().send(content, request(3))
    assert (wire.resets(), wire.plain.lost_streams, wire.goaway()) == ({1: code}, [1], None)
    assert [one.stream for one in wire.plain.asked] == [3]


def test_more_on_a_stream_whose_answer_waits_is_refused() -> None:
    for more in (data(b"a"), frame(HEADERS, END_HEADERS | END_STREAM, 1, block((b"a", b"b"), fields=()))):
        wire = Wire(at_once=False).send(request(), more)
        assert (wire.resets(), wire.plain.lost_streams) == ({1: Code.STREAM_CLOSED}, [1])


def test_heads_that_are_wrong_leave_the_table_right() -> None:
    """The table goes on with what a refused head put into it."""
    encoder = hpack.Encoder()
    wrong = encoder.encode([*FIELDS, (b"kept", b"value"), (b"connection", b"close")])
    right = encoder.encode([*FIELDS, (b"kept", b"value")])
    wire = Wire().send(frame(HEADERS, END_HEADERS | END_STREAM, 1, wrong), frame(HEADERS, 5, 3, right))
    assert wire.resets() == {1: Code.PROTOCOL_ERROR}
    assert wire.plain.heads[3].regular == {b"kept": b"value"}


def test_a_head_known_by_its_bytes_is_forgotten_with_the_table_that_it_stands_on() -> None:
    """The same bytes mean another field as soon as another one has its place."""
    wire = Wire()
    first = hpack.Encoder().encode(FIELDS)
    place = b"\xbe"  # the newest entry of the table
    for stream, (name, value) in enumerate([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")]):
        entry = b"\x40" + bytes([len(name)]) + name + bytes([len(value)]) + value
        wire.send(frame(HEADERS, 5, 6 * stream + 1, (first if not stream else block()) + entry))
        for again in (3, 5):
            wire.send(frame(HEADERS, 5, 6 * stream + again, block() + place))
            assert wire.plain.heads[6 * stream + again].regular == {name: value}
    wire.send(frame(HEADERS, 5, 101, b"\x20" + block()), frame(HEADERS, 5, 103, block() + place))
    assert wire.goaway() == Code.COMPRESSION_ERROR  # the table was emptied


def test_heads_have_bounds() -> None:
    many = [frame(HEADERS, 0, 1, b""), *[frame(CONTINUATION, 0, 1)] * MOST_PARTS]
    assert Wire().send(*many).goaway() == Code.ENHANCE_YOUR_CALM
    piece = b"\x00\x01a\x7f\x80\x7f" + bytes(16_000)
    long = [frame(HEADERS, 0, 1, piece), *[frame(CONTINUATION, 0, 1, piece)] * (LARGEST_BLOCK // len(piece))]
    assert Wire().send(*long).goaway() == Code.ENHANCE_YOUR_CALM
    entry = b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4000  # one entry that fills the table, named by a byte from then on
    bomb = block() + entry + b"\xbe" * (LARGEST_LIST // 1000)
    assert Wire().send(frame(HEADERS, 5, 1, bomb)).goaway() == Code.ENHANCE_YOUR_CALM


def test_streams_have_bounds_and_those_beyond_may_come_again() -> None:
    wire = Wire(at_once=False).send(*(head(2 * n + 1, end=True) for n in range(MOST_STREAMS + 1)))
    assert wire.resets() == {2 * MOST_STREAMS + 1: Code.REFUSED_STREAM}
    wire.plain.answer(wire.session.streams[1])
    assert wire.send(head(2 * MOST_STREAMS + 3, end=True)).resets().keys() == {2 * MOST_STREAMS + 1}


def test_what_is_under_way_is_lost_with_the_connection() -> None:
    wire = Wire(at_once=False).send(head(1, end=True), head(3), PREFACE)
    assert wire.plain.lost_streams == [1, 3]
    assert wire.session.streams == {}


# Windows.


def test_an_answer_waits_for_the_windows_and_goes_out_as_they_open() -> None:
    body = bytes(100_000)
    wire = Wire(PREFACE + settings_frame({INITIAL_WINDOW_SIZE: 10}), body=body).send(head(1, end=True))
    assert len(wire.bodies()[1]) == 10
    wire.send(number_frame(WINDOW_UPDATE, 1, 5))
    assert len(wire.bodies()[1]) == 15
    wire.send(settings_frame({INITIAL_WINDOW_SIZE: 80_000}))
    assert len(wire.bodies()[1]) == 65_535  # what the connection takes
    assert max(len(one.payload) for one in wire.frames(DATA)) == 2**14
    wire.send(number_frame(WINDOW_UPDATE, 0, 100_000), number_frame(WINDOW_UPDATE, 1, 100_000))
    assert wire.bodies()[1] == body
    assert wire.session.streams == {}
    assert wire.session.sending.unsent == 0


def test_a_window_below_zero_is_waited_for() -> None:
    wire = Wire(body=bytes(60_000), at_once=False).send(head(1, end=True))
    wire.plain.session.sending.flowing = False
    wire.plain.answer(wire.session.streams[1])
    wire.send(settings_frame({INITIAL_WINDOW_SIZE: 0}), number_frame(WINDOW_UPDATE, 1, 5))
    wire.plain.session.sending.flowing = True
    wire.send(number_frame(WINDOW_UPDATE, 1, 5))
    assert len(wire.bodies()[1]) == 10
    wire.send(settings_frame({INITIAL_WINDOW_SIZE: 100}), settings_frame({INITIAL_WINDOW_SIZE: 0}))
    assert len(wire.bodies()[1]) == 110
    wire.send(number_frame(WINDOW_UPDATE, 1, 99))
    assert len(wire.bodies()[1]) == 110  # it was at -100
    wire.send(number_frame(WINDOW_UPDATE, 1, 3))
    assert len(wire.bodies()[1]) == 112


def test_answers_take_turns_and_one_that_is_stuck_does_not_hold_the_others() -> None:
    wire = Wire(body=bytes(40_000), at_once=False)
    wire.send(head(1, end=True), head(3, end=True))
    for stream in tuple(wire.session.streams.values()):
        wire.plain.answer(stream)
    assert [one.stream for one in wire.frames(DATA)][:4] == [1, 1, 1, 3]
    wire.send(number_frame(WINDOW_UPDATE, 0, 100_000), head(5, end=True))
    assert {stream: len(body) for stream, body in wire.bodies().items()} == {1: 40_000, 3: 40_000}


def test_nothing_is_written_while_nothing_leaves() -> None:
    wire = Wire(at_once=False).send(head(1, end=True))
    wire.session.sending.flowing = False
    wire.plain.answer(wire.session.streams[1])
    assert wire.bodies() == {}
    wire.session.sending.flowing = True
    wire.session.sending.flush(0.0)
    assert wire.bodies() == {1: WORD}


def test_an_answer_that_nobody_takes_is_found_and_given_up() -> None:
    wire = Wire(PREFACE + settings_frame({INITIAL_WINDOW_SIZE: 1})).send(head(1, end=True))
    assert [one.number for one in wire.session.sending.stuck(0.0)] == [1]
    wire.now = 5.0
    wire.send(number_frame(WINDOW_UPDATE, 1, 1))
    assert wire.session.sending.stuck(4.0) == []
    wire.session.reset(1, Code.CANCEL)
    assert (wire.resets(), wire.session.sending.unsent) == ({1: Code.CANCEL}, 0)
    assert wire.send(number_frame(WINDOW_UPDATE, 1, 100)).goaway() is None


def test_who_leaves_answers_lying_is_answered_no_more() -> None:
    wire = Wire(PREFACE + settings_frame({INITIAL_WINDOW_SIZE: 0}), body=bytes(2**20))
    wire.send(*(head(2 * n + 1, end=True) for n in range(20)))
    assert wire.session.sending.unsent <= MOST_UNSENT + 2**20
    assert set(wire.resets().values()) == {Code.REFUSED_STREAM}


def test_what_a_client_sends_is_bounded_and_given_back() -> None:
    wire = Wire().send(head(), *[data(bytes(16_000), end=False)] * 40)
    given = [int.from_bytes(one.payload, "big") for one in wire.frames(WINDOW_UPDATE) if one.stream == 1]
    assert given == [33 * 16_000]
    assert wire.session.streams[1].left == WINDOW - 7 * 16_000
    assert len(wire.send(data(b"")).plain.asked[0].body) == 40 * 16_000


def test_more_than_the_windows_hold_is_refused() -> None:
    wire = Wire().send(head())
    wire.session.streams[1].left = 2
    assert wire.send(data(b"abc", end=False)).resets() == {1: Code.FLOW_CONTROL_ERROR}
    wire.session._left = 2
    assert wire.send(data(b"abc", end=False)).goaway() == Code.FLOW_CONTROL_ERROR


def test_a_client_that_is_answered_early_is_told_to_stop_and_may_be_late() -> None:
    wire = Wire(at_once=False).send(head())
    wire.plain.answer(wire.session.streams[1])
    assert wire.resets() == {1: Code.NO_ERROR}
    wire.send(data(bytes(10), end=False), data(b""), request(3))
    assert wire.goaway() is None
    assert wire.send(data(b"")).goaway() == Code.STREAM_CLOSED  # it had ended


# Floods.

FLOODS = {
    "pings": PING_FRAME,
    "settings": settings_frame({4: 1}),
    "acks": frame(SETTINGS, ACK, 0),
    "priorities": frame(PRIORITY, 0, 3, bytes(5)),
    "windows": number_frame(WINDOW_UPDATE, 0, 1),
    "windows of a stream": number_frame(WINDOW_UPDATE, 1, 1),
    "empty DATA": data(b"", end=False),
    "tiny DATA": data(b"ab", end=False),
    "DATA of padding": frame(DATA, PADDED, 1, b"\x02\0\0"),
    "goodbyes": frame(GOAWAY, 0, 0, bytes(8)),
    "what nobody knows": frame(200, 0, 1, b"?"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name: str) -> None:
    wire = Wire(at_once=False).send(head(), *[FLOODS[name]] * 1100)
    assert wire.goaway() == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("name", FLOODS)
def test_as_much_over_time_or_beside_calls_does_not(name: str) -> None:
    wire = Wire().send(head())
    for turn in range(110):
        if turn % 2:
            wire.now += 0.2
        else:
            wire.send(request(2 * turn + 3), request(2 * turn + 5))
        wire.send(*[FLOODS[name]] * 20)
    assert wire.goaway() is None


def test_streams_opened_and_reset_at_once_end_the_connection() -> None:
    wire = Wire(at_once=False)
    for n in range(1100):
        wire.send(head(2 * n + 1), number_frame(RST_STREAM, 2 * n + 1, Code.CANCEL))
    assert wire.goaway() == Code.ENHANCE_YOUR_CALM


def test_streams_that_make_the_server_reset_them_end_the_connection() -> None:
    wire = Wire(at_once=False)
    for n in range(1100):
        wire.send(head(2 * n + 1), number_frame(WINDOW_UPDATE, 2 * n + 1, 0))
    assert wire.goaway() == Code.ENHANCE_YOUR_CALM


def test_who_gives_up_some_calls_among_others_is_served() -> None:
    wire = Wire()
    for n in range(2000):
        wire.send(request(4 * n + 1), head(4 * n + 3), number_frame(RST_STREAM, 4 * n + 3, Code.CANCEL))
    assert (wire.goaway(), len(wire.plain.asked)) == (None, 2000)


# The end.


def test_a_client_is_asked_to_leave_and_what_is_on_its_way_is_answered() -> None:
    wire = Wire(at_once=False).send(head(1, end=True))
    wire.session.warn()
    assert wire.frames(GOAWAY)[-1].payload[:4] == LARGEST_NUMBER.to_bytes(4, "big")
    wire.send(head(3, end=True))  # sent before it has heard
    wire.send(frame(PING, ACK, 0, LEAVING))
    assert wire.session.control.answered == {LEAVING}
    wire.session.finish()
    assert wire.frames(GOAWAY)[-1].payload[:4] == (3).to_bytes(4, "big")
    wire.send(request(5), number_frame(RST_STREAM, 5, 8), number_frame(WINDOW_UPDATE, 5, 1))
    assert [one.stream for one in wire.plain.asked] == [1, 3]
    for stream in tuple(wire.session.streams.values()):
        wire.plain.answer(stream)
    assert wire.bodies() == {1: WORD, 3: WORD}
    assert wire.goaway() == Code.NO_ERROR
