"""What kubelet asks a container of a model's pod for its health, and when it starts one again."""

from __future__ import annotations

from typing import Any

from weirkeeper.api import names

START_SECONDS = 1800
"""So long a container may take until it is live for the first time: then it is started again."""

START_PERIOD = 2


def health(live: str, ready: str, port: str) -> dict[str, Any]:
    """The probes of a container that answers at the routes `live` and `ready` of its port of that name.

    It is live while it loads. Only one that was live once and then is not for a minute is started again: a process
    may take long to begin where its CPU is scarce.
    """
    alive, served = ({"path": path, "port": port} for path in (live, ready))
    started = {"periodSeconds": START_PERIOD, "timeoutSeconds": 5, "failureThreshold": START_SECONDS // START_PERIOD}
    return {
        "startupProbe": {"httpGet": alive, **started},
        "readinessProbe": {"httpGet": served, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {"httpGet": alive, "periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 6},
    }


def served_health(model: str) -> dict[str, Any]:
    """The probes of a server that speaks the Open Inference Protocol, for `model`."""
    return health("/v2/health/live", f"/v2/models/{model}/ready", names.HTTP_PORT_NAME)
