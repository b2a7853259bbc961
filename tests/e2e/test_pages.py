"""The pages that need a cluster, followed block by block by one team in one namespace with one Model.

The tutorial makes the Model `diagnosis` and its traffic; the other pages, which speak of a Model `churn`, are followed
with that one. Holds of minutes last seconds here, and gates judge errors alone where a verdict is waited for: that
latency is judged, others show.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from tests.harness.clusters import Cluster
from tests.harness.following import Follower, Page
from tests.harness.kubectl import Kubectl
from tests.harness.pages import ROOT, run_by
from tests.harness.waiting import eventually
from tests.unit.docs import churn
from tests.unit.plugin.test_why import Prometheus

NAMESPACE: Final = "first-canary"
MODEL: Final = "diagnosis"
QUICK: Final = "\n  gates: [{name: errors, errorRate: {}}]"
MONITOR: Final = {
    "apiVersion": "weirkeeper.dev/v1alpha1",
    "kind": "Monitor",
    "metadata": {"name": MODEL},
    "spec": {
        "modelRef": {"name": MODEL},
        "window": {"size": "1m", "minRows": 50},
        # The tutorial asks about the same row again and again, which drifts as far as anything can.
        "inputs": {"delta": "10"},
    },
}


@dataclass(frozen=True)
class Team:
    """The one that follows the pages: its kubectl, and what it has otherwise than the pages."""

    reader: Follower
    kubectl: Kubectl
    ports: tuple[int, int]

    def open(self, page: str, **says: str) -> Page:
        """Begin with a page; `churn` is called diagnosis here."""
        forwarded = {"localhost:8080": f"localhost:{self.ports[0]}", " 8080:80": f" {self.ports[0]}:80"}
        return replace(self.reader, says=says | forwarded).open(page)

    def about_churn(self, page: str, says: Mapping[str, str] | None = None) -> Page:
        """Begin with a page that speaks of the Model churn in the namespace team-a."""
        return self.open(page, **(says or {}), churn=MODEL, **{"team-a": NAMESPACE, "by admin": f"by {self.user()}"})

    def user(self) -> str:
        """Whom the API server takes this team for."""
        return str(json.loads(self.kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]["username"])

    def status(self) -> dict[str, Any]:
        """The Model's status."""
        status: dict[str, Any] = (self.kubectl.get("model", MODEL) or {}).get("status", {})
        return status

    def wait_phase(self, *phases: str) -> None:
        """Wait until the Model is in one of these phases."""
        eventually(" or ".join(phases), lambda: self.status().get("phase") in phases, timeout=180, describe=self.status)

    def upload(self, bundle: str, name: str) -> None:
        """Give a bundle of the tutorial another name, and so a new revision."""
        self.reader.run(f"kubectl create configmap {name} --from-file={bundle}")

    def serve(self, name: str) -> None:
        """Have the spec name a bundle."""
        spec = json.dumps({"spec": {"artifact": {"uri": f"configmap://{name}"}}})
        self.kubectl("patch", "model", MODEL, "--type", "merge", "--patch", spec)


@pytest.fixture
def team(cluster: Cluster, tmp_path: Path) -> Iterator[Team]:
    """A team with a checkout, a copy of the kubeconfig, and files of its own."""
    for entry in ROOT.iterdir():
        if not entry.name.startswith((".", "build")):
            (tmp_path / entry.name).symlink_to(entry)
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(cluster.kubectl.kubeconfig, kubeconfig)
    cluster.kubectl.delete("namespace", NAMESPACE)
    first, second = free_ports()
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "http_proxy": f"http://127.0.0.1:{first}",
        "no_proxy": "localhost,127.0.0.1",
    }
    reader = Follower("cluster", tmp_path, environment)
    churn.months(tmp_path)
    try:
        yield Team(reader, cluster.kubectl.inside(NAMESPACE), (first, second))
    finally:
        reader.close()
        cluster.kubectl.delete("namespace", NAMESPACE, wait=False)


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def test_the_pages_work_as_they_stand(team: Team) -> None:
    tutorial = team.open("docs/tutorial/first-canary.md", **TUTORIAL)
    first_canary(team, tutorial)
    rolled_back = team.about_churn("docs/how-to/read-a-roll-back.md", {"configmap://churn-": "configmap://diagnosis-v"})
    rolled_back.through("weirkeeper.dev/retry")
    team.reader.run(f"kubectl weirkeeper abort {MODEL}")
    tutorial.through("--timeout=1m")
    what_serves(team)
    rolled_back.rest()
    team.wait_phase("RolledBack")
    a_pipeline(team)
    what_is_shown(team)
    an_alpha_cohort(team)
    the_readme(team)
    tutorial.rest()
    left = {str(fence) for fence in run_by("cluster") if fence.text not in DONE_BEFORE} - team.reader.done
    assert left == set()


TUTORIAL: Final = {
    "hold: 1m": "hold: 5s",
    "bakeTime: 1m": f"bakeTime: 5s{QUICK}",
    "seq 50); do": "seq 50); do sleep 0.01",  # a machine with two cores has more to do than to ask
    "delete namespace first-canary": "delete namespace first-canary --wait=false",
}
DONE_BEFORE: Final = frozenset({"python examples/first-model/train.py diagnosis-v1\n"})
"""What two pages say in the same words is done once."""


