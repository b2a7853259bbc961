"""What the end-to-end tests share: bundles, a team's namespace, and live traffic that counts what it is answered."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from demo.load import Counts, Load, describe_failures
from tests.e2e import models
from tests.harness.clusters import Cluster
from tests.harness.kubectl import Kubectl
from tests.harness.sharing import made_once
from tests.harness.waiting import eventually

Files = Mapping[str, str]


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A bundle as one would make it."""
    return _shared(tmp_path_factory, models.good)


@pytest.fixture(scope="session")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A bundle whose input has another name."""
    return _shared(tmp_path_factory, models.renamed)


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A bundle of a model that is many times slower."""
    return _shared(tmp_path_factory, models.slow)


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A bundle of a model that fails on the drifted rows."""
    return _shared(tmp_path_factory, models.narrow)


def _shared(factory: pytest.TempPathFactory, make: Callable[[], Files]) -> Files:
    made: Files = made_once(factory, make.__name__, lambda: dict(make()))
    return made


@dataclass(frozen=True)
class Team:
    """A team in its namespace, with one Model called churn."""

    cluster: Cluster
    kubectl: Kubectl

    def artifact(self, name: str, files: Files) -> None:
        """Put a bundle where the Model finds it."""
        self.kubectl.apply(models.config_map(name, files))

    def model(self, artifact: str, **spec: Any) -> None:
        """Apply the Model with this artifact."""
        self.kubectl.apply(models.model(artifact, **spec))

    def status(self) -> dict[str, Any]:
        """The Model's status."""
        found = self.kubectl.get("model", "churn") or {}
        status: dict[str, Any] = found.get("status", {})
        return status

    def reason(self, condition: str) -> str:
        """The reason of one of the Model's conditions."""
        found = [item for item in self.status().get("conditions", ()) if item["type"] == condition]
        return str(found[0]["reason"]) if found else ""

    def message(self, condition: str) -> str:
        """The message of one of the Model's conditions."""
        found = [item for item in self.status().get("conditions", ()) if item["type"] == condition]
        return str(found[0]["message"]) if found else ""

    def wait_phase(self, *phases: str, timeout: float = 240) -> dict[str, Any]:
        """The Model's status once its phase is one of these."""

        def reached() -> dict[str, Any] | None:
            status = self.status()
            return status if status.get("phase") in phases else None

        return eventually(f"phase {' or '.join(phases)}", reached, timeout=timeout, describe=self.brief)

    def wait_outcome(self, revision_not: str, timeout: float = 420) -> dict[str, Any]:
        """The latest attempt once it ended, for a revision other than `revision_not`."""

        def ended() -> dict[str, Any] | None:
            attempts = self.status().get("attempts", [])
            last: dict[str, Any] = attempts[-1] if attempts else {}
            return last if last.get("outcome") and last["revision"] != revision_not else None

        return eventually("the end of the attempt", ended, timeout=timeout, describe=self.brief)

    def brief(self) -> dict[str, Any]:
        """What of the status explains where the attempt stands."""
        kept = ("phase", "step", "message", "candidate", "traffic", "decision", "applied", "gates", "heldFor")
        status = self.status()
        return {key: status[key] for key in kept if key in status}

    def serving(self, files: Files, **spec: Any) -> str:
        """Bring a first revision to health and give its name."""
        self.artifact("churn-1", files)
        self.kubectl.apply(models.rollout())
        self.model("churn-1", **spec)
        self.kubectl.wait_condition("model", "churn", "Ready", timeout=240)
        return str(self.wait_phase("Healthy")["stable"]["revision"])

    def events(self) -> list[str]:
        """Reasons of the Model's Events, in the order in which they were written."""
        found = self.kubectl.list("events.events.k8s.io")
        ours = [item for item in found if item.get("regarding", {}).get("name") == "churn"]
        return [item["reason"] for item in sorted(ours, key=lambda item: item.get("eventTime") or "")]

    def pods(self, revision: str) -> set[str]:
        """UIDs of a revision's pods."""
        found = self.kubectl.list("pods", f"weirkeeper.dev/revision={revision}")
        return {pod["metadata"]["uid"] for pod in found}

    def revisions(self, requests: int, **headers: str) -> Counter[str]:
        """Which revisions answer so many requests of one caller, each on a connection like the others."""
        options = [part for name, value in headers.items() for part in ("-H", f"{name.replace('_', '-')}: {value}")]
        answer = self.cluster.run_inside(
            *("curl", "-sS", "-m", "60", "-o", "/dev/null", "-w", "%header{x-weirkeeper-revision}\\n", *options),
            *("-H", "Content-Type: application/json", "-d", models.request()),
            f"http://churn.{self.kubectl.namespace}.svc/v2/models/churn/infer?[1-{requests}]",
        )
        return Counter(answer.split())

    def ask(self, body: str, path: str = "/v2/models/churn/infer", **headers: str) -> tuple[int, str]:
        """One request to the Model's Service from inside the cluster's network: status code and body."""
        target = f"http://churn.{self.kubectl.namespace}.svc{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items() if value}
        options = [part for name, value in given.items() for part in ("-H", f"{name}: {value}")]
        answer = self.cluster.run_inside(
            *("curl", "-sS", "-m", "20", "-w", "\n%{http_code}", "-H", "Content-Type: application/json"),
            *options,
            *("-d", body, target),
        )
        text, _, code = answer.rpartition("\n")
        return int(code), text


@dataclass(frozen=True)
class Traffic:
    """Live traffic to the Model, and what came back."""

    load: Load

    def counts(self) -> Counts:
        """What was answered so far."""
        return self.load.counts()

    def settle(self) -> Counts:
        """Stop, and wait until every request has its outcome."""
        self.load.control(running=False)

        def landed() -> Counts | None:
            counts = self.load.counts()
            return counts if counts.in_flight == 0 else None

        return eventually("the last answers", landed, timeout=60)

    def nothing_lost(self, apart_from: str | None = None) -> Counts:
        """Stop and check that no request failed but those that `apart_from` answered."""
        counts = self.settle()
        assert counts.failed(apart_from) == 0, describe_failures(counts, apart_from)
        assert counts.finished > 0
        return counts


@pytest.fixture
def team(cluster: Cluster, namespace: Kubectl) -> Team:
    """A team with a namespace of its own."""
    return Team(cluster, namespace)


@pytest.fixture
def traffic(team: Team) -> Traffic:
    """A load generator in the team's namespace; it sends once the test sets a rate."""
    return traffic_of(team)


def traffic_of(team: Team, rows: str | None = None) -> Traffic:
    """Start a load generator that sends nothing yet."""
    load = Load(team.kubectl, team.cluster.images["server"], "http://churn/v2/models/churn/infer")
    # So slow that it sends nothing until it is told to stop: the Model's Service need not be there yet.
    load.start(rows or models.rows(), rate=0.001)
    load_ready(team)
    load.control(rate=1, running=False)
    return Traffic(load)


def load_ready(team: Team) -> None:
    """Wait for the load generator's pod."""
    team.kubectl("wait", "pod", "-l", "app.kubernetes.io/name=load", "--for=condition=Ready", "--timeout=180s")


def long_enough(seconds: float) -> None:
    """Let a stated time pass in which something must not happen."""
    time.sleep(seconds)
