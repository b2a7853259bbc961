"""An API server alone: made within seconds, and its outage can be played."""

import pytest

from demo.errors import CommandError
from tests.cluster import local, network, processes
from tests.cluster.errors import ClusterError, PortTaken
from tests.cluster.places import Place
from tests.cluster.shell import wait_until
from tests.harness.kubectl import Kubectl

KEPT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"key": "value"}}


@pytest.fixture
def place(api_server: Kubectl) -> Place:
    return Place(api_server.kubeconfig.parent.name)


def test_it_keeps_what_was_written_over_an_outage(api_server: Kubectl, place: Place) -> None:
    api_server.apply(KEPT)
    local.stop(place, "kube-apiserver")
    with pytest.raises(CommandError, match="refused"):
        api_server.get("configmap", "kept")
    local.start(place, "kube-apiserver")
    found = api_server.get("configmap", "kept")
    assert found is not None
    assert found["data"] == {"key": "value"}


def test_making_it_again_brings_back_what_ended(api_server: Kubectl, place: Place) -> None:
    etcd = processes.running(place, "etcd")
    assert etcd is not None
    processes.end(etcd.pid, etcd.started)
    local.up(place, control_plane_only=True)
    assert processes.running(place, "etcd") is not None
    assert "Name" in api_server("get", "namespaces", "-o", "custom-columns=Name:.metadata.name")


def test_what_a_restart_of_the_machine_leaves_is_removed_and_made_anew(api_server: Kubectl, place: Place) -> None:
    api_server.apply(KEPT)
    for name in ("kube-apiserver", "etcd"):
        local.stop(place, name)
    network.delete(place)
    local.up(place, control_plane_only=True)
    assert api_server.get("namespace", "default") is not None
    assert api_server.get("configmap", "kept") is None


def test_a_state_that_cannot_be_repaired_is_made_anew(api_server: Kubectl, place: Place) -> None:
    local.stop(place, "etcd")
    for log in (place.state / "etcd" / "member" / "wal").iterdir():
        log.write_bytes(b"damaged")
    local.up(place, control_plane_only=True)
    assert api_server.get("namespace", "default") is not None


def test_a_port_that_is_taken_is_said_at_once(place: Place) -> None:
    local.stop(place, "kube-apiserver")
    listen = "import socket, time; s = socket.create_server(('', 6443)); print('ready', flush=True); time.sleep(600)"
    processes.start(place, "squatter", local.command_inside(place, ["python3", "-c", listen]))
    try:
        wait_until("the squatter", lambda: "ready" in processes.log_tail(place, "squatter"), timeout=20)
        with pytest.raises(PortTaken, match="kube-apiserver cannot start: port 6443 is in use"):
            local.start(place, "kube-apiserver")
    finally:
        processes.stop(place, "squatter")
        local.start(place, "kube-apiserver")


def test_a_component_that_is_not_there_is_named(place: Place) -> None:
    with pytest.raises(ClusterError, match="has no component 'kubelet'; it has etcd, kube-apiserver"):
        local.stop(place, "kubelet")


def test_it_does_not_become_a_whole_cluster_by_half(place: Place) -> None:
    with pytest.raises(ClusterError, match="was made with --control-plane-only; run `down` first"):
        local.up(place)
