"""A thin client of the API server on aiohttp: raw JSON, a time limit on every call, our errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from weirkeeper.api.names import FIELD_MANAGER
from weirkeeper.kube.access import Listing
from weirkeeper.kube.errors import Invalid, Transient, error_of
from weirkeeper.kube.login import Access, Login, find_login
from weirkeeper.kube.resources import Resource, resource_of, resource_of_kind
from weirkeeper.plan.result import Delete, StatusWrite
from weirkeeper.plan.snapshot import Object

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 30.0
WATCH_SECONDS: Final = 300
SILENCE_SECONDS: Final = 75.0
"""Bookmarks come every minute: a watch that is silent for longer is dead."""

PAGE: Final = 500
CONNECTIONS: Final = 100
APPLY: Final = "application/apply-patch+yaml"
JSON: Final = "application/json"
READ_BYTES: Final = 2**21
"""A watch tells an object in one line: etcd takes up to 1.5 MiB."""

_Query = Mapping[str, str]


class Client:
    """The API server over HTTPS; see `KubeApi` for what each method does."""

    def __init__(self, session: aiohttp.ClientSession, login: Login) -> None:
        self._session = session
        self._login = login

    @classmethod
    @asynccontextmanager
    async def connect(cls) -> AsyncIterator[Client]:
        """Hold connections to the API server for as long as the context lasts.

        Raises:
            NoAccess: nobody says where it is.
        """
        login = await find_login()
        async with _session(await login.access()) as session:
            yield cls(session, login)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Read one object."""
        return await self._call("GET", resource.path(namespace, name))

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        """Read all objects, page by page."""
        query = _given(labelSelector=label_selector, fieldSelector=field_selector, limit=str(PAGE))
        items: list[Object] = []
        while True:
            page = await self._call("GET", resource.path(namespace), query)
            # Items of a list do not say what they are.
            items += ({"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in page["items"])
            following = page["metadata"].get("continue")
            if not following:
                return Listing(tuple(items), page["metadata"]["resourceVersion"])
            query = {**query, "continue": following}

    async def apply(self, manifest: Object, *, force: bool = True) -> Object:
        """Server-side apply, refused where a field is unknown."""
        metadata = manifest["metadata"]
        path = resource_of(manifest).path(metadata["namespace"], metadata["name"])
        query = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false", "fieldValidation": "Strict"}
        return await self._call("PATCH", path, query, manifest, APPLY)

    async def put_status(self, write: StatusWrite) -> Object:
        """Compare and swap a status."""
        resource = resource_of_kind(write.kind)
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "name": write.name,
                "namespace": write.namespace,
                "resourceVersion": write.resource_version,
            },
            "status": write.status,
        }
        path = resource.path(write.namespace, write.name, "status")
        return await self._call("PUT", path, {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}, body)

    async def create(self, manifest: Object) -> Object:
        """Make an object that must not exist yet."""
        path = resource_of(manifest).path(manifest["metadata"]["namespace"])
        return await self._call("POST", path, {"fieldManager": FIELD_MANAGER}, manifest)

    async def replace(self, manifest: Object) -> Object:
        """Compare and swap a whole object."""
        metadata = manifest["metadata"]
        path = resource_of(manifest).path(metadata["namespace"], metadata["name"])
        return await self._call("PUT", path, {"fieldManager": FIELD_MANAGER}, manifest)

    async def delete(self, delete: Delete) -> None:
        """Delete an object that is still the one that was seen."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": _given(uid=delete.uid, resourceVersion=delete.resource_version or ""),
        }
        path = resource_of_kind(delete.kind).path(delete.namespace, delete.name)
        await self._call("DELETE", path, {}, body)

    async def ping(self) -> None:
        """Ask for the server's version."""
        await self._call("GET", "/version")

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        label_selector: str,
        resource_version: str,
    ) -> AsyncIterator[dict[str, Any]]:
        """Stream changes, each a dictionary with `type` and `object`."""
        query = _given(
            watch="true",
            allowWatchBookmarks="true",
            timeoutSeconds=str(WATCH_SECONDS),
            labelSelector=label_selector,
            resourceVersion=resource_version,
        )
        limit = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        what = f"watch {resource.plural}"
        async with self._answer("GET", resource.path(namespace), query, limit=limit) as answer:
            while line := await _line(answer, what):
                yield _event(what, line)

    async def _call(
        self,
        method: str,
        path: str,
        query: _Query | None = None,
        body: Object | None = None,
        content_type: str = JSON,
    ) -> dict[str, Any]:
        limit = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        async with self._answer(method, path, query or {}, body, content_type, limit=limit) as answer:
            try:
                found = json.loads(await answer.read())
            except (ValueError, aiohttp.ClientError, TimeoutError, OSError) as error:
                raise Transient(f"{method} {path}: the answer broke off: {error!r}") from error
        return found if isinstance(found, dict) else {}

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        query: _Query,
        body: Object | None = None,
        content_type: str = JSON,
        *,
        limit: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            access = await self._login.access()
            answer = await self._session.request(
                method,
                access.server + path,
                params=query,
                headers=_headers(access, content_type),
                data=None if body is None else json.dumps(body),
                timeout=limit,
                server_hostname=access.server_name,
                proxy=access.proxy,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Transient(f"{method} {path}: no answer: {error!r}") from error
        async with answer:
            if not answer.ok:
                what = f"{method} {path}"
                raise error_of(what, answer.status, await _refusal(answer), answer.headers.get("Retry-After"))
            yield answer


def _session(access: Access) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=access.tls())
    return aiohttp.ClientSession(connector=connector, trust_env=True, read_bufsize=READ_BYTES)


def _headers(access: Access, content_type: str) -> dict[str, str]:
    headers = {"Accept": JSON, "Content-Type": content_type, "User-Agent": FIELD_MANAGER}
    return headers | {"Authorization": access.authorization} if access.authorization else headers


def _given(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


async def _refusal(answer: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """The Status object of a refusal; a load balancer before the API server gives none."""
    try:
        found = json.loads(await answer.read())
    except (ValueError, aiohttp.ClientError, TimeoutError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


async def _line(answer: aiohttp.ClientResponse, what: str) -> bytes:
    try:
        return await answer.content.readline()
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Transient(f"{what}: the stream broke off: {error!r}") from error


def _event(what: str, line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise Transient(f"{what}: half a line: {line[:80]!r}") from error
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict):
        raise Invalid(f"{what}: not an event: {line[:80]!r}")
    if event.get("type") == "ERROR":
        raise error_of(what, int(event["object"].get("code", 500)), event["object"])
    return event
