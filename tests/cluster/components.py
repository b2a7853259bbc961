"""The cluster's components: how each is started, which ports it needs, and when it is ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import api, network, processes
from tests.cluster.certificates import API_PORT, NODE, folder_of
from tests.cluster.errors import ClusterError, WaitedTooLong
from tests.cluster.places import Place
from tests.cluster.shell import say, succeeds, wait_until

READY_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Component:
    """One process of the cluster."""

    name: str
    command: list[str]
    ports: tuple[int, ...]
    ready: Callable[[], bool]
    control_plane: bool = False


def _flags(values: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _etcd(place: Place, kubernetes: Path) -> Component:
    flags = {
        "data-dir": place.state / "etcd",
        "listen-client-urls": "http://127.0.0.1:2379",
        "advertise-client-urls": "http://127.0.0.1:2379",
        "listen-peer-urls": "http://127.0.0.1:2380",
        "initial-advertise-peer-urls": "http://127.0.0.1:2380",
        "initial-cluster": "default=http://127.0.0.1:2380",
        "log-level": "warn",
    }
    command = [str(kubernetes), "etcd", *_flags(flags), "--unsafe-no-fsync"]
    return Component("etcd", command, (2379, 2380), _listens(place, 2379), control_plane=True)


def _api_server(place: Place, kubernetes: Path) -> Component:
    pki = folder_of(place)
    flags = {
        "etcd-servers": "http://127.0.0.1:2379",
        "bind-address": "0.0.0.0",
        "secure-port": API_PORT,
        "advertise-address": network.NODE_ADDRESS,
        "tls-cert-file": pki / "kube-apiserver.crt",
        "tls-private-key-file": pki / "kube-apiserver.key",
        "client-ca-file": pki / "ca.crt",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "admin.crt",
        "kubelet-client-key": pki / "admin.key",
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki / "service-accounts.key",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "service-cluster-ip-range": network.SERVICE_RANGE,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "admission-control-config-file": place.state / "admission.yaml",
        "cert-dir": place.state / "run" / "kube-apiserver",
    }
    command = [str(kubernetes), "kube-apiserver", *_flags(flags)]
    return Component("kube-apiserver", command, (API_PORT,), lambda: api.answers(place, "/readyz"), control_plane=True)


def _controller_manager(place: Place, kubernetes: Path) -> Component:
    pki = folder_of(place)
    flags = {
        "kubeconfig": pki / "kube-controller-manager.kubeconfig",
        "root-ca-file": pki / "ca.crt",
        "service-account-private-key-file": pki / "service-accounts.key",
        "use-service-account-credentials": "true",
        "leader-elect": "false",
        # Elsewhere this process ends with its lease when the API server is away, and begins with a fresh view of nodes.
        # Without a lease it would take them for dead once the API server is back, and empty all Services for seconds.
        "node-monitor-grace-period": "10m",
        "bind-address": "127.0.0.1",
        "cert-dir": place.state / "run" / "kube-controller-manager",
    }
    command = [str(kubernetes), "kube-controller-manager", *_flags(flags)]
    return Component("kube-controller-manager", command, (10257,), _listens(place, 10257))


def _scheduler(place: Place, kubernetes: Path) -> Component:
    flags = {
        "kubeconfig": folder_of(place) / "kube-scheduler.kubeconfig",
        "leader-elect": "false",
        "bind-address": "127.0.0.1",
        "cert-dir": place.state / "run" / "kube-scheduler",
    }
    command = [str(kubernetes), "kube-scheduler", *_flags(flags)]
    return Component("kube-scheduler", command, (10259,), _listens(place, 10259))


def _containerd(place: Place) -> Component:
    command = ["containerd", "--config", str(place.state / "containerd.toml")]
    probe = ["ctr", "--address", str(place.containerd_socket), "version"]
    return Component("containerd", command, (), lambda: succeeds(probe))


def _kubelet(place: Place, kubernetes: Path) -> Component:
    flags = {
        "config": place.state / "kubelet.yaml",
        "kubeconfig": folder_of(place) / "kubelet.kubeconfig",
        "root-dir": place.state / "kubelet",
        "cert-dir": place.state / "run" / "kubelet",
        "hostname-override": NODE,
        "node-ip": network.NODE_ADDRESS,
    }
    command = [str(kubernetes), "kubelet", *_flags(flags)]
    return Component("kubelet", command, (10250, 10248), lambda: api.node_is_ready(place, NODE))


def _proxy(place: Place, kubernetes: Path) -> Component:
    flags = {
        "kubeconfig": folder_of(place) / "kube-proxy.kubeconfig",
        "proxy-mode": "iptables",
        "cluster-cidr": network.POD_RANGE,
        "conntrack-max-per-core": 0,
        "hostname-override": NODE,
        "iptables-min-sync-period": "200ms",
        "oom-score-adj": 0,
    }
    command = [str(kubernetes), "kube-proxy", *_flags(flags)]
    return Component("kube-proxy", command, (10249, 10256), _listens(place, 10256))


def _coredns(place: Place, coredns: Path) -> Component:
    command = [str(coredns), "-conf", str(place.state / "Corefile")]
    return Component("coredns", command, (53,), _listens(place, 8053))


def _listens(place: Place, port: int) -> Callable[[], bool]:
    return lambda: port in network.listening_ports(place)


def components(place: Place, kubernetes: Path, coredns: Path) -> tuple[Component, ...]:
    """All components in the order in which they are started."""
    return (
        _etcd(place, kubernetes),
        _api_server(place, kubernetes),
        _containerd(place),  # kubelet ends at once when containerd's socket is not there yet
        _controller_manager(place, kubernetes),
        _scheduler(place, kubernetes),
        _kubelet(place, kubernetes),
        _proxy(place, kubernetes),
        _coredns(place, coredns),
    )


def launch(place: Place, component: Component) -> None:
    """Start a component unless it runs already; return without waiting for it."""
    if processes.running(place, component.name) is not None:
        return
    network.require_free(place, component.name, component.ports)
    say(f"starting {component.name}")
    processes.start(place, component.name, network.inside(place, *component.command))


def wait_ready(place: Place, component: Component) -> None:
    """Wait until a component answers; when it ended or does not, its log's end stands in the error."""

    def ready_or_ended() -> bool:
        return processes.running(place, component.name) is None or component.ready()

    try:
        wait_until(f"{component.name} to be ready", ready_or_ended, timeout=READY_LIMIT_SECONDS)
    except WaitedTooLong as reason:
        raise WaitedTooLong(f"{reason}; its log ends:\n{processes.log_tail(place, component.name)}") from reason
    if processes.running(place, component.name) is None:
        log = processes.log_path(place, component.name)
        tail = processes.log_tail(place, component.name)
        raise ClusterError(f"{component.name} ended while it was starting; {log} ends:\n{tail}")
