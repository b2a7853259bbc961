"""Reading objects by the API itself: a test that waits looks often, and a program for each look costs too much."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3

from demo.errors import CommandError

DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
OK, NOT_FOUND = 200, 404
SECONDS = 60


class Reader:
    """What the user of a kubeconfig may read; kinds have the names that kubectl takes."""

    def __init__(self, kubeconfig: Path) -> None:
        import kubernetes  # noqa: PLC0415 - takes two seconds, which tests without a cluster need not pay

        self._api = kubernetes.config.new_client_from_config(str(kubeconfig))
        self._pool: urllib3.PoolManager = self._api.rest_client.pool_manager
        self._resources: dict[str, tuple[str, str, bool]] = {}

    def object(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        """One object, or None when there is none."""
        return self._get(self._path(kind, namespace, f"/{name}"))

    def objects(self, kind: str, namespace: str, selector: str) -> list[dict[str, Any]]:
        """The objects of a kind in the namespace."""
        found = self._get(self._path(kind, namespace), {"labelSelector": selector} if selector else None)
        items: list[dict[str, Any]] = (found or {}).get("items", [])
        return items

    def _path(self, kind: str, namespace: str, name: str = "") -> str:
        wanted = kind.lower()
        if wanted not in self._resources:
            self._resources = self._discover()
        try:
            version, plural, namespaced = self._resources[wanted]
        except KeyError:
            raise CommandError(["GET", kind], "the server doesn't have such a resource type") from None
        place = f"/namespaces/{namespace}" if namespaced else ""
        return f"{version}{place}/{plural}{name}"

    def _discover(self) -> dict[str, tuple[str, str, bool]]:
        """By every name of each kind: its version's path, its plural, and whether namespaces have it."""
        found: dict[str, tuple[str, str, bool]] = {}
        for root in ("/api", "/apis"):
            for group in (self._get(root, accept=DISCOVERY) or {})["items"]:
                version = group["versions"][0]
                suffix = group.get("metadata", {}).get("name", "")
                path = f"{root}/{suffix}/{version['version']}" if suffix else f"{root}/{version['version']}"
                for resource in version["resources"]:
                    plural = resource["resource"]
                    value = (path, plural, resource["scope"] == "Namespaced")
                    kind = resource["responseKind"]["kind"].lower()
                    for name in (plural, resource["singularResource"], kind, *resource.get("shortNames", ())):
                        found.setdefault(name, value)
                        found[f"{name}.{suffix}"] = value
        return found

    def _get(
        self, path: str, query: Mapping[str, str] | None = None, accept: str = "application/json"
    ) -> dict[str, Any] | None:
        headers = {"Accept": accept}
        self._api.update_params_for_auth(headers, [], ["BearerToken"])
        address = f"{self._api.configuration.host}{path}"
        try:
            answer = self._pool.request("GET", address, fields=query, headers=headers, timeout=SECONDS)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise CommandError(["GET", path], str(error)) from None
        if answer.status == NOT_FOUND:
            return None
        if answer.status != OK:
            raise CommandError(["GET", path], f"{answer.status} {answer.data.decode(errors='replace')}")
        read: dict[str, Any] = json.loads(answer.data)
        return read


def reader(kubeconfig: Path) -> Reader:
    """The one reader of this process for what a kubeconfig says now: a cluster made anew has other certificates."""
    try:
        content = kubeconfig.read_text()
    except OSError as error:
        raise CommandError([str(kubeconfig)], f"no kubeconfig: {error}") from None
    return _reader(kubeconfig, content)


@functools.cache
def _reader(kubeconfig: Path, _content: str) -> Reader:
    return Reader(kubeconfig)
