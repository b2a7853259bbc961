"""The cluster's own certificate authority, its components' certificates and their kubeconfigs, made with openssl."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.network import NODE_ADDRESS
from tests.cluster.places import Place
from tests.cluster.shell import output, say

DAYS = "3650"
NODE = "weirkeeper"
API_PORT = 6443


@dataclass(frozen=True)
class Identity:
    """A client or server: the file's name, the user and group it is known by, and its addresses."""

    file: str
    user: str
    group: str = ""
    alternative_names: tuple[str, ...] = ()


CLIENTS = (
    Identity("admin", "admin", "system:masters"),
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity("kubelet", f"system:node:{NODE}", "system:nodes", (f"DNS:{NODE}", f"IP:{NODE_ADDRESS}")),
    Identity("kube-proxy", "system:kube-proxy", "system:node-proxier"),
    Identity("coredns", "coredns"),
)


def _api_server(place: Place) -> Identity:
    names = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
    addresses = ("127.0.0.1", "10.96.0.1", NODE_ADDRESS, place.api_address)
    alternatives = tuple([f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses])
    return Identity("kube-apiserver", "kube-apiserver", "", alternatives)


def folder_of(place: Place) -> Path:
    return place.state / "pki"


def create(place: Place) -> None:
    """Make the authority, the certificates and the kubeconfigs; a complete set is kept."""
    pki = folder_of(place)
    if (pki / "complete").exists():
        return
    say("making certificates")
    pki.mkdir(parents=True, exist_ok=True)
    subject = ["-subj", "/CN=weirkeeper test cluster", "-days", DAYS]
    # Python 3.13 verifies strictly (RFC 5280): an authority says what its key is for.
    subject += ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    output(["openssl", "req", "-x509", *_new_key(pki / "ca"), "-out", str(pki / "ca.crt"), *subject])
    output(["openssl", "genrsa", "-out", str(pki / "service-accounts.key"), "2048"])
    for identity in (_api_server(place), *CLIENTS):
        _sign(pki, identity)
    for identity in CLIENTS:
        _write_kubeconfig(
            place, identity.file, f"https://{NODE_ADDRESS}:{API_PORT}", pki / f"{identity.file}.kubeconfig"
        )
    _write_kubeconfig(place, "admin", f"https://{place.api_address}:{API_PORT}", place.kubeconfig)
    (pki / "complete").touch()


def _new_key(stem: Path) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{stem}.key"]


def _sign(pki: Path, identity: Identity) -> None:
    stem = pki / identity.file
    subject = f"/O={identity.group}/CN={identity.user}" if identity.group else f"/CN={identity.user}"
    output(["openssl", "req", *_new_key(stem), "-out", f"{stem}.csr", "-subj", subject])
    extensions = "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth,serverAuth\n"
    extensions += "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    if identity.alternative_names:
        extensions += f"subjectAltName={','.join(identity.alternative_names)}\n"
    Path(f"{stem}.ext").write_text(extensions)
    command = ["openssl", "x509", "-req", "-in", f"{stem}.csr", "-days", DAYS, "-extfile", f"{stem}.ext"]
    authority = ["-CA", str(pki / "ca.crt"), "-CAkey", str(pki / "ca.key"), "-CAcreateserial"]
    output([*command, *authority, "-out", f"{stem}.crt"])


def _write_kubeconfig(place: Place, identity: str, server: str, path: Path) -> None:
    pki = folder_of(place)

    def inline(name: str) -> str:
        return base64.b64encode((pki / name).read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": inline("ca.crt")}
    user = {
        "client-certificate-data": inline(f"{identity}.crt"),
        "client-key-data": inline(f"{identity}.key"),
    }
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": place.name, "cluster": cluster}],
        "users": [{"name": identity, "user": user}],
        "contexts": [{"name": place.name, "context": {"cluster": place.name, "user": identity}}],
        "current-context": place.name,
    }
    path.write_text(json.dumps(kubeconfig, indent=1))
    path.chmod(0o600)
