"""Gates that ask others: a number of a Prometheus, and a Job of the team's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from demo.prometheus import Prometheus
from tests.e2e.conftest import Team
from tests.harness import clusters
from tests.harness.clusters import MEASURES_NAMESPACE, SYSTEM_NAMESPACE
from tests.harness.kubectl import Object

ERRORS = {"name": "errors", "errorRate": {}}
OWN = {"name": "own", "job": {"cronJobRef": {"name": "check"}}}
SHARE = 'weirkeeper_traffic_weight_ratio{namespace="{{namespace}}",model="{{model}}",revision="{{candidate}}"}'


def share(most: str) -> Mapping[str, Any]:
    """A gate that fails where the candidate gets more of the traffic than that."""
    return {"name": "share", "promQL": {"query": f"max({SHARE})", "max": most}}


def check(image: str, code: int) -> dict[str, Any]:
    """A team's check that ends with `code`, if it was told of whom."""
    script = f"import os, sys; print(os.environ['WEIRKEEPER_REASON']); sys.exit({code})"
    container = {
        "name": "check",
        "image": image,
        "command": ["python3", "-c", script],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"restartPolicy": "Never", "securityContext": security, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "check", "labels": {"weirkeeper.dev/gate": "true"}},
        "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


@contextmanager
def prometheus(team: Team) -> Iterator[None]:
    """The Prometheus that the chart names: it scrapes the operator."""
    clusters.create_namespace(team.cluster.kubectl, MEASURES_NAMESPACE)
    found = Prometheus(team.kubectl.inside(MEASURES_NAMESPACE), team.cluster.images["prometheus"], SYSTEM_NAMESPACE)
    found.start()
    try:
        yield
    finally:
        team.kubectl.inside(SYSTEM_NAMESPACE).delete("rolebinding", f"{MEASURES_NAMESPACE}-prometheus")
        team.cluster.kubectl.delete("namespace", MEASURES_NAMESPACE, wait=False)


def jobs(team: Team) -> list[Object]:
    """Jobs that were made for the Model."""
    return team.kubectl.list("jobs", "weirkeeper.dev/model=churn")


def ended(job: Object) -> bool:
    """Whether a Job came to an end, whatever end."""
    conditions = (job.get("status") or {}).get("conditions", ())
    return any(one["type"] in {"Complete", "Failed"} and one["status"] == "True" for one in conditions)
