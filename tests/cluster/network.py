"""The cluster's network namespace: a bridge for pods and one veth pair to the host, no way out of the machine."""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.cluster.errors import CommandFailed, PortTaken
from tests.cluster.places import Place
from tests.cluster.shell import output, say, succeeds

NODE_ADDRESS = "10.244.0.1"
POD_RANGE = "10.244.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
BRIDGE_FILTER = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp


def inside(place: Place, *command: str) -> list[str]:
    """The command, run in the cluster's network namespace but with the host's mounts.

    `ip netns exec` would remount /sys and hide the control groups.
    """
    return ["nsenter", f"--net={place.namespace}", *command]


def exists(place: Place) -> bool:
    return os.path.ismount(place.namespace)


def create(place: Place) -> None:
    """Make the namespace, its bridge, and the link to the host; nothing happens when it is there already."""
    if exists(place):
        return
    say(f"network namespace {place.name}: the API server will be at {place.api_address}")
    place.namespace.unlink(missing_ok=True)
    succeeds(["modprobe", "br_netfilter"])  # answers between pods of one bridge must pass kube-proxy's rules
    output(["ip", "netns", "add", place.name])
    with suppress(CommandFailed):
        output(["ip", "link", "delete", place.link])
    output(["ip", "link", "add", place.link, "type", "veth", "peer", "name", "host0", "netns", place.name])
    output(["ip", "address", "add", f"{place.host_address}/30", "dev", place.link])
    output(["ip", "link", "set", place.link, "up"])
    for command in _inner_commands(place):
        output(inside(place, *command))
    if BRIDGE_FILTER.exists():  # built into some kernels, a module of others
        output(inside(place, "sh", "-c", f"echo 1 > {BRIDGE_FILTER}"))


def _inner_commands(place: Place) -> Iterable[Sequence[str]]:
    yield "ip", "link", "set", "lo", "up"
    yield "ip", "address", "add", f"{place.api_address}/30", "dev", "host0"
    yield "ip", "link", "set", "host0", "up"
    yield "ip", "link", "add", "cni0", "type", "bridge"
    yield "ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", "cni0"
    yield "ip", "link", "set", "cni0", "up"
    # Service addresses need some route before kube-proxy's rules rewrite them.
    yield "ip", "route", "add", SERVICE_RANGE, "dev", "cni0"
    yield "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"


def delete(place: Place) -> None:
    """Remove the namespace and with it every interface that it held."""
    if exists(place) or place.namespace.exists():
        output(["ip", "netns", "delete", place.name])
    with suppress(CommandFailed):
        output(["ip", "link", "delete", place.link])


def listening_ports(place: Place) -> set[int]:
    """The TCP ports on which something listens inside the namespace."""
    tables = output(inside(place, "cat", "/proc/net/tcp", "/proc/net/tcp6")).splitlines()
    rows = [line.split() for line in tables if ":" in line]
    return {int(row[1].rsplit(":", 1)[1], 16) for row in rows if row[3] == LISTENING}


def require_free(place: Place, component: str, ports: Iterable[int]) -> None:
    """Say at once that a port is taken, instead of waiting for a component that could not bind it."""
    taken = sorted(set(ports) & listening_ports(place))
    if taken:
        raise PortTaken(
            f"{component} cannot start: port {', '.join(map(str, taken))} is in use in network namespace {place.name}; "
            "run `down`, then `up`"
        )
