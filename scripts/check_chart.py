#!/usr/bin/env python3
"""Check the chart and the examples: `helm lint`, and kubeconform against Kubernetes' schemas and our own CRDs'.

Schemas come from the package `kubernetes-validate` and from crds/, so that nothing is downloaded.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
CHART = CHECKOUT / "charts" / "weirkeeper"
KUBERNETES_VERSION = "1.36.0"


def tool(name: str) -> str:
    """The path of a program that the cluster's program builds and keeps."""
    command = [sys.executable, "-m", "tests.cluster", "tool", name]
    return subprocess.run(command, check=True, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True).stdout.strip()


def closed(schema: Any) -> Any:
    """The schema with unknown fields refused wherever fields are listed, as the API server's strict validation does."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    listed = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if listed and not schema.get("x-kubernetes-preserve-unknown-fields"):
        inner.setdefault("additionalProperties", False)
    return inner


def write_schemas(folder: Path) -> None:
    """Write a JSON schema for every version of our CRDs, named as kubeconform looks for them."""
    standing = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    for path in sorted((CHECKOUT / "crds").glob("*.yaml")):
        for definition in filter(None, yaml.safe_load_all(path.read_text())):
            for version in definition["spec"]["versions"]:
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= standing
                kind = definition["spec"]["names"]["kind"].lower()
                (folder / f"{kind}-{version['name']}.json").write_text(json.dumps(schema))


def renderings(helm: str) -> Iterator[tuple[str, str]]:
    """The chart as rendered with its defaults and with every file of values below ci/."""
    for values in [None, *sorted((CHART / "ci").glob("*.yaml"))]:
        options = ["--values", str(values)] if values else []
        command = [helm, "template", "weirkeeper", str(CHART), "--namespace", "weirkeeper-system", *options]
        rendered = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        yield (values.name if values else "defaults"), rendered


def conform(kubeconform: str, schemas: Path, what: str, manifests: str) -> bool:
    """Whether kubeconform accepts the manifests; what it finds is printed."""
    local = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{KUBERNETES_VERSION}-local"
    locations = [
        str(local) + "{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json",
        str(schemas) + "/{{.ResourceKind}}-{{.ResourceAPIVersion}}.json",
    ]
    options = [option for location in locations for option in ("-schema-location", location)]
    command = [kubeconform, "-strict", "-summary", *options, "-"]
    done = subprocess.run(command, input=manifests, text=True, capture_output=True, check=False)
    print(f"{what}: {(done.stdout + done.stderr).strip()}")
    return done.returncode == 0


def main() -> int:
    """Run every check, and say at the end whether all of them passed."""
    helm, kubeconform = tool("helm"), tool("kubeconform")
    subprocess.run([helm, "lint", "--strict", str(CHART)], check=True)
    manifests = list(renderings(helm))
    examples = sorted([*(CHECKOUT / "examples").rglob("*.yaml"), *(CHECKOUT / "demo" / "manifests").rglob("*.yaml")])
    manifests += [(str(path.relative_to(CHECKOUT)), path.read_text()) for path in examples]
    with tempfile.TemporaryDirectory() as folder:
        write_schemas(Path(folder))
        accepted = [conform(kubeconform, Path(folder), *item) for item in manifests]
    return 0 if all(accepted) else 1


if __name__ == "__main__":
    sys.exit(main())
