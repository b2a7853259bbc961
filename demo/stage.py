"""What every scene of the story shares."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from demo.commands import Kubectl
from demo.load import Counts, Load
from demo.names import MANIFESTS, ROOT
from demo.prometheus import Prometheus
from demo.story import Story
from demo.training import Tables

RATE: Final = 200.0  # requests per second that the story asks for


@dataclass(frozen=True)
class Images:
    """Full names of the images that the cluster already has, or can pull."""

    operator: str
    server: str
    envoy: str
    prometheus: str


@dataclass
class Stage:
    """The cluster, the namespace of this run, what was trained, and what was learnt on the way."""

    story: Story
    kubectl: Kubectl
    images: Images
    chart: Path
    work: Path
    data: Tables
    bundles: dict[str, Path]
    rate: float = RATE
    revisions: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Namespace of this run."""
        return self.kubectl.namespace

    @property
    def load(self) -> Load:
        """The load generator of this run."""
        return Load(self.kubectl, self.images.server)

    @property
    def prometheus(self) -> Prometheus:
        """The Prometheus of this run."""
        return Prometheus(self.kubectl, self.images.prometheus)

    def apply(self, manifest: str) -> None:
        """Apply one of the demo's manifests, and print the command that does it."""
        path = MANIFESTS / manifest
        shown = path.relative_to(ROOT)
        self.story.say(f"$ kubectl -n {self.namespace} apply -f {shown}")
        self.kubectl("apply", "-f", str(path))
