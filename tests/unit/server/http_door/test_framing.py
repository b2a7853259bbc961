"""Where a request ends is never in doubt: what could be read in two ways is refused, and its connection closed.

Cases are from RFC 9110 and RFC 9112, and from published lists of request smuggling: J. Kettle, "HTTP Desync Attacks"
(2019) and the list of the http-request-smuggler tool; B. Jabiyev and others, "T-Reqs: HTTP Request Smuggling with
Differential Fuzzing" (CCS 2021); the advisories for llhttp, CVE-2022-32213 to 32215, CVE-2023-30589, CVE-2022-35256,
CVE-2024-27982; for aiohttp, CVE-2023-47627, CVE-2024-27306, CVE-2025-53643; for h11, CVE-2025-43859; for gunicorn,
CVE-2024-1135 and CVE-2024-6827; for Go, CVE-2025-22871.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.server.http_door.wire import Wire, get, post

HOST = b"Host: churn\r\n"
SMUGGLED = b"GET /known HTTP/1.1\r\nHost: smuggled\r\n\r\n"


def head(fields: bytes, line: bytes = b"POST /echo HTTP/1.1") -> bytes:
    return line + b"\r\n" + HOST + fields + b"\r\n"


def chunked(body: bytes, coding: bytes = b"Transfer-Encoding: chunked\r\n") -> bytes:
    return head(coding) + body


REFUSED: dict[str, tuple[bytes, int]] = {
    # Lengths: RFC 9112, 6.1 and 6.3.
    "both lengths": (head(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + b"0\r\n\r\n" + SMUGGLED, 400),
    "both, the other first": (head(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + b"0\r\n\r\n", 400),
    "two lengths that differ": (head(b"Content-Length: 3\r\nContent-Length: 4\r\n") + b"abcd", 400),
    "two lengths that agree": (head(b"Content-Length: 3\r\nContent-Length: 3\r\n") + b"abc", 400),
    "a list of lengths": (head(b"Content-Length: 3, 3\r\n") + b"abc", 400),
    "a length with a plus": (head(b"Content-Length: +3\r\n") + b"abc", 400),
    "a length with a minus": (head(b"Content-Length: -3\r\n") + b"abc", 400),
    "a length in hexadecimal": (head(b"Content-Length: 0x3\r\n") + b"abc", 400),
    "a length with an underscore": (head(b"Content-Length: 1_0\r\n") + b"abc", 400),
    "a length in parts": (head(b"Content-Length: 1 0\r\n") + b"abc", 400),
    "an empty length": (head(b"Content-Length: \r\n") + b"abc", 400),
    "a length beyond 64 bits": (head(b"Content-Length: 18446744073709551619\r\n") + b"abc", 400),
    # Codings: RFC 9112, 6.1 and 7.
    "an unknown coding": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: cow\r\n"), 400),
    "identity": (chunked(b"abc", b"Transfer-Encoding: identity\r\n"), 400),
    "a coding before chunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked\r\n"), 501),
    "a coding after chunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked, gzip\r\n"), 400),
    "chunked twice in a list": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked, chunked\r\n"), 400),
    "chunked twice": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
    "chunked, then another": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n"), 400),
    "another, then chunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n"), 501),
    "xchunked": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: xchunked\r\n"), 400),
    "chunked with a quote": (chunked(b"0\r\n\r\n", b'Transfer-Encoding: "chunked"\r\n'), 400),
    "chunked after a vertical tab": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: \x0bchunked\r\n"), 400),
    "chunked after a form feed": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: \x0cchunked\r\n"), 400),
    "chunked after a NUL": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: \x00chunked\r\n"), 400),
    "chunked before a parameter": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: chunked;a=b\r\n"), 400),
    "chunked on a line of its own": (chunked(b"0\r\n\r\n", b"Transfer-Encoding:\r\n chunked\r\n"), 400),
    "an empty coding": (chunked(b"0\r\n\r\n", b"Transfer-Encoding: \r\n"), 400),
    "a coding in HTTP/1.0": (
        head(b"Transfer-Encoding: chunked\r\n", b"POST /echo HTTP/1.0") + b"3\r\nabc\r\n0\r\n\r\n",
        400,
    ),
    # Chunks: RFC 9112, 7.1.
    "a chunk that ends in LF": (chunked(b"3\nabc\r\n0\r\n\r\n"), 400),
    "an extension that ends in LF": (chunked(b"3;\nabc\r\n0\r\n\r\n"), 400),
    "an extension with a bare CR": (chunked(b"3;a\rb\r\nabc\r\n0\r\n\r\n"), 400),
    "an extension with a control": (chunked(b"3;a\x01\r\nabc\r\n0\r\n\r\n"), 400),
    "an extension with an open quote": (chunked(b'3;a="b\r\nabc\r\n0\r\n\r\n'), 400),
    "data followed by LF": (chunked(b"3\r\nabc\n0\r\n\r\n"), 400),
    "data longer than its size": (chunked(b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    "data followed by two other bytes": (chunked(b"3\r\nabcXX0\r\n\r\n"), 400),
    "a size after a blank": (chunked(b" 3\r\nabc\r\n0\r\n\r\n"), 400),
    "a size before a blank": (chunked(b"3 \r\nabc\r\n0\r\n\r\n"), 400),
    "a size with 0x": (chunked(b"0x3\r\nabc\r\n0\r\n\r\n"), 400),
    "a size with a sign": (chunked(b"+3\r\nabc\r\n0\r\n\r\n"), 400),
    "a size with an underscore": (chunked(b"1_0\r\nabc\r\n0\r\n\r\n"), 400),
    "a size beyond 64 bits": (chunked(b"10000000000000003\r\nabc\r\n0\r\n\r\n"), 400),
    "no size": (chunked(b"\r\nabc\r\n0\r\n\r\n"), 400),
    "a last chunk that ends in LF": (chunked(b"0\n\r\n"), 400),
    "trailers that end in LF": (chunked(b"0\r\n\n"), 400),
    "a length among the trailers": (chunked(b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"), 400),
    # Lines: RFC 9112, 2.2, 3 and 5.
    "lines that end in LF": (b"GET /known HTTP/1.1\nHost: churn\n\n", 400),
    "a field that ends in LF": (head(b"A: b\nContent-Length: 3\r\n") + b"abc", 400),
    "a bare CR in a field": (head(b"A: b\rContent-Length: 3\r\n") + b"abc", 400),
    "CR CR LF": (head(b"A: b\r\r\n"), 400),
    "a field continued by a blank": (head(b"A: b\r\n c\r\n"), 400),
    "a field continued by a tab": (head(b"A: b\r\n\tc\r\n"), 400),
    "a blank before the colon": (head(b"Content-Length : 3\r\n") + b"abc", 400),
    "a tab before the colon": (head(b"Content-Length\t: 3\r\n") + b"abc", 400),
    "a blank before the first field": (b"GET /known HTTP/1.1\r\n Host: churn\r\n\r\n", 400),
    "a field without a name": (head(b": b\r\n"), 400),
    "a field without a colon": (head(b"abc\r\n"), 400),
    "NUL in a name": (head(b"Content\x00Length: 3\r\n") + b"abc", 400),
    "a name beyond ASCII": (head(b"Content-Length\xff: 3\r\n") + b"abc", 400),
    "NUL in a value": (head(b"A: b\x00c\r\n"), 400),
    "a control in a value": (head(b"A: b\x01c\r\n"), 400),
    "DEL in a value": (head(b"A: b\x7fc\r\n"), 400),
    # The first line: RFC 9112, 3; RFC 9110, 15.
    "no version": (b"GET /known\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /known HTTP/0.9\r\n\r\n", 505),
    "HTTP/2.0": (get().replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
    "HTTP/1.2": (get().replace(b"HTTP/1.1", b"HTTP/1.2"), 400),
    "HTTP/1.10": (get().replace(b"HTTP/1.1", b"HTTP/1.10"), 400),
    "http in lower case": (get().replace(b"HTTP/1.1", b"http/1.1"), 400),
    "a preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a hello of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a blank in the target": (get("/kn own"), 400),
    "a control in the target": (get("/kn\x01own"), 400),
    "a target beyond ASCII": (get().replace(b"/known", b"/kn\xffown"), 400),
    "a blank after the version": (get().replace(b"HTTP/1.1", b"HTTP/1.1 "), 400),
    "a tab after the method": (get().replace(b"GET ", b"GET\t"), 400),
    "a method in lower case": (get(method="get"), 400),
    "a method of nobody": (get(method="SMUGGLE"), 400),
    "a relative target": (get("known"), 400),
    # Host: RFC 9112, 3.2.
    "no host": (b"GET /known HTTP/1.1\r\n\r\n", 400),
    "two hosts": (get("/known", b"Host: other"), 400),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("cut", [False, True], ids=["at once", "byte by byte"])
async def test_what_could_be_read_in_two_ways_is_refused_and_its_connection_closed(
    case: str,
    cut: bool,  # noqa: FBT001
) -> None:
    data, status = REFUSED[case]
    wire = Wire()
    wire.send(*([data[i : i + 1] for i in range(len(data))] if cut else [data]))
    wire.send(SMUGGLED)
    assert wire.statuses() == [status]
    assert wire.is_closed()
    assert b"\r\nConnection: close" in wire.answers()[0].head
    assert b'"error":' in wire.answers()[0].body
    assert wire.backend.asked == []


ACCEPTED: dict[str, tuple[bytes, list[tuple[str, str, bytes]]]] = {
    "a length": (post(), [("POST", "/echo", b"abc")]),
    "blanks around a length": (head(b"Content-Length:   3 \t\r\n") + b"abc", [("POST", "/echo", b"abc")]),
    "zeros before a length": (head(b"Content-Length: 003\r\n") + b"abc", [("POST", "/echo", b"abc")]),
    "chunks": (chunked(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), [("POST", "/echo", b"abc")]),
    "zeros before a size": (chunked(b"003\r\nabc\r\n0\r\n\r\n"), [("POST", "/echo", b"abc")]),
    "sizes in capitals": (chunked(b"A\r\nabcdefghij\r\n0\r\n\r\n"), [("POST", "/echo", b"abcdefghij")]),
    "extensions": (chunked(b'3;a=b;c="d e"\r\nabc\r\n0;x\r\n\r\n'), [("POST", "/echo", b"abc")]),
    "trailers": (chunked(b"3\r\nabc\r\n0\r\nHost: other\r\nExpect: x\r\n\r\n"), [("POST", "/echo", b"abc")]),
    "chunked in capitals": (
        chunked(b"3\r\nabc\r\n0\r\n\r\n", b"TRANSFER-ENCODING: CHUNKED\r\n"),
        [("POST", "/echo", b"abc")],
    ),
    "no length, no body": (head(b""), [("POST", "/echo", b"")]),
    "a body to GET": (
        get("/known", b"Content-Length: 3") + b"abc" + get(),
        [("GET", "/known", b"abc"), ("GET", "/known", b"")],
    ),
    "bytes beyond ASCII in a value": (get("/known", b"A: b\xffc"), [("GET", "/known", b"")]),
    "empty lines before": (b"\r\n\r\n" + get(), [("GET", "/known", b"")]),
    "an empty host": (b"GET /known HTTP/1.1\r\nHost:\r\n\r\n", [("GET", "/known", b"")]),
    "absolute-form": (get("http://other/known?x=1"), [("GET", "/known", b"")]),
    "a query": (get("/known?x=/y"), [("GET", "/known", b"")]),
    "a path in percents": (get("/%6bnown"), [("GET", "/known", b"")]),
    "a request ahead": (post() + get(), [("POST", "/echo", b"abc"), ("GET", "/known", b"")]),
    "an upgrade that is not taken": (
        post(b"abc", "/echo", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAAB")
        + get(),
        [("POST", "/echo", b"abc"), ("GET", "/known", b"")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
@pytest.mark.parametrize("cut", [False, True], ids=["at once", "byte by byte"])
async def test_what_is_right_is_read_as_it_says(case: str, cut: bool) -> None:  # noqa: FBT001
    data, asked = ACCEPTED[case]
    wire = Wire()
    wire.send(*([data[i : i + 1] for i in range(len(data))] if cut else [data]))
    assert wire.backend.asked == asked
    assert wire.statuses() == [200] * len(asked)
    assert not wire.is_closed()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get("/" + "x" * 9000), 414),
        (get("/known", *[b"A: b"] * 200), 431),
        (get("/known", b"A: " + b"x" * 40_000), 431),
        (get("/known", b"x" * 40_000 + b": b"), 431),
        (head(b"Expect: a miracle\r\nContent-Length: 3\r\n") + b"abc", 417),
        (get("/nothing"), 404),
        (get("/known", method="DELETE"), 405),
        (get("/echo"), 405),
        (get("*"), 405),
        (get("/known#part"), 400),
    ],
)
async def test_each_refusal_has_its_status(data: bytes, status: int) -> None:
    wire = Wire().send(data)
    assert wire.statuses() == [status]
    assert wire.backend.asked == []


async def test_it_is_no_tunnel() -> None:
    wire = Wire().send(b"CONNECT churn:443 HTTP/1.1\r\nHost: churn\r\n\r\n" + SMUGGLED, SMUGGLED)
    assert wire.statuses() == [400]
    assert wire.is_closed()


async def test_thousands_of_upgrades_are_all_not_taken() -> None:
    wire = Wire().send(get("/known", b"Connection: upgrade", b"Upgrade: h2c") * 3000)
    assert wire.statuses() == [200] * 3000


@pytest.mark.parametrize("field", [b"x" * 20_000_000, b"A: " + b"x" * 20_000_000, b"A: b\r\n" * 4_000_000])
async def test_a_head_without_an_end_is_refused_before_much_of_it_is_kept(field: bytes) -> None:
    wire, sent = Wire().send(get()[:-2]), 0
    while not wire.is_closed():
        wire.send(field[sent : sent + 1000])
        sent += 1000
    assert wire.statuses() == [431]
    assert sent < 100_000


@pytest.mark.parametrize("endless", [b"1;" + b"a" * 10_000_000, b"0\r\nA: " + b"b" * 10_000_000, b"1\r\na\r\n" * 400])
async def test_what_surrounds_chunks_is_bounded_too(endless: bytes) -> None:
    """By CVE-2024-22019 an endless extension of a chunk was read for ever."""
    wire, sent = Wire().send(chunked(b"")), 0
    while not wire.is_closed() and sent < len(endless):
        wire.send(endless[sent : sent + 1000])
        sent += 1000
    if endless.startswith(b"1\r\n"):
        assert not wire.is_closed()
    else:
        assert wire.statuses() == [400]
        assert sent < 100_000


@pytest.mark.parametrize(("path", "allow"), [("/known", b"GET, HEAD"), ("/echo", b"POST"), ("*", b"GET, HEAD, POST")])
async def test_options_tell_what_a_path_knows(path: str, allow: Any) -> None:
    wire = Wire().send(get(path, method="OPTIONS"))
    ((status, told, body),) = wire.answers()
    assert (status, body) == (200, b"")
    assert b"Allow: " + allow in told.split(b"\r\n")


async def test_head_is_answered_as_get_without_the_body() -> None:
    wire = Wire().send(get(method="HEAD"))
    assert wire.transport.written.endswith(b"Content-Length: 2\r\n\r\n")
    assert wire.transport.written.startswith(b"HTTP/1.1 200 OK\r\n")
