"""Models that come up otherwise: of ONNX, from a claim, as a service account of the team's, and slowly."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from demo.errors import CommandError
from tests.e2e import models, volumes
from tests.e2e.conftest import Files, Team
from tests.e2e.containers import golden
from tests.harness import clusters
from tests.harness.clusters import Cluster
from tests.harness.kubectl import Kubectl
from tests.harness.waiting import eventually

LOADING = 60
ACCOUNT = "model-reader"
ALLOWED = {"weirkeeper.dev/allowed-for-models": "true"}
MODEL = "/model/model.skops"
WHERE = f"import os; file = os.stat('{MODEL}'); print(file.st_dev, file.st_ino, os.readlink('{MODEL}'))"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.fixture(scope="module")
def team(cluster: Cluster, good: Files) -> Iterator[Team]:
    """A team with four Models, which come up side by side while the tests look at one after the other."""
    namespace = f"artifacts-{int(time.time()) % 100_000}"
    clusters.create_namespace(cluster.kubectl, namespace)
    kubectl = cluster.kubectl.inside(namespace)
    team = Team(cluster, kubectl)
    try:
        team.artifact("churn-1", good)
        team.artifact("converted", models.converted())
        kubectl.apply(
            account({}),
            models.model_of({"server": slow_server(cluster), "probe": [golden(answer=0)]}),
            models.model("churn-1", name="identified", server={"serviceAccountName": ACCOUNT}),
            models.model("converted", name="converted"),
        )
        with volumes.filled(cluster, kubectl, good) as uri:
            kubectl.apply(models.model_of({"artifact": {"uri": uri}, "server": {"replicas": 2}}, name="claimed"))
            yield team
    finally:
        if not clusters.keep():
            kubectl.delete("namespace", namespace, wait=False)


def slow_server(cluster: Cluster) -> dict[str, Any]:
    """The KServe SDK's server, after the work of a minute that keeps it from listening."""
    start = f"sleep {LOADING}; exec /opt/kserve/bin/python /serve.py"
    return {"runtime": "Container", "image": cluster.images["kserve"], "command": ["sh", "-c", start]}


def account(labels: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "labels": labels}}


def revision(kubectl: Kubectl, name: str) -> str:
    """The stable revision of a Model, once it is ready."""
    ready = kubectl.wait_condition("model", name, "Ready", timeout=240)
    return str(ready["status"]["stable"]["revision"])


def answer(team: Team, name: str, columns: Sequence[str] = models.COLUMNS) -> dict[str, Any]:
    """What a Model answers to the first row."""

    def asked() -> str | None:
        code, body = team.ask(models.request(columns=columns), path=f"/v2/models/{name}/infer", host="gateway.example")
        return body if code == 200 else None

    found: dict[str, Any] = json.loads(eventually("an answer", asked, timeout=60))
    return found


def test_pods_run_as_a_service_account_once_its_owner_allows_it(team: Team) -> None:
    kubectl = team.kubectl
    stalled = kubectl.wait_condition("model", "identified", "Stalled", timeout=60)
    told = {one["type"]: one for one in stalled["status"]["conditions"]}
    assert told["Stalled"]["reason"] == "ServiceAccountNotAllowed"
    assert not kubectl.list("pods", "weirkeeper.dev/model=identified")
    kubectl.apply(account(ALLOWED))
    stable = revision(kubectl, "identified")
    (pod,) = kubectl.list("pods", f"weirkeeper.dev/revision={stable}")
    assert pod["spec"]["serviceAccountName"] == ACCOUNT
    # By account and label the webhook of a cloud knows which pods are to have an identity there.
    assert pod["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    with pytest.raises(CommandError, match="No such file"):
        inside(kubectl, pod, "cat", TOKEN)
    assert answer(team, "identified")["model_version"] == stable


def test_an_onnx_model_gives_the_answers_of_what_it_was_converted_from(team: Team) -> None:
    stable = revision(team.kubectl, "converted")
    told = answer(team, "converted", models.ONNX_COLUMNS)
    assert told["model_version"] == stable
    own = answer(team, "identified")
    label, probabilities = told["outputs"]
    assert label["data"] == own["outputs"][0]["data"]
    assert probabilities["data"] == pytest.approx(own["outputs"][1]["data"], abs=1e-5)


def test_two_pods_of_a_node_serve_the_one_copy_in_a_claim(team: Team) -> None:
    kubectl = team.kubectl
    stable = revision(kubectl, "claimed")
    pods = eventually("two ready pods", lambda: both(kubectl, stable), timeout=120)
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 1
    # One file, of one volume, for both: in neither pod is there a copy of it.
    files = {inside(kubectl, pod, "python3", "-c", WHERE) for pod in pods}
    assert len(files) == 1, files
    assert files.pop().split()[2].startswith("/artifact/")
    assert answer(team, "claimed")["model_version"] == stable


def test_a_model_that_is_a_minute_in_loading_is_not_ended(team: Team) -> None:
    stable = revision(team.kubectl, "churn")
    (pod,) = team.kubectl.list("pods", f"weirkeeper.dev/revision={stable}")
    (server,) = (one for one in pod["status"]["containerStatuses"] if one["name"] == "server")
    assert seconds_to_ready(pod, server) >= LOADING - 1
    assert server["restartCount"] == 0
    assert answer(team, "churn")["outputs"][0]["data"] == [0]


def both(kubectl: Kubectl, stable: str) -> list[dict[str, Any]] | None:
    """The pods of a revision, once two are ready."""
    ready = [pod for pod in kubectl.list("pods", f"weirkeeper.dev/revision={stable}") if is_ready(pod)]
    return ready if len(ready) == 2 else None


def is_ready(pod: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))


def seconds_to_ready(pod: dict[str, Any], server: dict[str, Any]) -> float:
    """How long the pod was not ready after its server had started; both times are whole seconds."""
    (ready,) = (one["lastTransitionTime"] for one in pod["status"]["conditions"] if one["type"] == "Ready")
    started = server["state"]["running"]["startedAt"]
    return (datetime.fromisoformat(ready) - datetime.fromisoformat(started)).total_seconds()


def inside(kubectl: Kubectl, pod: dict[str, Any], *command: str) -> str:
    """What a program prints in a pod's server container."""
    return kubectl("exec", pod["metadata"]["name"], "-c", "server", "--", *command)
