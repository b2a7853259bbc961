"""The chart as Helm renders it, without a cluster."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.programs import HELM, built

CHART = Path(__file__).parents[3] / "charts" / "weirkeeper"
NAMESPACE = "weirkeeper-system"
Manifest = dict[str, Any]


class Refused(Exception):
    """Helm did not render the chart; the message is what it said."""


def rendered(values: Manifest | None = None, release: str = "weirkeeper") -> list[Manifest]:
    """All manifests with these values over the defaults."""
    command = [str(built(HELM)), "template", release, str(CHART), f"--namespace={NAMESPACE}", "--kube-version=1.36.0"]
    done = subprocess.run(
        [*command, "--values=-"], input=json.dumps(values or {}), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(done.stderr)
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [item for item in manifests if item["kind"] in kinds]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [item for item in of_kind(manifests, kind) if item["metadata"]["name"] == name]
    return found
