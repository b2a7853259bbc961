"""A Model that serves under live traffic while something bad is tried on it: nothing that serves may be touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from demo.errors import CommandError
from demo.load import describe_failures
from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, traffic_of
from tests.harness import clusters
from tests.harness.clusters import Cluster
from tests.harness.waiting import eventually

TOLD_WITHIN = 30.0
"""Seconds from what the cluster knows to the condition that says it."""
KNOWN_WITHIN = 120.0
RATE = 10.0
CLUSTERS_OWN = {"ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"}


@dataclass(frozen=True)
class Serving:
    """The Model churn with a healthy first revision, `first`, which answers live traffic."""

    team: Team
    traffic: Traffic
    first: str

    def apply(self, spec: Mapping[str, Any]) -> None:
        """Apply the Model with another spec."""
        self.team.kubectl.apply(models.model_of(spec))

    def turned_down(self, spec: Mapping[str, Any], reason: str, *words: str) -> None:
        """Apply a spec that nobody can serve: the conditions say why in time, and the first revision serves on."""
        before = self.what_serves()
        self.apply(spec)
        candidate = eventually("a verdict on the spec", self._candidate_or_reason, timeout=TOLD_WITHIN)
        if candidate != reason:
            eventually(f"{reason} is known", lambda: self._known(candidate), timeout=KNOWN_WITHIN, describe=self._pods)
        told = eventually(reason, lambda: self.told(reason), timeout=TOLD_WITHIN, describe=self.conditions)
        for word in words:
            assert word in told, f"{reason} says: {told}"
        self.still_serves(before)

    def told(self, reason: str) -> str | None:
        """The message of the condition Stalled, once it has the reason and Current tells the same."""
        team = self.team
        current = f"{team.reason('Current')}: {team.message('Current')}"
        return team.message("Stalled") if team.reason("Stalled") == reason and reason in current else None

    def conditions(self) -> object:
        """All conditions, and what the pods say."""
        return self.team.status().get("conditions"), self._pods()

    def _candidate_or_reason(self) -> str | None:
        """The candidate of the spec, or the reason why the spec has none."""
        found = self.team.kubectl.get("model", "churn") or {}
        status = found.get("status", {})
        if status.get("observedGeneration") != found["metadata"]["generation"]:
            return None
        candidate: str | None = status.get("candidate", {}).get("revision")
        return candidate or self.team.reason("Stalled")

    def _known(self, revision: str) -> bool:
        pods = self.team.kubectl.list("pods", f"weirkeeper.dev/revision={revision}")
        return any(_is_known(pod) or self._server_failed(pod) for pod in pods)

    def _server_failed(self, pod: Mapping[str, Any]) -> bool:
        address = pod["status"].get("podIP")
        if not address:
            return False
        try:
            evidence = self.team.cluster.run_inside("curl", "-sS", "-m", "5", f"http://{address}:8081/evidence")
        except CommandError:
            return False
        return bool(json.loads(evidence)["state"] == "Failed")

    def _pods(self) -> object:
        return [
            (pod["metadata"]["name"], pod["status"].get("conditions"), pod["status"].get("initContainerStatuses"))
            for pod in self.team.kubectl.list("pods", "weirkeeper.dev/component=model")
        ]

    def what_serves(self) -> dict[str, Any]:
        """Everything that a request passes through, so that a change of it shows."""
        kubectl = self.team.kubectl
        deployments = [kubectl.get("deployment", name) or {} for name in (self.first, "weirkeeper-router")]
        pods = [
            *kubectl.list("pods", f"weirkeeper.dev/revision={self.first}"),
            *kubectl.list("pods", "weirkeeper.dev/component=router"),
        ]
        service = kubectl.get("service", "churn") or {}
        return {
            "deployments": [(item["metadata"]["uid"], item["metadata"]["generation"]) for item in deployments],
            "pods": {pod["metadata"]["uid"]: _restarts(pod) for pod in pods},
            "service": (service["metadata"]["uid"], service["metadata"]["resourceVersion"]),
            "traffic": [share for share in self.team.status()["traffic"] if share["weight"]],
        }

    def still_serves(self, before: Mapping[str, Any]) -> None:
        """Check that nothing that serves was touched, and that the first revision alone answered every request."""
        assert self.what_serves() == before
        code, body = self.team.ask(models.request())
        assert code == 200, body
        assert json.loads(body)["model_version"] == self.first
        counts = self.traffic.counts()
        assert counts.failed() == 0, describe_failures(counts, None)
        assert set(counts.revisions) == {self.first}

    def restore(self) -> None:
        """Go back to the spec of the first revision."""
        self.team.model("churn-1")
        eventually("the first revision is current", self._is_current, timeout=60, describe=self.conditions)

    def _is_current(self) -> bool:
        status = self.team.status()
        return self.team.reason("Current") == "Promoted" and not status.get("candidate")


def _is_known(pod: Mapping[str, Any]) -> bool:
    """Whether the pod's status says already why it cannot serve."""
    status = pod["status"]
    if any(one["type"] == "PodScheduled" and one["status"] == "False" for one in status.get("conditions", ())):
        return True
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        ended = container["state"].get("terminated") or container.get("lastState", {}).get("terminated") or {}
        if ended.get("exitCode") or container["state"].get("waiting", {}).get("reason") in CLUSTERS_OWN:
            return True
    return False


def _restarts(pod: Mapping[str, Any]) -> int:
    return sum(container["restartCount"] for container in pod["status"].get("containerStatuses", ()))


@contextmanager
def serving(
    cluster: Cluster, namespace: str, good: Files, prepare: Callable[[Team], None] = lambda _: None
) -> Iterator[Serving]:
    """Bring a first revision to health in a namespace of this name, and send it live traffic."""
    clusters.create_namespace(cluster.kubectl, namespace)
    try:
        team = Team(cluster, cluster.kubectl.inside(namespace))
        prepare(team)
        first = team.serving(good)
        traffic = traffic_of(team)
        traffic.load.control(rate=RATE, running=True)
        yield Serving(team, traffic, first)
    finally:
        if not clusters.keep():
            cluster.kubectl.delete("namespace", namespace, wait=False)
