"""The HTTP door beside a public list: the requests, valid and invalid, by which gunicorn tests its parsers.

What the list calls valid is handed on as the list says, and what comes after it on the same connection is read as
itself. What it calls invalid is refused, and its connection closed. `OTHERWISE` has all requests that the door treats
in another way, and why.
"""

from __future__ import annotations

import asyncio
import re
import runpy
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import pytest

from tests.cluster.packaged import gunicorn_requests
from tests.harness.programs import or_skip
from tests.unit.server.http_door.wire import Backend, Wire, get
from weirkeeper_server.http_door.answers import Response
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.http_door.listening import HttpServer
from weirkeeper_server.http_door.request import HttpRequest
from weirkeeper_server.http_door.routing import SERVER_WIDE, Endpoint, Match, Routes
from weirkeeper_server.settings import Limits

VALID, INVALID = 62, 81
LEFT, STAYS = "the door leaves the connection", "the connection stays"
LIMITS: Final = Limits(request_timeout_seconds=30.0, idle_timeout_seconds=75.0)
NEXT: Final = get("/next")


class Read(NamedTuple):
    """A request as it is handed on, the names of its fields in lower case."""

    method: str
    target: str
    fields: Mapping[str, str]
    body: bytes


class Found(NamedTuple):
    """What became of bytes: requests that were handed on, statuses of the answers, whether the connection is left."""

    read: list[Read]
    statuses: list[int]
    closed: bool


class Listed(NamedTuple):
    """One entry of the list: its bytes, what they are read as, none where they are invalid, and whether that is all."""

    data: bytes
    wanted: list[Read]
    closed: bool


class Otherwise(NamedTuple):
    """What the door answers instead, what becomes of the connection, and why."""

    statuses: list[int]
    connection: str
    why: str


PROXY: Final = Otherwise([400], LEFT, "the PROXY protocol, which is none of HTTP's, and an option there too")
FOLDED: Final = Otherwise([400], LEFT, "a field on two lines, an option there too; RFC 9112, 5.2: refuse, or unfold")
UNDERSTOOD: Final = Otherwise([501], LEFT, "RFC 9112, 6.1: a coding that is not understood is answered 501")
METHOD: Final = Otherwise([400], LEFT, "RFC 9110, 9.1: a method of nobody; bytes that begin so are mostly no HTTP")
NAMES: Final = "names with _ are names; gunicorn drops or refuses them for CGI, where they are the same as those with -"
SMALLER: Final = "a limit of gunicorn's; the door has 8 KiB for the target, 128 fields, and 32 KiB for all fields"
UNFINISHED: Final = "it is waited for what lacks, until the client ends or the time for it has passed"

