"""S3: moto's server, which is a whole store, and a small strict one for what a store may do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import boto3
import botocore.auth
import botocore.credentials
import pytest
from aiohttp import web
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.component.server.fetches import Handler, Serve, answering, fetch, refusal
from tests.corpus import artifacts
from weirkeeper_server.digest import digest_of
from weirkeeper_server.fetching.s3 import Bucket, bucket_url

VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def moto() -> Iterator[int]:
    """A store that lists three keys a page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
        yield from _moto()


def _moto() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture(scope="module")
def filled(moto: int, bundle_folder: Path) -> int:
    """moto's port, with the bundle as a folder and as an archive."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{moto}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="models")
    for key, content in objects_of(bundle_folder, "churn v7/ä+b").items():
        client.put_object(Bucket="models", Key=key, Body=content)
    client.put_object(Bucket="models", Key="churn.tar.gz", Body=artifacts.archive_of(bundle_folder))
    client.put_object(Bucket="models", Key="churn v7/ä+b/", Body=b"")
    client.put_object(Bucket="models", Key="churn v7/ä+bc/other", Body=b"x")
    return moto


def use_store(monkeypatch: pytest.MonkeyPatch, port: int) -> list[str]:
    """What a Secret would bring into the init container's environment; gives the platform's list of hosts."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return [f"127.0.0.1:{port}"]


@pytest.mark.parametrize("path", ["churn%20v7/%C3%A4+b/", "churn%20v7/%C3%A4+b", "churn.tar.gz"])
async def test_a_bundle_comes_from_a_whole_store(
    filled: int, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    fetched = await fetch(f"s3://models/{path}", tmp_path / "model", None, use_store(monkeypatch, filled))
    assert fetched.files == 5
    if not path.endswith("gz"):
        assert fetched.sha256 == digest_of(bundle_folder)


@pytest.mark.parametrize(("uri", "code"), [("s3://models/none.zip", "NoSuchKey"), ("s3://none/a.zip", "NoSuchBucket")])
async def test_the_stores_own_word_is_told(
    filled: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, code: str
) -> None:
    error = await refusal(uri, tmp_path / "model", None, use_store(monkeypatch, filled))
    assert (error.reason, f"HTTP 404 {code}; check host, bucket and path" in str(error)) == ("Unreachable", True)


async def test_the_role_of_a_service_account_is_taken_on(
    filled: int, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (token := tmp_path / "token").write_text("token of the service account\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{filled}")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{filled}")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/models")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    fetched = await fetch("s3://models/churn%20v7/%C3%A4+b", tmp_path / "model", None, [f"127.0.0.1:{filled}"])
    assert fetched.sha256 == digest_of(bundle_folder)


async def test_a_token_service_that_refuses_is_told_and_gets_the_token_as_a_form(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    async def refusing(request: web.Request) -> web.StreamResponse:
        asked.append(parse_qs((await request.read()).decode()))
        return web.Response(status=400, text="<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>")

    port = await http(refusing)
    (token := tmp_path / "token").write_text("the+token")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/models")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    error = await refusal("s3://models/churn.zip", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert (error.reason, str(error).endswith(": ExpiredToken")) == ("AccessDenied", True)
    assert asked[0]["WebIdentityToken"] == ["the+token"]


async def test_a_token_service_that_the_platform_does_not_name_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (token := tmp_path / "token").write_text("token")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/models")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    error = await refusal("s3://models/churn.zip", tmp_path / "model", None, ["models.s3.us-east-1.amazonaws.com"])
    assert (error.reason, "sts.us-east-1.amazonaws.com" in str(error)) == ("HostNotAllowed", True)


@pytest.mark.parametrize(
    ("name", "region", "endpoint", "url"),
    [
        ("models", "eu-central-1", "", "https://models.s3.eu-central-1.amazonaws.com"),
        ("my.models", "us-east-1", "", "https://s3.us-east-1.amazonaws.com/my.models"),
        ("models", "cn-north-1", "", "https://models.s3.cn-north-1.amazonaws.com.cn"),
        ("models", "us-east-1", "http://minio.storage.svc:9000/", "http://minio.storage.svc:9000/models"),
    ],
)
def test_where_a_bucket_is_asked(name: str, region: str, endpoint: str, url: str) -> None:
    assert bucket_url(name, region, endpoint) == url


@pytest.mark.parametrize("key", ["churn/7/model.skops", "a b/ä+c/%20/~x-y_z.zip", "x" * 900])
def test_requests_are_signed_as_boto3_signs_them(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    given = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "aws_session_token": "session"}
    style = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    region = "eu-central-1"
    endpoint = f"https://s3.{region}.amazonaws.com"
    client = boto3.client("s3", region_name=region, endpoint_url=endpoint, config=style, **given)
    moment = botocore.auth.get_current_datetime()
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    expected = client.generate_presigned_url("get_object", Params={"Bucket": "models", "Key": key}, ExpiresIn=3600)
    credentials = botocore.credentials.Credentials("key", "secret", "session")
    signed = Bucket(bucket_url("models", region, ""), region, credentials).object(key).url
    assert str(signed) == expected


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
        listed = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>1</Size></Contents>" for key in keys[start : start + 2]
        )
        more = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if start + 2 < len(keys) else ""
        text = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}{more}</ListBucketResult>'
        return web.Response(text=text, content_type="application/xml")

    return handler


def objects_of(folder: Path, prefix: str) -> dict[str, bytes]:
    return {f"{prefix}/{file.name}": file.read_bytes() for file in folder.iterdir()}


async def test_a_listing_is_read_page_by_page(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await http(store(objects_of(bundle_folder, "churn/7") | {"churn/7/": b"", "churn/70/other": b"x"}))
    fetched = await fetch("s3://models/churn/7/", tmp_path / "model", None, use_store(monkeypatch, port))
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


async def test_a_missing_secret_is_told(tmp_path: Path) -> None:
    error = await refusal("s3://models/churn", tmp_path / "model", None, ["*"])
    assert (error.reason, "no credentials" in str(error)) == ("AccessDenied", True)


@pytest.mark.parametrize("text", [b"", b"<html>", b"{}", b"<Error/>"])
async def test_what_is_no_listing_is_told(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    port = await http(answering(text))
    error = await refusal("s3://models/churn", tmp_path / "model", None, use_store(monkeypatch, port))
    assert error.reason == "Unreachable"


async def test_a_listing_without_end_is_left(http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = b"<L><Contents><Key>churn/a</Key></Contents><NextContinuationToken>again</NextContinuationToken></L>"
    port = await http(answering(page))
    error = await refusal("s3://models/churn", tmp_path / "model", None, use_store(monkeypatch, port))
    assert (error.reason, "comes to no end" in str(error)) == ("Unreachable", True)


async def test_sizes_in_a_listing_are_refused_before_anything_is_fetched(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"<L><Contents><Key>churn/a</Key><Size>{9 * 2**30}</Size></Contents></L>".encode()
    port = await http(answering(page))
    error = await refusal("s3://models/churn", tmp_path / "model", None, use_store(monkeypatch, port))
    assert error.reason == "TooLarge"


async def test_a_body_shorter_than_its_length_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


@pytest.mark.parametrize(
    "endpoint", ["store", "http://store:port", "http://[::1", "https://store:99999", "file:///etc"]
)
async def test_an_endpoint_that_is_no_url_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    error = await refusal("s3://models/churn.zip", tmp_path / "model", None, ["*"])
    assert error.reason == "HostNotAllowed"
