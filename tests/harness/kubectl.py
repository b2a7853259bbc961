"""kubectl and helm as programs: the tests do what a reader can do by hand."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tests.harness.reading import Refused, reader
from tests.harness.waiting import eventually

Object = dict[str, Any]


def run(command: list[str], *, stdin: str | None = None, timeout: float = 120) -> str:
    """The standard output of a program; Refused with its standard error when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one kubeconfig and one namespace."""

    kubeconfig: Path
    namespace: str = "default"

    def inside(self, namespace: str) -> Self:
        return replace(self, namespace=namespace)

    def command(self, *arguments: str) -> list[str]:
        program = Path(sys.executable).parent / "kubectl"
        return [str(program), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        return run(self.command(*arguments), stdin=stdin, timeout=timeout)

    def apply(self, *manifests: Object) -> str:
        """Apply manifests as a user would, on the server's side."""
        body = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        return self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=body)

    def get(self, kind: str, name: str) -> Object | None:
        """The object, or None when there is none."""
        return reader(self.kubeconfig).object(kind, name, self.namespace)

    def list(self, kind: str, selector: str = "") -> list[Object]:
        """The objects of a kind in the namespace."""
        return reader(self.kubeconfig).objects(kind, self.namespace, selector)

    def delete(self, kind: str, name: str, *, wait: bool = True) -> None:
        self("delete", kind, name, "--ignore-not-found", f"--wait={str(wait).lower()}")

    def wait_condition(
        self, kind: str, name: str, condition: str, status: str = "True", timeout: float = 180
    ) -> Object:
        """The object once its condition has the status; the failure shows its last conditions."""

        def holds() -> Object | None:
            found = self.get(kind, name)
            conditions = (found or {}).get("status", {}).get("conditions", [])
            fits = any(item["type"] == condition and item["status"] == status for item in conditions)
            return found if fits else None

        def describe() -> object:
            return ((self.get(kind, name) or {}).get("status") or {}).get("conditions")

        return eventually(f"{kind}/{name} {condition}={status}", holds, timeout=timeout, describe=describe)