OTHERWISE: Final[Mapping[str, Otherwise]] = {
    "valid/005": Otherwise([400], STAYS, "RFC 9112, 3.2: a target has no fragment"),
    "valid/013": Otherwise(
        [400],
        LEFT,
        "RFC 9112, 7.1.1: blanks in an extension of a chunk, which none should write; llhttp refuses them",
    ),
    "valid/025": UNDERSTOOD,
    "valid/025_line": UNDERSTOOD,
    "valid/028": Otherwise([400], LEFT, "a blank before the colon, an option there too; RFC 9112, 5.1: refuse"),
    "valid/029": UNDERSTOOD,
    "valid/030": UNDERSTOOD,
    "valid/031": METHOD,
    "valid/031compat": METHOD,
    "valid/031compat2": METHOD,
    "valid/040": Otherwise([200], LEFT, NAMES),
    "valid/099": Otherwise([], STAYS, f"its body is shorter than its length, which RFC 9112, 8 forbids; {UNFINISHED}"),
    "valid/compat_obs_fold": FOLDED,
    "valid/compat_obs_fold_huge": FOLDED,
    "valid/pp_01": PROXY,
    "valid/pp_02": PROXY,
    "valid/pp_04": PROXY,
    "valid/pp_05": PROXY,
    "valid/rfc9112_smuggle_gzip_chunked_01": UNDERSTOOD,
    "valid/rfc9112_smuggle_te_identity_chunked_01": UNDERSTOOD,
    "valid/rfc9112_target_asterisk_options_01": Otherwise(
        [200], STAYS, "RFC 9110, 9.3.7: answered by the door itself, and not handed on"
    ),
    "valid/rfc9112_target_authority_connect_01": Otherwise([400], LEFT, "RFC 9110, 9.3.6: it is no tunnel"),
    "valid/rfc9112_target_authority_ipv6_01": Otherwise([400], LEFT, "RFC 9110, 9.3.6: it is no tunnel"),
    "invalid/001": Otherwise([], STAYS, f"a head without its end; {UNFINISHED}"),
    "invalid/006": Otherwise([200], LEFT, SMALLER),
    "invalid/007": Otherwise([200], LEFT, SMALLER),
    "invalid/008": Otherwise([200], LEFT, SMALLER),
    "invalid/009": Otherwise([200], LEFT, SMALLER),
    "invalid/011": Otherwise([200], STAYS, SMALLER),
    "invalid/012": Otherwise([200], STAYS, SMALLER),
    "invalid/040": Otherwise([200], LEFT, NAMES),
    "invalid/041": Otherwise([200], STAYS, "Content-Type twice, which is never read (RFC 9110, 5.3: a sender's rule)"),
    "invalid/limit_header_default_01": Otherwise([200], LEFT, SMALLER),
    "invalid/rfc9110_trailer_forbidden_host_01": Otherwise(
        [200],
        STAYS,
        "RFC 9110, 6.5.1: trailers are dropped; one of length or coding is refused",
    ),
    "invalid/rfc9112_chunked_missing_final_crlf_01": Otherwise([], STAYS, f"chunks without their end; {UNFINISHED}"),
    "invalid/rfc9112_leading_crlf_02": Otherwise(
        [200], STAYS, "RFC 9112, 2.2: at least one empty line before a request is passed over; here, all are"
    ),
    "invalid/rfc9112_target_asterisk_non_options_01": Otherwise(
        [405], STAYS, "RFC 9112, 3.2.4: refused by its method; where it ends is not in doubt"
    ),
    "invalid/version_02": Otherwise([505], LEFT, "RFC 9110, 15.6.6: a version that is not supported is answered 505"),
}


class AnyTarget(Routes):
    """Lets every target that is a path lead to `answer`, by every method."""

    def __init__(self, answer: Any) -> None:
        super().__init__([], {})
        self._endpoint = Endpoint(answer)

    def find(self, target: bytes) -> Match:
        match = super().find(target)
        if target != SERVER_WIDE:
            return Match(match.path, AnyMethod(self._endpoint))
        self.server_wide = Match("*", {b"OPTIONS": self._endpoint})
        return match


class AnyMethod(dict[bytes, Endpoint]):
    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__({b"GET": endpoint})
        self._endpoint = endpoint

    def get(self, *_: Any) -> Any:
        return self._endpoint


class Reading(Backend):
    """Takes every request, and remembers all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[Read] = []

    def routes(self) -> Routes:
        return AnyTarget(self._take)

    def _take(self, request: HttpRequest) -> Response:
        fields = {name.decode(): value.decode("latin-1") for name, value in request.head.fields.items()}
        target = request.target.decode("latin-1")
        self.read.append(Read(request.method.decode(), target, stripped(fields), request.body))
        return Response(b"{}")


def stripped(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip(" \t") for name, value in fields.items()}


# The list as it is written down: bytes with their escapes, and what they are read as, in Python.


class Option:
    """Stands for gunicorn's configuration, of which nothing matters here."""

    def set(self, *_: object) -> None: ...


class Gunicorn(ModuleType):
    """Stands for modules of gunicorn that the list imports: names of errors, and the configuration."""

    Config = Option

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


@pytest.fixture(scope="module")
def listed() -> Iterator[dict[str, Listed]]:
    folder = or_skip(gunicorn_requests)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("gunicorn", "gunicorn.config", "gunicorn.http", "gunicorn.http.errors"):
            patch.setitem(sys.modules, module, Gunicorn(module))
        yield {str(file.relative_to(folder).with_suffix("")): entry(file) for file in sorted(folder.glob("*/*.http"))}


def entry(file: Path) -> Listed:
    told = runpy.run_path(str(file.with_suffix(".py")), init_globals={"uri": str, "cfg": Option()})["request"]
    data = unescaped(file.read_bytes())
    if file.parent.name == "invalid":
        return Listed(data, [], closed=True)
    requests = told if isinstance(told, list) else [told]
    lacking = sum(lacks_host(one) for one in requests)
    return Listed(with_host(data, lacking), [wanted(one) for one in requests], is_last(requests[-1]))


