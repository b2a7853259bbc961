"""Nothing happens, so nothing is written."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.conftest import Files, Team, long_enough
from tests.e2e.operating import DEPLOYMENT, Operator
from tests.harness.waiting import eventually

pytestmark = pytest.mark.disruptive

IDLE_SECONDS = 75.0
"""In which a window of the Monitor ends, and the Lease is renewed many times."""
MONITOR = {
    "apiVersion": "weirkeeper.dev/v1alpha1",
    "kind": "Monitor",
    "metadata": {"name": "churn"},
    "spec": {"modelRef": {"name": "churn"}, "window": {"size": "1m"}},
}
WRITES = re.compile(r"^weirkeeper_writes_total\{(?P<labels>[^}]*)\} (?P<count>\S+)$", re.MULTILINE)


def test_an_idle_operator_writes_nothing_but_its_lease(team: Team, good: Files) -> None:
    operator = Operator(team.cluster)
    nothing_ends(team)
    team.kubectl.apply(MONITOR)
    team.serving(good)
    eventually("the Monitor's first window", lambda: first_window(team), timeout=180)
    process = operator.running()
    quiet = [writes(operator)]

    def settled() -> bool:
        long_enough(10)
        quiet.append(writes(operator))
        return quiet[-1] == quiet[-2]

    eventually("the last writes of the beginning", settled, timeout=120)
    before, versions, renewed = writes(operator), everything(team), lease(operator)
    assert {"Model/churn", "Rollout/churn", "Monitor/churn", "Deployment/weirkeeper-router"} <= versions.keys()
    long_enough(IDLE_SECONDS)
    assert everything(team) == versions
    assert writes(operator) == before
    assert operator.running() == process
    assert lease(operator) != renewed


def first_window(team: Team) -> object:
    """The window that the Monitor spoke of: from the first one on it is silent without rows."""
    return ((team.kubectl.get("monitor", "churn") or {}).get("status") or {}).get("lastWindow")


def nothing_ends(team: Team) -> None:
    """Wait until no namespace is being removed: the operator has work with those."""

    def ending() -> list[str]:
        found = team.kubectl.list("namespaces")
        return [item["metadata"]["name"] for item in found if item["status"]["phase"] == "Terminating"]

    eventually("former namespaces to be gone", lambda: not ending(), timeout=180, describe=ending)


def writes(operator: Operator) -> dict[str, float]:
    """What the operator wrote so far, by verb and kind, its Lease apart."""
    found = {match["labels"]: float(match["count"]) for match in WRITES.finditer(operator.metrics())}
    assert found, "the operator has written since it started, and must count that"
    return {labels: count for labels, count in found.items() if 'kind="Lease"' not in labels}


def everything(team: Team) -> dict[str, str]:
    """The resourceVersion of every object in the namespace."""
    kinds = team.kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    found = json.loads(team.kubectl("get", ",".join(kinds), "-o", "json"))["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in found}


def lease(operator: Operator) -> str:
    """The version of the operator's Lease, which changes with every renewal."""
    found = operator.kubectl.get("lease", DEPLOYMENT) or {}
    return str(found["metadata"]["resourceVersion"])
