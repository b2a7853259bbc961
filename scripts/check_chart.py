#!/usr/bin/env python3
"""Check the chart and the examples: `helm lint`, and kubeconform against Kubernetes' schemas and our own CRDs'.

Schemas come from the package `kubernetes-validate` and from crds/, so that nothing is downloaded.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
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


def write_kubernetes_schemas(folder: Path) -> None:
    """Copy the schemas of Kubernetes' own kinds; their references, made for a server, become those of files."""
    source = (
        Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{KUBERNETES_VERSION}-local-strict"
    )
    for path in source.glob("*.json"):
        schema = json.loads(path.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
        schema.pop("$id", None)  # from which references would lead to a server
        (folder / path.name).write_text(json.dumps(schema))


def write_own_schemas(folder: Path) -> None:
    """Write a schema for every version of our CRDs, named as kubeconform looks for them."""
    standing = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    for path in sorted((CHECKOUT / "crds").glob("*.yaml")):
        for definition in filter(None, yaml.safe_load_all(path.read_text())):
            for version in definition["spec"]["versions"]:
                schema = closed(version["schema"]["openAPIV3Schema"])
                schema["properties"] |= standing
                names, group = definition["spec"]["names"], definition["spec"]["group"].partition(".")[0]
                (folder / f"{names['kind'].lower()}-{group}-{version['name']}.json").write_text(json.dumps(schema))


def renderings(helm: str) -> Iterator[tuple[str, str]]:
    """The chart as rendered with its defaults and with every file of values below ci/."""
    for values in [None, *sorted((CHART / "ci").glob("*.yaml"))]:
        options = ["--values", str(values)] if values else []
        command = [helm, "template", "weirkeeper", str(CHART), "--namespace", "weirkeeper-system", *options]
        rendered = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        yield (values.name if values else "defaults"), rendered


def refusals(manifests: Mapping[str, str]) -> list[str]:
    """What kubeconform finds wrong with manifests by name; empty when it accepts them all."""
    with tempfile.TemporaryDirectory() as folder:
        schemas, given = Path(folder) / "schemas", Path(folder) / "manifests"
        schemas.mkdir()
        given.mkdir()
        write_kubernetes_schemas(schemas)
        write_own_schemas(schemas)
        for name, text in manifests.items():
            (given / f"{name.replace('/', '+')}.yaml").write_text(text)
        location = str(schemas) + "/{{.ResourceKind}}{{.KindSuffix}}.json"
        command = [
            tool("kubeconform"),
            "-strict",
            "-schema-location",
            location,
            "-output",
            "json",
            "-summary",
            str(given),
        ]
        done = subprocess.run(command, text=True, capture_output=True, check=False)
        report = json.loads(done.stdout)
    found = [
        f"{Path(item['filename']).stem}: {item['kind']} {item['name']}: {item['msg']}" for item in report["resources"]
    ]
    checked = sum(report["summary"].values())
    return found if checked else ["kubeconform found nothing to check"]


def main() -> int:
    """Run every check, and say at the end whether all of them passed."""
    helm = tool("helm")
    subprocess.run([helm, "lint", "--strict", str(CHART)], check=True)
    manifests = {f"chart with {name}": text for name, text in renderings(helm)}
    for path in sorted([*(CHECKOUT / "examples").rglob("*.yaml"), *(CHECKOUT / "demo" / "manifests").rglob("*.yaml")]):
        manifests[str(path.relative_to(CHECKOUT))] = path.read_text()
    found = refusals(manifests)
    print("\n".join(found) or f"kubeconform: {len(manifests)} renderings and files accepted")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
