"""A cluster made by kind, where Docker works."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.images import IMAGES, tag
from tests.cluster.places import CHECKOUT, Place, cache
from tests.cluster.programs import KIND, built
from tests.cluster.shell import long_run, output, succeeds, wait_until

BASE_IMAGE = "python:3.13-slim"
NODE_IMAGE_TIMEOUT = 900.0
RESOLVER = "nameserver 10.96.0.10\nsearch svc.cluster.local cluster.local\noptions ndots:5 timeout:2\n"
MANIFESTS = "/etc/kubernetes/manifests"


class Kind:
    """One node in a container; components are the node's static pods."""

    def __init__(self, place: Place) -> None:
        self.name = place.name
        self._kubeconfig = cache() / "kind" / f"{place.name}.kubeconfig"

    @property
    def _node(self) -> str:
        return f"{self.name}-control-plane"

    @property
    def kubeconfig(self) -> Path:
        if not self._exists():
            raise ClusterError(f"there is no cluster {self.name}; make it with `python3 -m tests.cluster up`")
        return self._kubeconfig

    def _exists(self) -> bool:
        return self.name in output([str(built(KIND)), "get", "clusters"]).split()

    def up(self, *, control_plane_only: bool = False) -> None:  # noqa: ARG002 -- kind always makes a whole cluster
        """Make the cluster; one that does not answer is made anew."""
        self._kubeconfig.parent.mkdir(exist_ok=True)
        if self._exists() and not self.status():
            self.down()
        if not self._exists():
            options = ["--name", self.name, "--kubeconfig", str(self._kubeconfig), "--wait", "180s"]
            command = [str(built(KIND)), "create", "cluster", *options]
            long_run("making a cluster with kind", command, timeout=NODE_IMAGE_TIMEOUT)

    def down(self) -> None:
        """Remove the cluster."""
        output([str(built(KIND)), "delete", "cluster", "--name", self.name], timeout=120)
        self._kubeconfig.unlink(missing_ok=True)

    def status(self) -> bool:
        """Print and tell whether the API server answers."""
        ready = self._answers()
        print(f"{self.name} (kind): {'ready' if ready else 'absent or not ready'}")
        return ready

    def _answers(self) -> bool:
        return succeeds(["docker", "exec", self._node, "kubectl", "get", "--raw", "/readyz"])

    def images(self, names: Iterable[str] = tuple(IMAGES)) -> dict[str, str]:
        """Build with Docker's own cache and load."""
        tags = {name: tag(IMAGES[name], BASE_IMAGE) for name in names}
        for name, full_name in tags.items():
            if not succeeds(["docker", "image", "inspect", full_name]):
                options = ["--file", str(IMAGES[name].path), "--target", IMAGES[name].target, "--tag", full_name]
                command = ["docker", "build", *options, str(CHECKOUT)]
                long_run(f"building image {full_name}", command, timeout=1800)
            self.load(full_name)
        return tags

    def load(self, image: str) -> None:
        """Give an image that Docker has, or an archive, to the node."""
        kind = "image-archive" if Path(image).is_file() else "docker-image"
        long_run(f"loading {image}", [str(built(KIND)), "load", kind, image, "--name", self.name], timeout=600)

    def logs(self, component: str | None) -> str:
        """The end of a static pod's log, or the names of the containers."""
        if component is None:
            return output(["docker", "exec", self._node, "crictl", "ps"])
        container = output(["docker", "exec", self._node, "crictl", "ps", "--all", "--quiet", "--name", component])
        if not container:
            raise ClusterError(f"{self.name} has no container {component!r}")
        return output(["docker", "exec", self._node, "crictl", "logs", "--tail", "15", container.split()[0]])

    def start(self, component: str) -> None:
        """Put a static pod's manifest back."""
        output(["docker", "exec", self._node, "mv", f"/root/{component}.yaml", f"{MANIFESTS}/{component}.yaml"])
        if component == "kube-apiserver":
            wait_until("the API server to answer", self._answers, timeout=120)

    def stop(self, component: str) -> None:
        """Take a static pod's manifest away, which ends the pod."""
        output(["docker", "exec", self._node, "mv", f"{MANIFESTS}/{component}.yaml", f"/root/{component}.yaml"])
        if component == "kube-apiserver":
            wait_until("the API server to end", lambda: not self._answers(), timeout=120)

    def command_inside(self, command: Sequence[str]) -> list[str]:
        """The command in the node's network namespace: Linux and root only."""
        if os.geteuid() != 0:
            raise ClusterError("`exec` enters the network namespace of kind's node, for which it must run as root")
        pid = output(["docker", "inspect", "--format", "{{.State.Pid}}", self._node]).strip()
        resolver = cache() / "kind" / "resolv.conf"
        resolver.write_text(RESOLVER)
        script = f'mount --bind "{resolver}" /etc/resolv.conf && exec "$@"'
        return ["nsenter", f"--net=/proc/{pid}/ns/net", "unshare", "--mount", "sh", "-c", script, "sh", *command]
