"""Blobs of Azure Storage; azure-storage-blob signs where there is an account's key."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.download import Ask, Downloader, url_of
from weirkeeper_server.fetching.store import Listing, no_credentials, token_of
from weirkeeper_server.fetching.xml import read_xml

SIGNED: Final = timedelta(hours=1)
SKEW: Final = timedelta(minutes=5)
VERSION: Final = {"x-ms-version": "2021-08-06"}
AUTHORITY: Final = "https://login.microsoftonline.com"
SCOPE: Final = "https://storage.azure.com/.default"
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OK: Final = 200


@dataclass(frozen=True)
class Account:
    """A storage account: its blob endpoint, and a key or a signature where there is one."""

    name: str
    endpoint: str
    key: str
    signature: str


async def open_container(name: str, client: Downloader, environment: Mapping[str, str]) -> Container:
    """Open a container with the variables that the `az` command knows, or with the pod's workload identity.

    Raises:
        FetchError: AccessDenied.
    """
    account = _account(environment)
    url = f"{account.endpoint.rstrip('/')}/{name}"
    if account.signature:
        return Container(url, account.signature.lstrip("?"), VERSION)
    if account.key:
        return Container(url, _signature(account, name), VERSION)
    token = await _token(client, environment)
    return Container(url, "", {**VERSION, "Authorization": f"Bearer {token}"})


class Container:
    """One container."""

    def __init__(self, url: str, signature: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._signature = signature
        self._headers = headers

    def object(self, key: str) -> Ask:
        """How to ask for a blob."""
        return self._ask(f"{self._url}/{quote(key, safe='/~')}", "")

    def listing(self, prefix: str, following: str) -> Ask:
        """How to ask for a page of a listing."""
        query = {"restype": "container", "comp": "list", "prefix": prefix} | (
            {"marker": following} if following else {}
        )
        return self._ask(self._url, urlencode(query, quote_via=quote))

    def read_listing(self, text: bytes) -> Listing:
        """Understand the answer."""
        document = read_xml(text, "the store's listing")
        blobs = document.every("Blobs/Blob")
        return Listing(
            {blob.text("Name"): blob.number("Properties/Content-Length") for blob in blobs},
            document.text("NextMarker") or None,
        )

    def _ask(self, url: str, query: str) -> Ask:
        whole = "&".join(part for part in (query, self._signature) if part)
        return Ask(url_of(f"{url}?{whole}" if whole else url), self._headers)


def _account(environment: Mapping[str, str]) -> Account:
    parts = environment.get("AZURE_STORAGE_CONNECTION_STRING", "").strip().split(";")
    given = dict(part.split("=", 1) for part in parts if "=" in part)

    def either(part: str, variable: str) -> str:
        return given.get(part) or environment.get(variable, "").strip()

    name = either("AccountName", "AZURE_STORAGE_ACCOUNT")
    endpoint = either("BlobEndpoint", "AZURE_STORAGE_SERVICE_ENDPOINT")
    if not name and not endpoint:
        raise FetchError("AccessDenied", "no storage account; give AZURE_STORAGE_ACCOUNT in a Secret: secretRef")
    return Account(
        name=name,
        endpoint=endpoint or f"https://{name}.blob.{given.get('EndpointSuffix', 'core.windows.net')}",
        key=either("AccountKey", "AZURE_STORAGE_KEY"),
        signature=either("SharedAccessSignature", "AZURE_STORAGE_SAS_TOKEN"),
    )


def _signature(account: Account, container: str) -> str:
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas  # noqa: PLC0415  slow to import

    try:
        base64.b64decode(account.key, validate=True)
    except ValueError as error:
        raise FetchError("AccessDenied", "the account's key is not base64; correct AZURE_STORAGE_KEY") from error
    now = datetime.now(UTC)
    may = ContainerSasPermissions(read=True, list=True)
    return generate_container_sas(
        account.name, container, account.key, permission=may, start=now - SKEW, expiry=now + SIGNED
    )


async def _token(client: Downloader, environment: Mapping[str, str]) -> str:
    """Get a token by a secret, or by the token of the pod's service account that kubelet projects into a file."""
    tenant, application = environment.get("AZURE_TENANT_ID"), environment.get("AZURE_CLIENT_ID")
    if not tenant or not application:
        raise no_credentials("AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN")
    form = {"client_id": application, "scope": SCOPE, "grant_type": "client_credentials", **_proof(environment)}
    authority = environment.get("AZURE_AUTHORITY_HOST") or AUTHORITY
    url = url_of(f"{authority.rstrip('/')}/{quote(tenant, safe='')}/oauth2/v2.0/token")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.exchange(Ask(url, headers, "POST", urlencode(form).encode()))
    try:
        document = json.loads(answer.body)
        if answer.status == OK:
            return str(document["access_token"])
        told = str(document["error"])[:64]
    except (ValueError, LookupError, TypeError, RecursionError):
        told = f"HTTP {answer.status}"
    raise FetchError("AccessDenied", f"{authority} gives no token for application {application}: {told}")


def _proof(environment: Mapping[str, str]) -> dict[str, str]:
    if secret := environment.get("AZURE_CLIENT_SECRET"):
        return {"client_secret": secret}
    if file := environment.get("AZURE_FEDERATED_TOKEN_FILE"):
        return {"client_assertion_type": ASSERTION, "client_assertion": token_of(file)}
    raise no_credentials("AZURE_CLIENT_SECRET")
