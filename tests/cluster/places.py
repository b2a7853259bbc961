"""Where things lie: one cache for all checkouts of a user, one state folder for each cluster."""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.shell import say

CHECKOUT = Path(__file__).resolve().parents[2]
STATES = Path("/var/lib/weirkeeper-cluster")
FIRST_SUBNET = (198 << 24) + (18 << 16)  # 198.18.0.0/15 is set aside for tests of networks (RFC 2544)
SUBNETS = 1 << 15  # of four addresses each


def cache() -> Path:
    """The folder of everything that is built once and kept, outside every checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "weirkeeper"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock `name`, so that two checkouts never build the same thing twice or into each other."""
    path = cache() / "locks" / name
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that holds {path}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def content_key(paths: Iterable[Path], *extra: str) -> str:
    """Twelve hexadecimal digits that change when a file's name, its content or one of `extra` does."""
    digest = hashlib.sha256()
    for text in extra:
        digest.update(text.encode() + b"\0")
    for path in sorted(paths):
        name = path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else Path(path.name)
        digest.update(str(name).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Place:
    """One cluster's name and all that is derived from it, so that two of them never touch the same thing."""

    name: str

    @property
    def state(self) -> Path:
        return STATES / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.state / "admin.kubeconfig"

    @property
    def namespace(self) -> Path:
        """The network namespace in which every component runs."""
        return Path("/run/netns") / self.name

    @property
    def containerd_socket(self) -> Path:
        return self.state / "run" / "containerd.sock"

    @property
    def control_group(self) -> str:
        return f"/{self.name}"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def link(self) -> str:
        """The host's end of the veth pair; interface names have at most 15 characters."""
        return f"wk{self._digest[:10]}"

    def _address(self, offset: int) -> str:
        number = FIRST_SUBNET + 4 * (int(self._digest[:8], 16) % SUBNETS) + offset
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))

    @property
    def host_address(self) -> str:
        return self._address(1)

    @property
    def api_address(self) -> str:
        """The cluster's address on the veth pair: where the host finds the API server."""
        return self._address(2)


def place_of_checkout() -> Place:
    """The cluster of this checkout, or the one that CLUSTER_NAME names."""
    name = os.environ.get("CLUSTER_NAME")
    if not name:
        name = "weirkeeper-" + hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
    return Place(name)
