"""kubectl as a program, as the demo runs it, and beside it what a test reads often and waits for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import commands
from tests.harness.reading import reader
from tests.harness.waiting import eventually

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kubectl(commands.Kubectl):
    """kubectl for one kubeconfig and one namespace; objects are read by the API itself."""

    kubeconfig: Path
    namespace: str = "default"

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
