"""The operator's settings file, and what its pod is told by the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from weirkeeper.api.errors import InvalidSettings
from weirkeeper.api.names import OPERATOR_PORT
from weirkeeper.api.settings import Settings
from weirkeeper.runtime.errors import Unusable

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class OperatorOptions:
    """One operator process: its settings, the namespace and name of its Lease, its own name, and its port."""

    settings: Settings
    namespace: str
    pod: str
    lease: str = "weirkeeper-operator"
    port: int = OPERATOR_PORT
    resync_seconds: float = 300.0


def load_settings(path: Path) -> Settings:
    """Read the settings file that the chart makes; the default Rollout in it is checked too.

    Raises:
        Unusable: there is no such file, or the settings in it will not do.
    """
    try:
        return Settings.from_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"settings file {path} cannot be read: {error}; give its path with --settings") from error
    except InvalidSettings as error:
        raise Unusable(f"settings file {path}: {error}") from error


def own_namespace(given: str | None) -> str:
    """The namespace of this process: as given, else of its pod.

    Raises:
        Unusable: neither says it.
    """
    found = given or os.environ.get("POD_NAMESPACE")
    if not found and NAMESPACE_FILE.exists():
        found = NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    if not found:
        raise Unusable("the namespace is not known; give --namespace or set POD_NAMESPACE")
    return found


def own_name() -> str:
    """The name of this process's pod, or of its machine."""
    return os.environ.get("POD_NAME") or os.uname().nodename
