"""The few requests that making a cluster needs of its API server, with the administrator's certificate."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from tests.cluster.certificates import folder_of
from tests.cluster.configuration import api_url
from tests.cluster.errors import ClusterError
from tests.cluster.places import Place

TIMEOUT_SECONDS = 10.0
UNREACHABLE = (OSError, http.client.HTTPException)


def _request(place: Place, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
    pki = folder_of(place)
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    request = urllib.request.Request(api_url(place) + path, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/apply-patch+yaml")
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
        content: bytes = response.read()
    return content


def answers(place: Place, path: str) -> bool:
    """Whether the API server answers `path` with success."""
    try:
        _request(place, "GET", path)
    except UNREACHABLE:
        return False
    return True


def get(place: Place, path: str) -> dict[str, Any]:
    """An object or a list."""
    result: dict[str, Any] = json.loads(_request(place, "GET", path))
    return result


def apply(place: Place, path: str, manifest: dict[str, Any]) -> None:
    """Create or change an object by server-side apply."""
    try:
        _request(place, "PATCH", f"{path}?fieldManager=cluster&force=true", manifest)
    except urllib.error.HTTPError as refusal:
        raise ClusterError(f"the API server refused {path}: {refusal.read().decode(errors='replace')}") from refusal


def node_is_ready(place: Place, node: str) -> bool:
    """Whether the node has registered itself and says that it is ready."""
    try:
        status = get(place, f"/api/v1/nodes/{node}")["status"]
    except UNREACHABLE:
        return False
    return any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions", []))


def _binding(name: str, role: str, user: str) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def grant(place: Place) -> None:
    """The two grants that are not built in: `kubectl logs` and `exec`, and DNS reading what it answers about."""
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "coredns"}, "rules": rules}
    path = f"/apis/{group}/v1"
    apply(place, f"{path}/clusterroles/coredns", role)
    for binding in (
        _binding("coredns", "coredns", "coredns"),
        _binding("kubelet-api", "system:kubelet-api-admin", "admin"),
    ):
        apply(place, f"{path}/clusterrolebindings/{binding['metadata']['name']}", binding)
