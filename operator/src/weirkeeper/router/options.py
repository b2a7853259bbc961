"""What an agent is told by its command line and environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from weirkeeper.api import names


@dataclass(frozen=True)
class RouterOptions:
    """How one router pod works; ports are parameters so that tests can run several on one machine.

    Durations are in seconds. `route_timeout` is the longest time for one answer, `connect_timeout` for reaching a
    model pod. `retire_after` is how long a cluster without a route is kept for its last counters to be read.
    `removal_wait` is how long a pod that ends goes on unchanged until everybody knows that it is going;
    `drain_deadline` is how long it then waits for connections to close.
    """

    namespace: str
    pod: str
    directory: Path = Path(names.ENVOY_DIRECTORY)
    listen_address: str = "0.0.0.0"  # noqa: S104 - clients reach the pod at its own address
    http_port: int = names.HTTP_PORT
    ready_port: int = names.READY_PORT
    evidence_port: int = names.EVIDENCE_PORT
    admin_port: int = names.ENVOY_ADMIN_PORT
    route_timeout: float = 15.0
    connect_timeout: float = 2.0
    retire_after: float = 60.0
    removal_wait: float = 5.0
    drain_deadline: float = 20.0

    @property
    def admin_url(self) -> str:
        """Where Envoy's admin port answers; only on the pod's own loopback."""
        return f"http://127.0.0.1:{self.admin_port}"
