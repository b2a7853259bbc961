"""Google Cloud Storage: fake-gcs-server, and a small strict store that wants a token."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth.compute_engine import _metadata

from tests.cluster.programs import FAKE_GCS_SERVER, built
from tests.component.server.emulators import free_port, running
from tests.component.server.fetches import Handler, Serve, answering, fetch, refusal
from tests.corpus import artifacts
from weirkeeper_server.digest import digest_of

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
VARIABLES = ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST")


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def emulator(bundle_folder: Path) -> Iterator[int]:
    """fake-gcs-server's port, with the bundle as a folder and as an archive."""
    port = free_port()
    with running(
        partial(built, FAKE_GCS_SERVER), "-scheme", "http", "-port", str(port), "-backend", "memory", port=port
    ):
        base = f"http://127.0.0.1:{port}"
        _post(f"{base}/storage/v1/b", json.dumps({"name": "models"}).encode())
        objects = {f"churn v7/ä+b/{file.name}": file.read_bytes() for file in bundle_folder.iterdir()}
        objects["churn.tar.gz"] = artifacts.archive_of(bundle_folder)
        objects["churn v7/ä+bc/other"] = b"x"
        for key, content in objects.items():
            _post(f"{base}/upload/storage/v1/b/models/o?uploadType=media&name={quote(key, safe='')}", content)
        yield port


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/octet-stream"})  # noqa: S310  loopback
    urllib.request.urlopen(request).close()  # noqa: S310  the same


