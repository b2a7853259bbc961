"""The names that the demo's objects, commands and checks share."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MANIFESTS: Final = Path(__file__).resolve().parent / "manifests"

MODEL: Final = "diagnosis"
VERSIONS: Final = ("v1", "v2", "v3")

SYSTEM_NAMESPACE: Final = "weirkeeper-system"
RELEASE: Final = "weirkeeper"
NAMESPACE_PREFIX: Final = "weirkeeper-demo-"
DEMO_LABEL: Final = "app.kubernetes.io/part-of=weirkeeper-demo"

LOAD_POD: Final = "load"
LOAD_PORT: Final = 8090
PROMETHEUS: Final = "prometheus"
PROMETHEUS_PORT: Final = 9090

DRIFTING_FEATURE: Final = "mean_texture"


def artifact(version: str) -> str:
    """Name of the ConfigMap that holds the bundle of ``version``."""
    return f"{MODEL}-{version}"
