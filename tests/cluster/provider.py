"""Which kind of cluster this machine gets, and what every kind can do."""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from tests.cluster import imagestore, local, processes, projectimages
from tests.cluster.current import Current
from tests.cluster.errors import ClusterError
from tests.cluster.images import IMAGES
from tests.cluster.kind import Kind
from tests.cluster.places import Place, place_of_checkout
from tests.cluster.shell import succeeds


class Provider(Protocol):
    """A cluster that can be made, used and removed."""

    @property
    def kubeconfig(self) -> Path: ...

    def up(self, *, control_plane_only: bool = False) -> None: ...

    def down(self) -> None: ...

    def status(self) -> bool:
        """Print what runs; True when all of it does."""

    def images(self, names: Iterable[str]) -> dict[str, str]:
        """Build and load the project's images; their full names by short name."""

    def load(self, image: str) -> None: ...

    def logs(self, component: str | None) -> str: ...

    def start(self, component: str) -> None: ...

    def stop(self, component: str) -> None: ...

    def command_inside(self, command: Sequence[str]) -> list[str]:
        """A command as it runs in the cluster's network, where Services answer and their names resolve."""


class Local:
    """Plain processes on this machine (`tests.cluster.local`)."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def kubeconfig(self) -> Path:
        local.require_up(self.place)
        return self.place.kubeconfig

    def up(self, *, control_plane_only: bool = False) -> None:
        local.up(self.place, control_plane_only=control_plane_only)

    def down(self) -> None:
        local.down(self.place)

    def status(self) -> bool:
        return local.status(self.place)

    def images(self, names: Iterable[str] = tuple(IMAGES)) -> dict[str, str]:
        local.require_up(self.place)
        return projectimages.load_all(self.place, names)

    def load(self, image: str) -> None:
        local.require_up(self.place)
        archive = Path(image)
        if archive.is_file():
            imagestore.load_archive(self.place, archive)
        else:
            imagestore.load(self.place, image)

    def logs(self, component: str | None) -> str:
        return processes.log_tail(self.place, component) if component else "\n".join(local.log_names(self.place))

    def start(self, component: str) -> None:
        local.start(self.place, component)

    def stop(self, component: str) -> None:
        local.stop(self.place, component)

    def command_inside(self, command: Sequence[str]) -> list[str]:
        return local.command_inside(self.place, command)


def choose() -> Provider:
    """The provider that CLUSTER names (`kind`, `local`, `current`); else kind where Docker works, else processes."""
    place = place_of_checkout()
    wanted = os.environ.get("CLUSTER") or ("kind" if _docker_works() else "local")
    match wanted:
        case "kind":
            return Kind(place)
        case "local":
            return Local(place)
        case "current":
            return Current()
    raise ClusterError(f"CLUSTER={wanted} is unknown; expected kind, local or current, or leave it out")


def _docker_works() -> bool:
    return shutil.which("docker") is not None and succeeds(["docker", "info"], timeout=15)