@pytest.mark.parametrize("path", ["churn%20v7/%C3%A4+b/", "churn%20v7/%C3%A4+b", "churn.tar.gz"])
async def test_a_bundle_comes_from_a_whole_store(
    emulator: int, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{emulator}")
    fetched = await fetch(f"gs://models/{path}", tmp_path / "model", None, [f"127.0.0.1:{emulator}"])
    assert fetched.files == 5
    if not path.endswith("gz"):
        assert fetched.sha256 == digest_of(bundle_folder)


async def test_what_is_not_there_is_told(emulator: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"127.0.0.1:{emulator}")
    error = await refusal("gs://models/none.zip", tmp_path / "model", None, [f"127.0.0.1:{emulator}"])
    assert (error.reason, "HTTP 404" in str(error)) == ("Unreachable", True)


def store(objects: dict[str, bytes], asked: list[web.Request] | None = None) -> Handler:
    """A store and its token service: two keys a page, a token for a JWT that our key signed."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if asked is not None:
            asked.append(request)
        if request.path == "/token":
            return _token(parse_qs((await request.read()).decode())["assertion"][0])
        if request.headers.get("Authorization") != "Bearer the-token":
            return web.json_response({"error": {"code": 401}}, status=401)
        if request.query.get("alt") == "media":
            return web.Response(body=objects[request.match_info["path"].removeprefix("storage/v1/b/models/o/")])
        keys = sorted(key for key in objects if key.startswith(request.query["prefix"]))
        start = int(request.query.get("pageToken", "0"))
        page: dict[str, Any] = {"items": [{"name": k, "size": str(len(objects[k]))} for k in keys[start : start + 2]]}
        return web.json_response(page | ({"nextPageToken": str(start + 2)} if start + 2 < len(keys) else {}))

    return handler


def _token(assertion: str) -> web.Response:
    signed, _, signature = assertion.rpartition(".")
    KEY.public_key().verify(
        base64.urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    return web.json_response({"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"})


def use_key(monkeypatch: pytest.MonkeyPatch, port: int, **changes: Any) -> list[str]:
    """What a Secret would bring into the init container's environment; gives the platform's list of hosts."""
    key = {
        "type": "service_account",
        "client_email": "models@project.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": PEM,
        "token_uri": f"http://127.0.0.1:{port}/token",
    }
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", json.dumps(key | changes))
    return [f"127.0.0.1:{port}"]


def objects_of(folder: Path) -> dict[str, bytes]:
    return {f"churn/7/{file.name}": file.read_bytes() for file in folder.iterdir()}


async def test_a_service_accounts_key_gets_a_token(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await http(store(objects_of(bundle_folder)))
    allowed = use_key(monkeypatch, port)
    fetched = await fetch("gs://models/churn/7/", tmp_path / "model", None, allowed)
    assert fetched.sha256 == digest_of(bundle_folder)


async def test_a_token_of_the_pods_service_account_is_exchanged(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = store(objects_of(bundle_folder))
    exchanged: list[dict[str, list[str]]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path != "/sts":
            return await content(request)
        exchanged.append(parse_qs((await request.read()).decode()))
        given = {"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"}
        return web.json_response(given | {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    port = await http(handler)
    (token := tmp_path / "token").write_text("token of the service account")
    allowed = use_key(
        monkeypatch,
        port,
        type="external_account",
        audience="//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url=f"http://127.0.0.1:{port}/sts",
        credential_source={"file": str(token)},
    )
    fetched = await fetch("gs://models/churn/7/", tmp_path / "model", None, allowed)
    assert fetched.sha256 == digest_of(bundle_folder)
    assert exchanged[0]["subject_token"] == ["token of the service account"]


async def test_the_metadata_server_is_asked_only_where_the_platform_names_it(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = store(objects_of(bundle_folder))
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        if not request.path.startswith("/computeMetadata/"):
            return await content(request)
        asked.append(request.path)
        assert request.headers["Metadata-Flavor"] == "Google"
        if request.path.endswith("/token"):
            given = {"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"}
            return web.json_response(given, headers={"Metadata-Flavor": "Google"})
        account = {"email": "models@project.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}
        return web.json_response(account, headers={"Metadata-Flavor": "Google"})

    port = await http(handler)
    allowed = use_key(monkeypatch, port)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    # The library reads GCE_METADATA_HOST when it is imported.
    monkeypatch.setattr(_metadata, "_GCE_METADATA_HOST", f"127.0.0.1:{port}")
    error = await refusal("gs://models/churn/7/", tmp_path / "model", None, allowed)
    assert (error.reason, "HTTP 401" in str(error), asked) == ("AccessDenied", True, [])
    fetched = await fetch("gs://models/churn/7/", tmp_path / "m", None, [*allowed, "metadata.google.internal"])
    assert fetched.sha256 == digest_of(bundle_folder)
    assert asked


async def test_a_missing_secret_is_told(tmp_path: Path) -> None:
    error = await refusal("gs://models/churn", tmp_path / "model", None, ["*"])
    assert (error.reason, "GOOGLE_APPLICATION_CREDENTIALS" in str(error)) == ("AccessDenied", True)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"private_key": "none"}, "cannot be used"),
        ({"type": "authorized_user"}, "type is 'authorized_user'; give a service_account"),
        ({"type": "external_account", "credential_source": {"executable": {"command": "id"}}}, "'external_account'"),
        ({"type": "external_account", "credential_source": {"url": "http://169.254.169.254"}}, "'external_account'"),
    ],
)
async def test_a_key_that_cannot_be_used_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    use_key(monkeypatch, 9, **changes)
    error = await refusal("gs://models/churn", tmp_path / "model", None, ["*"])
    assert error.reason == "AccessDenied"
    assert says in str(error)
    assert PEM not in str(error)


async def test_a_token_service_that_the_platform_does_not_name_is_not_asked(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[web.Request] = []
    port = await http(store({}, asked))
    allowed = use_key(monkeypatch, port, token_uri="http://169.254.169.254/token")
    error = await refusal("gs://models/churn", tmp_path / "model", None, allowed)
    assert (error.reason, "169.254.169.254" in str(error), asked) == ("HostNotAllowed", True, [])


async def test_a_refused_key_is_told(http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await http(answering(b'{"error": "invalid_grant"}', 400))
    error = await refusal("gs://models/churn", tmp_path / "model", None, use_key(monkeypatch, port))
    assert (error.reason, "invalid_grant" in str(error)) == ("AccessDenied", True)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"items": [{"name": "a"}]}', b"[" * 100_000, b'{"items": 7}'])
async def test_what_is_no_listing_is_told(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    port = await http(answering(text))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    error = await refusal("gs://models/churn", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert (error.reason, "is no listing" in str(error)) == ("Unreachable", True)


async def test_keys_that_lead_upwards_are_refused(http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await http(store({"churn/../../escaped": b"x"}))
    error = await refusal("gs://models/churn", tmp_path / "model", None, use_key(monkeypatch, port))
    assert error.reason == "UnsafeArchive"