def first_canary(team: Team, tutorial: Page) -> None:
    """The tutorial up to where the broken version is rolled back."""
    tutorial.through("kubectl apply -f diagnosis.yaml")
    team.kubectl.apply(MONITOR)
    tutorial.through("while true")
    team.wait_phase("Healthy")
    tutorial.through("diagnosis-v2", until=r"Progressing[\s\S]*Healthy")
    tutorial.through(".status.gates[*]")
    assert "mean radius is gone" in tutorial.through("diagnosis-v3")
    tutorial.through("allowSignatureChange", until="RolledBack")
    assert "gate errors failed" in tutorial.through("attempts[-1:]")


def what_serves(team: Team) -> None:
    """Pages that only look, while the spec's revision is in production."""
    model = team.about_churn("docs/reference/model.md")
    model.through("kubectl get models ")
    model.rest()
    team.reader.run(f"kubectl scale model {MODEL} --replicas=1")
    team.about_churn("docs/reference/conditions-and-reasons.md").rest()
    team.about_churn("docs/how-to/install.md").rest()
    labels_come_back(team)


def labels_come_back(team: Team) -> None:
    """Two answers of two rows each are labelled, by the file, by Python and by curl."""
    request = json.loads((team.reader.folder / "request.json").read_text())
    for tensor in request["inputs"]:
        tensor.update(shape=[2], data=tensor["data"] * 2)
    (team.reader.folder / "request.json").write_text(json.dumps(request))
    asked = f"curl --silent http://{MODEL}/v2/models/{MODEL}/infer --data @request.json"
    tokens = [json.loads(team.reader.run(asked))["parameters"]["feedback_token"] for _ in range(4)]
    says = {"AUF2…": tokens[0], "AQ9c…": tokens[1], "stay": "benign", "leave": "malignant"}
    team.reader.known.update(tokens=tokens[2:], labels=["benign", None], values=[1.0, 2.0])
    page = team.about_churn("docs/how-to/send-labels-back.md", says)
    page.through("receipt")
    assert (team.reader.known["receipt"].counted, team.reader.known["receipt"].refused) == (2, {})
    page.rest()


def a_pipeline(team: Team) -> None:
    """A release waits for its approval, is aborted all the same, and is promoted after a retry."""
    team.upload("diagnosis-v2", "diagnosis-2")
    says = {"hold: 10m": "hold: 5s", "hold: 30m}": f"hold: 5s}}\n  bakeTime: 1m{QUICK}"}
    page = team.about_churn("docs/how-to/approve-in-a-pipeline.md", says)
    page.through("kubectl weirkeeper abort")
    team.reader.run(f"kubectl weirkeeper retry {MODEL}; kubectl weirkeeper promote {MODEL}")
    page.rest()


def what_is_shown(team: Team) -> None:
    """Pages of which no command changes what serves."""
    for page in ("docs/reference/rollout.md", "docs/reference/monitor.md", "docs/how-to/watch-drift.md"):
        team.about_churn(page).rest()
    team.about_churn("docs/how-to/retrain-on-drift.md").rest()
    report = team.about_churn("docs/how-to/read-the-report.md")
    report.through("weirkeeper drift", statuses=(3,))
    report.rest()
    assert "<html" in (team.reader.folder / "report.html").read_text()
    why_it_ails(team)
    (team.reader.folder / "key.json").write_text("{}")
    team.kubectl("create", "serviceaccount", "model-reader")
    team.about_churn("docs/how-to/use-object-storage.md").rest()


def why_it_ails(team: Team) -> None:
    """Whatever is found: the tutorial's one row makes no world."""
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    Thread(target=server.serve_forever, daemon=True).start()
    page = team.about_churn("docs/how-to/find-out-why.md", {"localhost:9090": f"127.0.0.1:{server.server_port}"})
    try:
        for words in ("kubectl weirkeeper why", "--prometheus"):
            page.through(words, statuses=(0, 1, 3))
        page.rest()
    finally:
        server.shutdown()
        server.server_close()


def an_alpha_cohort(team: Team) -> None:
    """Copies first, then a caller of the cohort; both are ended by hand."""
    page = team.about_churn("docs/how-to/run-an-alpha-cohort.md")
    page.through("kubectl apply -f rollout.yaml")
    team.upload("diagnosis-v2", "diagnosis-3")
    team.serve("diagnosis-3")
    team.wait_phase("Shadowing")
    page.through("kubectl weirkeeper status")
    page.rest()


def the_readme(team: Team) -> None:
    """The first page, up to a candidate that begins."""
    team.reader.run("kubectl delete configmap diagnosis-v1 diagnosis-v2")
    page = team.open(
        "README.md", **{" 8080:80": f" {team.ports[1]}:80", "localhost:8080": f"localhost:{team.ports[1]}"}
    )
    page.left = [fence for fence in page.left if fence.text not in DONE_BEFORE]
    page.through("kubectl get models --watch", until=MODEL)
    page.rest()
