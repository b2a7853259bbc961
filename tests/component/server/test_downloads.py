"""Downloads over real sockets on loopback: TLS, redirects, caps, and a store that speaks S3."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from tests.corpus import artifacts
from weirkeeper_server.digest import digest_of
from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.addresses import HostRules
from weirkeeper_server.fetching.command import Fetched, Order, bring
from weirkeeper_server.fetching.landing import Caps
from weirkeeper_server.fetching.uri import parse_uri

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[int]]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "both.pem").write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return folder / "both.pem"


async def listen(handler: Handler, tls: ssl.SSLContext | None) -> web.AppRunner:
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner


@pytest.fixture
async def https(certificate: Path) -> AsyncIterator[Serve]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    runners: list[web.AppRunner] = []

    async def serve(handler: Handler) -> int:
        runners.append(await listen(handler, tls))
        return int(runners[-1].addresses[0][1])

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def http() -> AsyncIterator[Serve]:
    runners: list[web.AppRunner] = []

    async def serve(handler: Handler) -> int:
        runners.append(await listen(handler, None))
        return int(runners[-1].addresses[0][1])

    yield serve
    for runner in runners:
        await runner.cleanup()


async def fetch(uri: str, destination: Path, ca: Path | None, allowed: list[str], **changes: Any) -> Fetched:
    await asyncio.to_thread(destination.mkdir, exist_ok=True)
    pem = await asyncio.to_thread(ca.read_text) if ca else ""
    given = {"sha256": "", "pinned": "", "mounted": None, "caps": Caps(max_seconds=10.0)}
    return await bring(
        Order(uri=parse_uri(uri), destination=destination, rules=HostRules(allowed), ca_bundle=pem, **given | changes)
    )


async def refusal(*arguments: Any, **changes: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetch(*arguments, **changes)
    return caught.value


def answering(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return handler


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
    assert error.reason in ("HostNotAllowed", "Unreachable")


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


async def test_a_server_that_falls_silent_is_left(https: Serve, certificate: Path, tmp_path: Path) -> None:
    port = await https(silent)
    uri = f"https://localhost:{port}/churn.zip"
    error = await refusal(uri, tmp_path / "model", certificate, ["localhost"], caps=Caps(max_seconds=0.3))
    assert (error.reason, "not complete after 0.3 s" in str(error)) == ("Unreachable", True)


async def test_a_body_shorter_than_its_length_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    use_store(monkeypatch, port)
    error = await refusal("s3://models/churn.zip", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert error.reason == "Unreachable"
    server.close()


def use_store(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """What a Secret would bring into the init container's environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def store(objects: dict[str, bytes]) -> Handler:
    """A store with one bucket `models` that lists two keys a page and wants signatures."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if "X-Amz-Signature" not in request.query:
            return web.Response(status=403)
        if request.query.get("list-type") != "2":
            content = objects.get(request.match_info["path"].removeprefix("models/"))
            return web.Response(body=content) if content is not None else web.Response(status=404)
        keys = sorted(key for key in objects if key.startswith(request.query["prefix"]))
        start = int(request.query.get("continuation-token", "0"))
        listed = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys[start : start + 2])
        more = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if start + 2 < len(keys) else ""
        text = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}{more}</ListBucketResult>'
        return web.Response(text=text, content_type="application/xml")

    return handler


def objects_of(folder: Path, prefix: str) -> dict[str, bytes]:
    return {f"{prefix}/{file.name}": file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("path", ["churn/7/", "churn/7", "churn.tar.gz"])
async def test_a_bundle_comes_from_s3(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    objects = objects_of(bundle_folder, "churn/7") | {"churn/7/": b"", "churn/70/other": b"x"}
    objects["churn.tar.gz"] = artifacts.archive_of(bundle_folder)
    port = await http(store(objects))
    use_store(monkeypatch, port)
    fetched = await fetch(f"s3://models/{path}", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert fetched.files == 4
    if not path.endswith("gz"):
        assert fetched.sha256 == digest_of(bundle_folder)


async def test_keys_that_lead_upwards_are_refused(http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await http(store({"churn/../../escaped": b"x"}))
    use_store(monkeypatch, port)
    error = await refusal("s3://models/churn", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert error.reason == "UnsafeArchive"


async def test_a_prefix_without_objects_is_unreachable(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await http(store({}))
    use_store(monkeypatch, port)
    error = await refusal("s3://models/churn", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert (error.reason, "has no objects" in str(error)) == ("Unreachable", True)


async def test_a_store_that_the_platform_does_not_name_is_not_asked(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await http(store({}))
    use_store(monkeypatch, port)
    error = await refusal("s3://models/churn", tmp_path / "model", None, ["store.internal"])
    assert error.reason == "HostNotAllowed"


async def test_a_missing_secret_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    error = await refusal("s3://models/churn", tmp_path / "model", None, ["*"])
    assert (error.reason, "no credentials" in str(error)) == ("AccessDenied", True)
