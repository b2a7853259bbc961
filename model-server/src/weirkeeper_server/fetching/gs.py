"""Objects of Google Cloud Storage; google-auth finds the token, its requests go through our own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode

import google.auth.exceptions
from google.auth import compute_engine, identity_pool, transport
from google.oauth2 import service_account

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.download import Answer, Ask, Downloader, url_of
from weirkeeper_server.fetching.store import Listing, no_credentials

SCOPES: Final = ("https://www.googleapis.com/auth/devstorage.read_only",)
DEFAULT_ENDPOINT: Final = "https://storage.googleapis.com"
METADATA_HOST: Final = "metadata.google.internal"
VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
FIELDS: Final = "items(name,size),nextPageToken"


class Credentials(Protocol):
    """What google-auth has in common."""

    token: str | None

    def refresh(self, request: transport.Request) -> None:
        """Get a token."""
        ...


async def open_bucket(name: str, client: Downloader, environment: Mapping[str, str]) -> Bucket:
    """Open a bucket with the key or configuration in GOOGLE_APPLICATION_CREDENTIALS, or the pod's workload identity.

    Raises:
        FetchError: AccessDenied.
    """
    emulator = environment.get("STORAGE_EMULATOR_HOST", "")
    endpoint = (emulator if "://" in emulator else f"http://{emulator}") if emulator else DEFAULT_ENDPOINT
    credentials = _credentials(client, environment)
    if credentials is None:
        if not emulator:
            raise no_credentials(f"{VARIABLE}, the JSON of a service account's key,")
        return Bucket(name, endpoint, {})
    return Bucket(name, endpoint, {"Authorization": f"Bearer {await _token(credentials, client)}"})


class Bucket:
    """One bucket, asked by the JSON API."""

    def __init__(self, name: str, endpoint: str, headers: Mapping[str, str]) -> None:
        self._objects = f"{endpoint.rstrip('/')}/storage/v1/b/{quote(name, safe='')}/o"
        self._headers = headers

    def object(self, key: str) -> Ask:
        """How to ask for an object."""
        return self._ask(f"{self._objects}/{quote(key, safe='')}?alt=media")

    def listing(self, prefix: str, following: str) -> Ask:
        """How to ask for a page of a listing."""
        query = {"prefix": prefix, "fields": FIELDS} | ({"pageToken": following} if following else {})
        return self._ask(f"{self._objects}?{urlencode(query)}")

    def read_listing(self, text: bytes) -> Listing:
        """Understand the answer."""
        try:
            page = json.loads(text)
            sizes = {str(item["name"]): int(item["size"]) for item in page.get("items", ())}
            return Listing(sizes, page.get("nextPageToken"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise FetchError("Unreachable", "the store's listing is no listing; is the endpoint right?") from error

    def _ask(self, url: str) -> Ask:
        return Ask(url_of(url), self._headers)


def _credentials(client: Downloader, environment: Mapping[str, str]) -> Credentials | None:
    given = environment.get(VARIABLE, "").strip()
    try:
        if given:
            return _configured(_document(given))
    except (
        ValueError,
        LookupError,
        TypeError,
        OSError,
        RecursionError,
        google.auth.exceptions.GoogleAuthError,
    ) as error:
        raise FetchError("AccessDenied", f"{VARIABLE} cannot be used: {error}; correct the Secret") from error
    # A node's own account is not the tenant's: the metadata server is asked only where the platform says it may be.
    return compute_engine.Credentials(scopes=SCOPES) if client.rules.named(METADATA_HOST) else None


def _document(given: str) -> Any:
    if given.startswith("{"):
        return json.loads(given)
    with open(given, encoding="utf-8") as file:  # noqa: PTH123  what the webhook of a workload identity mounts
        return json.load(file)


def _configured(document: Any) -> Credentials:
    """Take keys and federation by a token in a file: other kinds would run programs, or ask whom they like."""
    kind = document.get("type")
    if kind == "service_account":
        found: Credentials = service_account.Credentials.from_service_account_info(document, scopes=SCOPES)
        return found
    if kind == "external_account" and "file" in document.get("credential_source", {}):
        federated: Credentials = identity_pool.Credentials.from_info(document, scopes=SCOPES)
        return federated
    raise ValueError(f"type is {kind!r}; give a service_account, or an external_account with a file as its source")


async def _token(credentials: Credentials, client: Downloader) -> str:
    through = _Through(client, asyncio.get_running_loop())
    try:
        await asyncio.to_thread(credentials.refresh, through)
    except google.auth.exceptions.GoogleAuthError as error:
        raise FetchError("AccessDenied", f"Google gives no token: {str(error)[:300]}") from error
    return str(credentials.token)


class _Through(transport.Request):
    """google-auth's requests, made by our client in its own loop."""

    def __init__(self, client: Downloader, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002  our client has time-outs of its own
        **_: Any,
    ) -> _Response:
        data = body.encode() if isinstance(body, str) else body
        ask = Ask(url_of(url), headers or {}, method, data)
        # Our client has tried often enough: no error of google-auth's own, so that it does not try again.
        return _Response(asyncio.run_coroutine_threadsafe(self._client.exchange(ask), self._loop).result())


class _Response(transport.Response):
    """An answer as google-auth wants it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.body
