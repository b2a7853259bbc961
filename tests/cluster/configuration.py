"""The components' configuration files, written into the cluster's state folder."""

import json
from pathlib import Path
from typing import Any

from tests.cluster.certificates import API_PORT, folder_of
from tests.cluster.network import NODE_ADDRESS, POD_RANGE
from tests.cluster.places import Place

CONTAINERD = """\
version = 2
root = "{state}/containerd"
state = "{state}/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  # The machine may lack CAP_SYS_RESOURCE, without which no score can be lowered.
  restrict_oom_score_adj = true
  # So that `down` finds every mount of this cluster below its own folder.
  netns_mounts_under_state_dir = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{state}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{state}/run/runc"
"""

COREFILE = """\
.:53 {{
    errors
    health {address}:8054
    ready {address}:8053
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        ttl 5
    }}
    cache 5
}}
"""

RESOLVER = f"nameserver {NODE_ADDRESS}\nsearch svc.cluster.local cluster.local\noptions ndots:5 timeout:2\n"


def write(place: Place, pause_image: str) -> None:
    """Write every file; components read them when they start."""
    state = place.state
    (state / "cni").mkdir(parents=True, exist_ok=True)
    (state / "run").mkdir(exist_ok=True)
    containerd = CONTAINERD.format(state=state, socket=place.containerd_socket, pause=pause_image)
    (state / "containerd.toml").write_text(containerd)
    _write_json(state / "cni" / "10-bridge.conflist", _container_network(state))
    _write_json(state / "kubelet.yaml", _kubelet(place))
    _write_json(state / "admission.yaml", _admission())
    kubeconfig = folder_of(place) / "coredns.kubeconfig"
    (state / "Corefile").write_text(COREFILE.format(address=NODE_ADDRESS, kubeconfig=kubeconfig))
    (state / "resolv.conf").write_text(RESOLVER)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1))  # JSON is YAML


def _container_network(state: Path) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": str(state / "cni-addresses"),
        "ranges": [[{"subnet": POD_RANGE, "gateway": NODE_ADDRESS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": True}
    plugins = [{**bridge, "ipam": addresses}, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return {"cniVersion": "0.4.0", "name": "bridge", "plugins": plugins}


def _kubelet(place: Place) -> dict[str, Any]:
    pki = folder_of(place)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(pki / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": place.control_group,
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{place.containerd_socket}",
        # Tests kill containers, those of one pod again and again: by default each waits twice as long as the last.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "10s"},
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 99,  # an image that was loaded cannot be pulled again
        "imageGCLowThresholdPercent": 98,
        "maxPods": 200,
        "oomScoreAdj": 0,
        "podLogsDir": str(place.state / "pod-logs"),
        "registerNode": True,
        "resolvConf": str(place.state / "resolv.conf"),
        "serializeImagePulls": False,
        "syncFrequency": "10s",
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
    }


def _admission() -> dict[str, Any]:
    """Every namespace enforces the restricted Pod Security profile, labelled or not."""
    restricted = {f"{mode}{suffix}": value for mode in ("enforce", "warn") for suffix, value in _profile()}
    security = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": restricted,
    }
    plugin = {"name": "PodSecurity", "configuration": security}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [plugin],
    }


def _profile() -> tuple[tuple[str, str], ...]:
    return ("", "restricted"), ("-version", "latest")


def api_url(place: Place) -> str:
    """Where the host reaches the API server."""
    return f"https://{place.api_address}:{API_PORT}"
