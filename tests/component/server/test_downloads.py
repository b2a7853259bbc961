"""Downloads over real sockets on loopback: TLS, redirects, caps, what breaks off and goes on."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from tests.component.server.fetches import Handler, Serve, answering, fetch, refusal
from tests.corpus import artifacts
from weirkeeper_server.digest import digest_of
from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.addresses import HostRules
from weirkeeper_server.fetching.archive import unpack
from weirkeeper_server.fetching.download import Ask, downloader
from weirkeeper_server.fetching.landing import Caps, Landing
from weirkeeper_server.fetching.retries import Attempts, Passing, Retries
from weirkeeper_server.fetching.stores import receive_file


async def test_an_archive_comes_over_https(
    https: Serve, bundle_folder: Path, certificate: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "churn.tar.gz"
    archive.write_bytes(artifacts.archive_of(bundle_folder))
    port = await https(answering(archive.read_bytes()))
    uri = f"https://localhost:{port}/churn.tar.gz"
    fetched = await fetch(uri, tmp_path / "model", certificate, ["localhost"], sha256=digest_of(archive))
    assert fetched.sha256 == digest_of(archive)
    assert (tmp_path / "model" / "model.skops").read_bytes() == (bundle_folder / "model.skops").read_bytes()


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "AccessDenied"), (403, "AccessDenied"), (404, "Unreachable"), (503, "Unreachable")]
)
async def test_a_refusal_by_the_store_is_told(
    https: Serve, certificate: Path, tmp_path: Path, status: int, reason: str
) -> None:
    port = await https(answering(b"", status))
    uri = f"https://localhost:{port}/churn.zip?token=secret"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"])
    assert error.reason == reason
    assert f"HTTP {status}" in str(error)
    assert "secret" not in str(error)


async def test_a_certificate_that_nobody_vouches_for_is_refused(https: Serve, tmp_path: Path) -> None:
    port = await https(answering(b""))
    error = await refusal(f"https://localhost:{port}/churn.zip", tmp_path / "model", None, ["localhost"])
    assert error.reason == "Unreachable"
    assert "certificate verify failed" in str(error)


async def test_a_folder_cannot_come_over_https(tmp_path: Path) -> None:
    error = await refusal("https://localhost/churn", tmp_path / "model", None, ["localhost"])
    assert (error.reason, "lists no folders" in str(error)) == ("NotABundle", True)


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("https://127.0.0.1:{port}/churn.zip", "host '127.0.0.1' has the address 127.0.0.1, which is not public"),
        ("http://localhost.example.net/churn.zip", "is not encrypted"),
        ("https://user:word@localhost:{port}/churn.zip", "carries credentials"),
        ("file:///etc/passwd", "not on the platform's list|not encrypted"),
    ],
)
async def test_a_redirect_is_under_the_same_rules(
    https: Serve, certificate: Path, tmp_path: Path, location: str, message: str
) -> None:
    ports: list[int] = []

    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location.format(port=ports[0])})

    ports.append(await https(redirect))
    with pytest.raises(FetchError, match=message) as refused:
        await fetch(f"https://localhost:{ports[0]}/churn.zip", tmp_path / "model", certificate, ["localhost", "*"])
    assert refused.value.reason == "HostNotAllowed"


async def test_redirects_come_to_an_end(https: Serve, certificate: Path, tmp_path: Path) -> None:
    port = await https(answering(b"", 302, Location="/churn.zip"))
    error = await refusal(f"https://localhost:{port}/churn.zip", tmp_path / "model", certificate, ["localhost"])
    assert (error.reason, "more than 5 redirects" in str(error)) == ("Unreachable", True)


async def test_a_name_with_a_private_address_is_refused_under_a_pattern(
    https: Serve, certificate: Path, tmp_path: Path
) -> None:
    port = await https(answering(b""))
    error = await refusal(f"https://localhost:{port}/churn.zip", tmp_path / "model", certificate, ["*"])
    assert error.reason == "HostNotAllowed"
    assert "which is not public" in str(error)


@pytest.mark.parametrize("address", ["2130706433", "0x7f000001", "0177.0.0.1"])
async def test_an_address_in_disguise_is_refused(tmp_path: Path, address: str) -> None:
    error = await refusal(f"https://{address}:9/churn.zip", tmp_path / "model", None, ["*"])
    assert error.reason == "HostNotAllowed"


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(2**16))
        await asyncio.sleep(0)  # the client runs in this loop as well


async def silent(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await asyncio.sleep(60)
    return response


async def test_a_body_without_end_is_cut_off(https: Serve, certificate: Path, tmp_path: Path) -> None:
    port = await https(endless)
    uri = f"https://localhost:{port}/churn.zip"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"], caps=Caps(max_bytes=10**6))
    assert error.reason == "TooLarge"


async def dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("handler", [silent, dripping])
async def test_a_server_that_falls_silent_or_drips_is_left(
    https: Serve, certificate: Path, tmp_path: Path, handler: Handler
) -> None:
    port = await https(handler)
    uri = f"https://localhost:{port}/churn.zip"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"], caps=Caps(max_seconds=0.3))
    assert (error.reason, "not complete after 0.3 s" in str(error)) == ("Unreachable", True)


@pytest.mark.parametrize(
    ("length", "reasons"),
    [
        (100, {"Unreachable"}),
        (10**12, {"Unreachable"}),
        (10, {"Unreachable", "NotABundle"}),
        (0, {"Unreachable", "NotABundle"}),
    ],
)
async def test_a_length_that_lies_gives_nothing_to_load(tmp_path: Path, length: int, reasons: set[str]) -> None:
    async def lying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + bytes(50))
        writer.close()

    server = await asyncio.start_server(lying, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rules, landing = HostRules([f"127.0.0.1:{port}"]), Landing(tmp_path, Caps())
    async with downloader(rules, "", Retries(tries=2, first_pause=0.0)) as client:
        with pytest.raises(FetchError) as refused:  # noqa: PT012  either of both may notice
            await receive_file("churn.zip", Ask(URL(f"http://127.0.0.1:{port}/churn.zip")), landing, client)
            unpack(tmp_path / "churn.zip", landing)
    server.close()
    assert refused.value.reason in reasons


class Breaking:
    """Serves a body in parts of `step` bytes, each on a connection that breaks off, and notes what was asked."""

    def __init__(self, body: bytes, step: int, tag: str = '"one"', *, ranges: bool = True) -> None:
        self.body, self.step, self.tag, self.ranges = body, step, tag, ranges
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range", "") if self.ranges else ""
        self.asked.append(request.headers.get("Range", ""))
        if request.headers.get("If-Match", self.tag) != self.tag:
            return web.Response(status=412)
        start = int(asked.removeprefix("bytes=").removesuffix("-") or 0)
        end = min(len(self.body), start + self.step if asked else len(self.asked) * self.step)
        headers = {"Content-Length": str(len(self.body) - start)} | ({"ETag": self.tag} if self.tag else {})
        if asked:
            headers["Content-Range"] = f"bytes {start}-{len(self.body) - 1}/{len(self.body)}"
        response = web.StreamResponse(status=206 if asked else 200, headers=headers)
        await response.prepare(request)
        await response.write(self.body[start:end])
        if end < len(self.body):
            await asyncio.sleep(0.01)  # what was written leaves before the connection does
            assert request.transport is not None
            request.transport.abort()
        return response


@pytest.fixture
def archive(bundle_folder: Path) -> bytes:
    return artifacts.archive_of(bundle_folder)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("tag", ['"one"', ""])
async def test_a_download_that_breaks_off_goes_on_where_it_was(
    https: Serve,
    certificate: Path,
    tmp_path: Path,
    archive: bytes,
    ranges: bool,  # noqa: FBT001
    tag: str,
) -> None:
    store = Breaking(archive, len(archive) // 3 + 1, tag, ranges=ranges)
    uri = f"https://localhost:{await https(store)}/churn.tar.gz"
    fetched = await fetch(uri, tmp_path / "model", certificate, ["localhost"])
    assert fetched.sha256 == hashlib.sha256(archive).hexdigest()
    assert len(store.asked) == 3
    assert (store.asked[1].startswith("bytes=") and store.asked[1] != "bytes=0-") == bool(tag)


@pytest.mark.parametrize(("tag", "reply"), [('"one"', "HTTP 412"), ("", "other bytes"), ("", "fewer bytes")])
async def test_what_was_replaced_meanwhile_is_not_put_together_with_what_came_before(
    https: Serve, certificate: Path, tmp_path: Path, archive: bytes, tag: str, reply: str
) -> None:
    store = Breaking(archive, len(archive) // 2, tag)

    async def replaced(request: web.Request) -> web.StreamResponse:
        if store.asked:
            store.body = store.body[: store.step // 2] if reply == "fewer bytes" else bytes(len(archive))
            store.step, store.tag = len(archive), '"two"' if tag else ""
        return await store(request)

    uri = f"https://localhost:{await https(replaced)}/churn.tar.gz"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"])
    assert (error.reason, "was replaced while it was fetched" in str(error)) == ("Unreachable", True)


async def test_a_part_that_was_not_asked_for_is_refused(
    https: Serve, certificate: Path, tmp_path: Path, archive: bytes
) -> None:
    store = Breaking(archive, 100)

    async def shifted(request: web.Request) -> web.StreamResponse:
        if store.asked:
            return web.Response(status=206, body=b"x", headers={"Content-Range": "bytes 0-0/1"})
        return await store(request)

    uri = f"https://localhost:{await https(shifted)}/churn.tar.gz"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"])
    assert (error.reason, "another part than was asked for" in str(error)) == ("Unreachable", True)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_store_that_recovers_is_asked_again(
    https: Serve, certificate: Path, tmp_path: Path, archive: bytes, status: int
) -> None:
    answers = [status, status, 200]

    async def recovering(_: web.Request) -> web.StreamResponse:
        return web.Response(status=answers.pop(0), body=archive)

    uri = f"https://localhost:{await https(recovering)}/churn.tar.gz"
    assert (await fetch(uri, tmp_path / "model", certificate, ["localhost"])).files == 5
    assert answers == []


@pytest.mark.parametrize(("status", "times"), [(503, 5), (404, 1), (403, 1)])
async def test_tries_come_to_an_end(https: Serve, certificate: Path, tmp_path: Path, status: int, times: int) -> None:
    asked: list[str] = []

    async def failing(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(status=status)

    uri = f"https://localhost:{await https(failing)}/churn.tar.gz"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"])
    assert len(asked) == times
    assert ("tried 5 times" in str(error)) == (times == 5)


def test_pauses_double_within_bounds_and_heed_the_server() -> None:
    retries = Retries(tries=20, first_pause=1.0, longest_pause=8.0)
    for failures, longest in ((1, 1.0), (2, 2.0), (4, 8.0), (15, 8.0)):
        assert longest / 2 <= retries.pause(failures) <= longest
    assert retries.pause(1, asked=5.0) == 5.0
    assert retries.pause(1, asked=500.0) == 8.0


def test_a_download_that_goes_on_may_break_off_more_often() -> None:
    attempts = Attempts(Retries(tries=2, first_pause=0.0))
    for _ in range(10):
        attempts.failed(Passing("broken"))
        attempts.progressed()
    attempts.failed(Passing("broken"))
    with pytest.raises(FetchError, match="broken; tried 2 times"):
        attempts.failed(Passing("broken"))


class Answers(AbstractResolver):
    """Answers with one address after the other, as an attacker's name server would."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        family = family or socket.AF_INET
        return [ResolveResult(hostname=host, host=self.addresses.pop(0), port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_a_name_is_resolved_once_and_the_connection_goes_to_that_answer(http: Serve) -> None:
    port = await http(answering(b"no archive", ETag='"one"'))
    resolver = Answers("127.0.0.1", "127.0.0.2")
    ask = Ask(URL(f"http://rebinding.example.net:{port}/churn.zip"))
    async with downloader(HostRules(["rebinding.example.net"]), "", Retries(), resolver) as client:
        assert await client.text(ask) == b"no archive"
    assert resolver.addresses == ["127.0.0.2"]


async def test_a_private_answer_is_refused_however_it_is_written(tmp_path: Path) -> None:
    resolver = Answers("::ffff:127.0.0.1")
    error = await refusal("https://rebinding.example.net/churn.zip", tmp_path / "model", None, ["*"], resolver=resolver)
    assert error.reason == "HostNotAllowed"
    assert "has the address ::ffff:127.0.0.1, which is not public" in str(error)


async def test_credentials_stay_with_their_host(https: Serve, http: Serve, certificate: Path) -> None:
    seen: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.Response(body=b"text")

    other = await http(elsewhere)
    for location in (f"http://127.0.0.1:{other}/x", "/same"):

        async def redirecting(request: web.Request, location: str = location) -> web.StreamResponse:
            if request.path == "/same":
                return await elsewhere(request)
            return web.Response(status=307, headers={"Location": location})

        port = await https(redirecting)
        rules = HostRules(["localhost", f"127.0.0.1:{other}"])
        async with downloader(rules, str(certificate), Retries()) as client:
            ask = Ask(URL(f"https://localhost:{port}/"), {"Authorization": "Bearer secret"})
            assert await client.text(ask) == b"text"
    assert seen == [None, "Bearer secret"]


async def test_progress_is_told_in_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    times = iter([0.0, 1.0, 6.0, 7.0, 12.0])

    async def blocks() -> AsyncGenerator[bytes]:
        for _ in range(4):
            yield bytes(2**20)

    landing = Landing(tmp_path, Caps(), lambda: next(times))
    landing.expect(8 * 2**20)
    with caplog.at_level(logging.INFO):
        await landing.receive("model.skops", blocks())
    assert caplog.messages == [
        "fetching: 2.0 of 8.0 MiB, 0 files complete, 0.3 MiB/s",
        "fetching: 4.0 of 8.0 MiB, 0 files complete, 0.3 MiB/s",
    ]
