"""An installation for one namespace, with Roles alone: it serves there, and what it made outlives it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from demo.errors import CommandError
from tests.e2e import models
from tests.e2e.conftest import Files, Team
from tests.harness import clusters
from tests.harness.clusters import RELEASE, SYSTEM_NAMESPACE, Cluster
from tests.harness.waiting import eventually

pytestmark = pytest.mark.disruptive

TEAM_RELEASE = "team"
TEAM_SYSTEM = "weirkeeper-team"


@dataclass(frozen=True)
class Apart:
    """A team whose namespace is served by a release of its own, and a neighbour whom that release does not serve."""

    team: Team
    neighbour: Team


@pytest.fixture
def apart(cluster: Cluster) -> Iterator[Apart]:
    """The release for one namespace in the place of that for all; afterwards that one is back."""
    cluster.helm("uninstall", RELEASE, "--namespace", SYSTEM_NAMESPACE, "--wait")
    number = int(time.time()) % 100_000
    names = [f"apart-{number}", f"neighbour-{number}"]
    for name in names:
        clusters.create_namespace(cluster.kubectl, name)
    try:
        team, neighbour = (Team(cluster, cluster.kubectl.inside(name)) for name in names)
        values = [f'watchNamespaces=["{names[0]}"]', "crds.enabled=false"]
        cluster.install(TEAM_RELEASE, TEAM_SYSTEM, values)
        yield Apart(team, neighbour)
    finally:
        cluster.helm("uninstall", TEAM_RELEASE, "--namespace", TEAM_SYSTEM, "--wait", "--ignore-not-found")
        cluster.install()
        if not clusters.keep():
            for name in (*names, TEAM_SYSTEM):
                cluster.kubectl.delete("namespace", name, wait=False)


def test_a_release_for_one_namespace_serves_it_with_roles_alone(apart: Apart, good: Files) -> None:
    team, neighbour = apart.team, apart.neighbour
    cluster = team.cluster
    wide = "clusterrole,clusterrolebinding"
    assert cluster.kubectl("get", wide, "-l", "app.kubernetes.io/part-of=weirkeeper", "-o", "name") == ""
    neighbour.artifact("churn-1", good)
    neighbour.model("churn-1")
    first = team.serving(good)
    assert revision_that_answers(team) == first
    bound = team.kubectl.list("rolebindings")
    assert {item["roleRef"]["kind"] for item in bound} == {"Role"}
    assert neighbour.status() == {}
    assert not neighbour.kubectl.list("deployments")
    cluster.helm("uninstall", TEAM_RELEASE, "--namespace", TEAM_SYSTEM, "--wait")
    crds = cluster.kubectl("get", "crd", "-o", "name")
    assert crds.count(".weirkeeper.dev") == 3
    assert not routers_may_watch(team)
    assert team.status()["stable"]["revision"] == first
    assert revision_that_answers(team) == first
    check_taken_over(team, neighbour, first)


def check_taken_over(team: Team, neighbour: Team, first: str) -> None:
    """The release for all namespaces takes over what the other left, and touches no model pod."""
    pods = model_pods(team)
    team.cluster.install()
    neighbour.kubectl.wait_condition("model", "churn", "Ready", timeout=240)
    team.kubectl("scale", "model", "churn", "--replicas=2")
    eventually("two pods", lambda: team.status().get("replicas") == 2, timeout=120)
    assert pods < model_pods(team)
    assert revision_that_answers(team) == first
    eventually("the routers' new role", lambda: routers_may_watch(team), timeout=60)


def model_pods(team: Team) -> set[str]:
    return {pod["metadata"]["uid"] for pod in team.kubectl.list("pods", "weirkeeper.dev/component=model")}


def routers_may_watch(team: Team) -> bool:
    user = f"system:serviceaccount:{team.kubectl.namespace}:weirkeeper-router"
    try:
        return team.kubectl("auth", "can-i", "watch", "models.weirkeeper.dev", f"--as={user}").strip() == "yes"
    except CommandError:  # `no` is told by the exit code too
        return False


def revision_that_answers(team: Team) -> str:
    code, body = team.ask(models.request())
    assert code == 200, body
    return str(json.loads(body)["model_version"])
