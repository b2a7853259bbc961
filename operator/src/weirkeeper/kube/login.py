"""How to reach the API server: by a pod's service account, else by a kubeconfig.

The Kubernetes client is imported for a kubeconfig alone, which only a developer's machine has: it brings a class for
every kind of object, seconds of start and 120 MB that no pod needs, because nothing but raw JSON is exchanged. The
operator's image goes without it, since Kopf imports it wherever it is installed.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from weirkeeper.kube.errors import NoAccess, Transient

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_SECONDS: Final = 60.0
"""The kubelet renews a token long before it expires; it is read again as often as the Kubernetes client does."""


@dataclass(frozen=True)
class Access:
    """Where the API server is and who asks; paths name files, `authorization` is a whole header's value."""

    server: str
    insecure: bool = False
    ca_path: str | None = None
    certificate_path: str | None = None
    private_key_path: str | None = None
    authorization: str | None = None
    server_name: str | None = None
    proxy: str | None = None

    def tls(self) -> ssl.SSLContext:
        """What connections are checked by.

        Raises:
            NoAccess: a certificate or key cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_path)
            if self.certificate_path:
                context.load_cert_chain(self.certificate_path, self.private_key_path)
        except OSError as error:
            raise NoAccess(f"the certificates for {self.server} cannot be used: {error}; see {self.ca_path}") from error
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Login(Protocol):
    """Who asks the API server."""

    async def access(self) -> Access:
        """Return what is valid now; tokens change.

        Raises:
            Transient: the token cannot be read just now.
        """


class PodLogin:
    """A pod's service account, whose token is a file that the kubelet renews."""

    def __init__(
        self,
        server: str,
        account: Path = SERVICE_ACCOUNT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._account = account
        self._clock = clock
        self._read_at = -TOKEN_SECONDS
        self._token = ""

    async def access(self) -> Access:
        """Return the access with the token of this minute."""
        now = self._clock()
        if now - self._read_at >= TOKEN_SECONDS:
            self._token, self._read_at = self._read(), now
        return Access(self._server, ca_path=str(self._account / "ca.crt"), authorization=f"Bearer {self._token}")

    def _read(self) -> str:
        path = self._account / "token"
        try:
            token = path.read_text().strip()
        except OSError as error:
            raise Transient(f"the service account's token cannot be read: {error}") from error
        if not token:
            raise Transient(f"the service account's token is empty: {path}")
        return token


class KubeconfigLogin:
    """The user of a kubeconfig, also one who logs in by a program; the Kubernetes client knows all the ways."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration

    async def access(self) -> Access:
        """Return the access with a token that has not expired."""
        found = self._configuration
        return Access(
            server=found.host,
            insecure=not found.verify_ssl,
            ca_path=found.ssl_ca_cert or None,
            certificate_path=found.cert_file or None,
            private_key_path=found.key_file or None,
            authorization=await found.get_api_key_with_prefix("BearerToken") or None,
            server_name=found.tls_server_name or None,
            proxy=found.proxy or None,
        )


async def find_login(account: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] = os.environ) -> Login:
    """Find who asks: the pod's service account, else the file that KUBECONFIG names, else ~/.kube/config.

    Raises:
        NoAccess: there is none of them, or it cannot be used.
    """
    if (account / "token").exists() and not environment.get("KUBECONFIG"):
        return PodLogin(_server_of_pod(environment), account)
    return await _from_kubeconfig()


def _server_of_pod(environment: Mapping[str, str]) -> str:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise NoAccess(
            "there is a service account, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not say where "
            "the API server is; the kubelet sets both in every pod"
        )
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


async def _from_kubeconfig() -> Login:
    try:
        from kubernetes.aio import config  # noqa: PLC0415 - not for pods; see above
        from kubernetes.aio.client import Configuration  # noqa: PLC0415
    except ImportError as error:
        raise NoAccess(
            "this is no pod with a service account, and to read KUBECONFIG or ~/.kube/config takes the Kubernetes "
            "client, which is not installed; run: pip install 'weirkeeper[kubeconfig]'"
        ) from error

    found = Configuration()
    try:
        await config.load_kube_config(client_configuration=found)
    except (config.ConfigException, OSError) as error:
        raise NoAccess(
            f"no way to the API server: {error}; run in a pod with a service account, or set KUBECONFIG"
        ) from error
    return KubeconfigLogin(found)
