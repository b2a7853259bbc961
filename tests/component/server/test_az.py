"""Azure Blob Storage: azurite, and a small strict store that wants a token."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import pytest
from aiohttp import web
from azure.storage.blob import ContainerClient

from tests.cluster.packaged import azurite
from tests.component.server.emulators import free_port, running
from tests.component.server.fetches import Handler, Serve, answering, fetch, refusal
from tests.corpus import artifacts
from weirkeeper_server.digest import digest_of

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key of one's own, which is long enough to sign with").decode()
VARIABLES = (
    "AZURE_STORAGE_ACCOUNT",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_SERVICE_ENDPOINT",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
)


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def connection(port: int) -> str:
    endpoint = f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoint};"


@pytest.fixture(scope="module")
def emulator(bundle_folder: Path) -> Iterator[int]:
    """azurite's port, with the bundle as a folder and as an archive; it checks signatures."""
    port = free_port()
    arguments = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", str(port)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURITE_ACCOUNTS", f"{ACCOUNT}:{KEY}")
        with running(azurite, *arguments, port=port):
            with ContainerClient.from_connection_string(connection(port), "models") as container:
                container.create_container()
                for file in bundle_folder.iterdir():
                    container.upload_blob(f"churn v7/ä+b/{file.name}", file.read_bytes())
                container.upload_blob("churn.tar.gz", artifacts.archive_of(bundle_folder))
                container.upload_blob("churn v7/ä+bc/other", b"x")
            yield port


@pytest.mark.parametrize("path", ["churn%20v7/%C3%A4+b/", "churn%20v7/%C3%A4+b", "churn.tar.gz"])
async def test_a_bundle_comes_from_a_whole_store(
    emulator: int, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(emulator))
    fetched = await fetch(f"az://models/{path}", tmp_path / "model", None, [f"127.0.0.1:{emulator}"])
    assert fetched.files == 5
    if not path.endswith("gz"):
        assert fetched.sha256 == digest_of(bundle_folder)


async def test_the_stores_own_word_is_told(emulator: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(emulator))
    error = await refusal("az://models/none.zip", tmp_path / "model", None, [f"127.0.0.1:{emulator}"])
    assert (error.reason, "HTTP 404 BlobNotFound" in str(error)) == ("Unreachable", True)


async def test_another_accounts_key_is_refused(emulator: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = base64.b64encode(b"another key").decode()
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection(emulator).replace(KEY, wrong))
    error = await refusal("az://models/churn.tar.gz", tmp_path / "model", None, [f"127.0.0.1:{emulator}"])
    assert (error.reason, "HTTP 403" in str(error)) == ("AccessDenied", True)


def store(objects: dict[str, bytes], asked: list[web.Request], proof: dict[str, list[str]]) -> Handler:
    """A store and its token service: two blobs a page, a token for `proof` alone."""

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if request.path == "/tenant/oauth2/v2.0/token":
            form = parse_qs((await request.read()).decode())
            assert form["scope"] == ["https://storage.azure.com/.default"]
            if not form.items() >= proof.items():
                return web.json_response({"error": "invalid_client", "error_description": "secret"}, status=401)
            return web.json_response({"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"})
        if request.headers.get("Authorization") != "Bearer the-token" or "x-ms-version" not in request.headers:
            return web.Response(status=403)
        if request.query.get("comp") != "list":
            return web.Response(body=objects[request.match_info["path"].removeprefix("models/")])
        return web.Response(text=_page(objects, request.query["prefix"], int(request.query.get("marker", "0"))))

    return handler


def _page(objects: dict[str, bytes], prefix: str, start: int) -> str:
    keys = sorted(key for key in objects if key.startswith(prefix))
    blobs = "".join(
        f"<Blob><Name>{escape(key)}</Name><Properties><Content-Length>{len(objects[key])}</Content-Length></Properties>"
        "</Blob>"
        for key in keys[start : start + 2]
    )
    marker = start + 2 if start + 2 < len(keys) else ""
    return f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"


def use_application(monkeypatch: pytest.MonkeyPatch, port: int) -> list[str]:
    """What a Secret or a webhook brings into the init container's environment; gives the platform's list of hosts."""
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"http://127.0.0.1:{port}/")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("AZURE_CLIENT_ID", "application")
    return [f"127.0.0.1:{port}"]


def objects_of(folder: Path) -> dict[str, bytes]:
    return {f"churn/7/{file.name}": file.read_bytes() for file in folder.iterdir()}


async def test_the_token_of_the_pods_service_account_is_exchanged(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (token := tmp_path / "token").write_text("token of the service account\n")
    proof = {"client_id": ["application"], "client_assertion": ["token of the service account"]}
    port = await http(store(objects_of(bundle_folder), [], proof))
    allowed = use_application(monkeypatch, port)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    fetched = await fetch("az://models/churn/7/", tmp_path / "model", None, allowed)
    assert fetched.sha256 == digest_of(bundle_folder)


@pytest.mark.parametrize(("secret", "reason"), [("right", None), ("wrong", "AccessDenied")])
async def test_an_applications_secret_gets_a_token(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str, reason: str | None
) -> None:
    port = await http(store(objects_of(bundle_folder), [], {"client_secret": ["right"]}))
    allowed = use_application(monkeypatch, port)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", secret)
    if reason is None:
        assert (await fetch("az://models/churn/7/", tmp_path / "model", None, allowed)).files == 5
    else:
        error = await refusal("az://models/churn/7/", tmp_path / "model", None, allowed)
        assert (error.reason, str(error).endswith(": invalid_client")) == (reason, True)


async def test_a_given_signature_is_sent(
    http: Serve, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = artifacts.archive_of(bundle_folder)
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.raw_path)
        return web.Response(body=content)

    port = await http(handler)
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=2021-08-06&sig=a%2Bb%3D\n")
    assert (await fetch("az://models/churn.tar.gz", tmp_path / "m", None, [f"127.0.0.1:{port}"])).files == 5
    assert asked == ["/models/churn.tar.gz?sv=2021-08-06&sig=a%2Bb%3D"]


async def test_a_token_service_that_the_platform_does_not_name_is_not_asked(
    http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[web.Request] = []
    allowed = use_application(monkeypatch, await http(store({}, asked, {})))
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "right")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "http://169.254.169.254")
    error = await refusal("az://models/churn/7/", tmp_path / "model", None, allowed)
    assert (error.reason, "169.254.169.254" in str(error), asked) == ("HostNotAllowed", True, [])


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "give AZURE_STORAGE_ACCOUNT"),
        ({"AZURE_STORAGE_ACCOUNT": "models"}, "no credentials for the store"),
        ({"AZURE_STORAGE_ACCOUNT": "models", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}, "AZURE_CLIENT_SECRET"),
        ({"AZURE_STORAGE_ACCOUNT": "models", "AZURE_STORAGE_KEY": "no base64"}, "is not base64"),
    ],
)
async def test_a_missing_secret_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], says: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    error = await refusal("az://models/churn", tmp_path / "model", None, ["*"])
    assert (error.reason, says in str(error)) == ("AccessDenied", True)


async def test_what_is_no_listing_is_told(http: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = await http(answering(b"<html>"))
    monkeypatch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sig=x")
    error = await refusal("az://models/churn", tmp_path / "model", None, [f"127.0.0.1:{port}"])
    assert (error.reason, "is no XML" in str(error)) == ("Unreachable", True)
