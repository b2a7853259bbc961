"""The cluster that the current kubeconfig names: used when asked for, never made, never removed."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from tests.cluster.errors import ClusterError
from tests.cluster.images import IMAGES, tag
from tests.cluster.kind import BASE_IMAGE
from tests.cluster.places import CHECKOUT
from tests.cluster.shell import long_run, output, say, succeeds


class Current:
    """Somebody's own cluster; images are built with Docker and pushed to the registry that REGISTRY names."""

    @property
    def kubeconfig(self) -> Path:
        return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")

    def up(self, *, control_plane_only: bool = False) -> None:  # noqa: ARG002 -- nothing is made
        """Check that the cluster answers."""
        context = output(["kubectl", "config", "current-context"]).strip()
        output(["kubectl", "get", "--raw", "/readyz"])
        say(f"using the current context {context}")

    def down(self) -> None:
        """Leave the cluster alone."""
        say("CLUSTER=current: the cluster is left as it is")

    def status(self) -> bool:
        """Tell whether the API server answers."""
        ready = succeeds(["kubectl", "get", "--raw", "/readyz"])
        print(f"current cluster: {'ready' if ready else 'not ready'}")
        return ready

    def images(self, names: Iterable[str] = tuple(IMAGES)) -> dict[str, str]:
        """Build, push, and name the images as the cluster pulls them."""
        registry = os.environ.get("REGISTRY")
        if not registry:
            raise ClusterError(
                "CLUSTER=current needs REGISTRY, a registry that Docker can push to and the cluster pulls from"
            )
        tags = {name: f"{registry}/{tag(IMAGES[name], BASE_IMAGE).partition('/')[2]}" for name in names}
        for name, full_name in tags.items():
            options = ["--file", str(IMAGES[name].path), "--target", IMAGES[name].target, "--tag", full_name]
            long_run(f"building image {full_name}", ["docker", "build", *options, str(CHECKOUT)], timeout=1800)
            self.load(full_name)
        return tags

    def load(self, image: str) -> None:
        """Push an image."""
        long_run(f"pushing {image}", ["docker", "push", image], timeout=900)

    def logs(self, component: str | None) -> NoReturn:
        """Refuse."""
        self._refuse(f"logs {component or ''}")

    def start(self, component: str) -> NoReturn:
        """Refuse."""
        self._refuse(f"start {component}")

    def stop(self, component: str) -> NoReturn:
        """Refuse."""
        self._refuse(f"stop {component}")

    def command_inside(self, command: Sequence[str]) -> NoReturn:
        """Refuse."""
        self._refuse(f"exec {' '.join(command)}")

    def _refuse(self, what: str) -> NoReturn:
        raise ClusterError(f"`{what}` needs a cluster that this program made; leave CLUSTER=current out")
