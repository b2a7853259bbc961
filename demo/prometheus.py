"""Prometheus in the demo's namespace, asked through the API server's Service proxy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from demo.commands import Kubectl
from demo.names import MANIFESTS, PROMETHEUS, PROMETHEUS_PORT, SYSTEM_NAMESPACE


@dataclass(frozen=True)
class Series:
    """One series of an instant query: its labels and its value."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that finds pods of ``kubectl``'s namespace and of the operator's by their annotations."""

    kubectl: Kubectl
    image: str
    system_namespace: str = SYSTEM_NAMESPACE

    def start(self) -> None:
        """Apply its manifests; ready when the Deployment is."""
        manifest = (MANIFESTS / "prometheus.yaml").read_text()
        values = {"IMAGE": self.image, "NAMESPACE": self.kubectl.namespace, "SYSTEM_NAMESPACE": self.system_namespace}
        for name, value in values.items():
            manifest = manifest.replace(f"${{{name}}}", value)
        self.kubectl.inside("").apply(manifest)

    def query(self, expression: str) -> list[Series]:
        """Evaluate an instant query; series without a number (NaN) are left out."""
        service = f"/api/v1/namespaces/{self.kubectl.namespace}/services/{PROMETHEUS}:{PROMETHEUS_PORT}/proxy"
        answer = self.kubectl.read_raw(f"{service}/api/v1/query?{urlencode({'query': expression})}")
        return parse(answer)


def parse(answer: Mapping[str, Any]) -> list[Series]:
    """Read the vector of an instant query's answer."""
    series = [Series(entry["metric"], float(entry["value"][1])) for entry in answer["data"]["result"]]
    return [entry for entry in series if not math.isnan(entry.value)]