def unescaped(text: bytes) -> bytes:
    data = text.replace(b"\n", b"").replace(rb"\r\n", b"\r\n").replace(rb"\0", b"\0")
    data = data.replace(rb"\n", b"\n").replace(rb"\t", b"\t")
    data = re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), data)
    assert b"\\" not in data
    return data


def lacks_host(told: Mapping[str, Any]) -> bool:
    return told["version"] == (1, 1) and "HOST" not in dict(told["headers"])


def with_host(data: bytes, lacking: int) -> bytes:
    """Put in a Host where HTTP/1.1 demands one: so many of an entry's requests lack it, and mean something else."""
    line = rb"(?im)^(\S+ \S+ HTTP/1\.1\r\n)(?!(?:[^\r\n]+\r\n)*host:)"
    return re.sub(line, rb"\1Host: added\r\n", data, count=lacking) if lacking else data


def wanted(told: Mapping[str, Any]) -> Read:
    fields: dict[str, str] = {"host": "added"} if lacks_host(told) else {}
    for name, value in told["headers"]:
        lower = name.lower()
        fields[lower] = f"{fields[lower]}, {value}" if lower in fields else value
    return Read(told["method"], told["uri"], fields, told["body"] or b"")


def is_last(told: Mapping[str, Any]) -> bool:
    connection = dict(told["headers"]).get("CONNECTION", "").lower()
    return bool(connection != "keep-alive" if told["version"] == (1, 0) else connection == "close")


# What the door makes of it.


def found(wire: Wire, backend: Reading) -> Found:
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", wire.transport.written)]
    return Found(list(backend.read), statuses, wire.is_closed())


def told_by_door(data: bytes, *, cut: bool) -> tuple[Found, Found]:
    """What becomes of bytes, at once or one by one, and what of a request that follows them."""
    backend = Reading()
    wire = Wire(LIMITS, backend=backend)
    wire.send(*([data[place : place + 1] for place in range(len(data))] if cut else [data]))
    first = found(wire, backend)
    wire.send(NEXT)
    both = found(wire, backend)
    return first, Found(both.read[len(first.read) :], both.statuses[len(first.statuses) :], both.closed)


def as_the_list_says(name: str, one: Listed, first: Found) -> bool:
    if name in OTHERWISE:
        other = OTHERWISE[name]
        return first.statuses == other.statuses and first.closed is (other.connection == LEFT)
    if not one.wanted:
        return first.read == [] and first.closed and len(first.statuses) == 1 and 400 <= first.statuses[0] < 500
    return first == Found(one.wanted, [200] * len(one.wanted), one.closed)


def is_answered_as_itself(first: Found, then: Found) -> bool:
    """Nothing is read after a connection was left; else the next request is, unless one before it is not at its end."""
    if first.closed or not first.statuses:
        return then.read == []
    return then.statuses == [200] and [one.target for one in then.read] == ["/next"]


@pytest.mark.parametrize("cut", [False, True], ids=["at once", "byte by byte"])
async def test_requests_are_read_or_refused_as_the_list_says(listed: dict[str, Listed], *, cut: bool) -> None:
    assert [sum(name.startswith(kind) for name in listed) for kind in ("valid/", "invalid/")] == [VALID, INVALID]
    assert set(OTHERWISE) < set(listed)
    wrong = {}
    for name, one in listed.items():
        first, then = told_by_door(one.data, cut=cut)
        if not (as_the_list_says(name, one, first) and is_answered_as_itself(first, then)):
            wrong[name] = (one.wanted, first, then)
    assert wrong == {}


async def test_so_they_are_over_sockets(listed: dict[str, Listed]) -> None:
    """The client sends all, and that it ends; it gets the same answers, and the end of its connection."""
    backend = Reading()
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    serving = HttpServer(Door(backend, LIMITS, backend.routes()))
    await serving.start(listener)
    for name, one in listed.items():
        backend.read.clear()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(one.data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        first, _ = told_by_door(one.data, cut=False)
        assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d\d\d) ", answer)] == first.statuses, name
        assert backend.read == first.read, name
    await serving.stop()
