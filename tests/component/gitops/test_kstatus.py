"""What kstatus, and so Flux, makes of Models: on statuses that a cluster had, and on those of each way to stand."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.programs import KSTATUS, built
from tests.harness.programs import or_skip
from tests.unit.plan.objects import Cluster, rollout

SEEN = json.loads((Path(__file__).parents[2] / "unit" / "gitops" / "seen.json").read_text())
STEPS = [{"name": "half", "weight": 50, "hold": "10m"}]


@pytest.fixture(scope="module")
def kstatus() -> Path:
    return or_skip(partial(built, KSTATUS))


def told(kstatus: Path, objects: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    done = subprocess.run([kstatus], input=json.dumps(objects), capture_output=True, text=True, check=True, timeout=60)
    return [(status, message) for status, message in json.loads(done.stdout)]


def test_what_a_cluster_had(kstatus: Path) -> None:
    found = told(kstatus, [case["object"] for case in SEEN])
    assert {case["name"]: status for case, (status, _) in zip(SEEN, found, strict=True)} == {
        case["name"]: case["kstatus"] for case in SEEN
    }


def test_a_spec_that_the_operator_has_not_seen_is_in_progress(kstatus: Path) -> None:
    edited = [
        {**one, "metadata": {**one["metadata"], "generation": one["metadata"]["generation"] + 1}}
        for one in (case["object"] for case in SEEN)
    ]
    assert {status for status, _ in told(kstatus, edited)} == {"InProgress"}


def serving() -> Cluster:
    cluster = Cluster(rollouts=[rollout(steps=STEPS, gates=[{"name": "errors", "errorRate": {}}], bakeTime="0s")])
    cluster.reconcile(8)
    return cluster


def trying() -> Cluster:
    cluster = serving()
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile(4)
    return cluster


def asked(verb: str) -> Cluster:
    cluster = trying()
    cluster.model["metadata"]["annotations"] = {f"weirkeeper.dev/{verb}": "ann/1"}
    cluster.reconcile(2)
    return cluster


def frozen() -> Cluster:
    cluster = trying()
    cluster.frozen = "namespace team-a is"
    cluster.reconcile()
    return cluster


def unusable() -> Cluster:
    cluster = serving()
    cluster.model["spec"]["artifact"] = {"uri": "configmap://none"}
    cluster.reconcile()
    return cluster


def gone_back() -> Cluster:
    cluster = asked("abort")
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-1.tar.gz"
    cluster.reconcile(2)
    return cluster


@pytest.mark.parametrize(
    ("made", "status", "says"),
    [
        pytest.param(serving, "Current", "", id="what the spec asks for serves"),
        pytest.param(trying, "InProgress", "half", id="an attempt"),
        pytest.param(partial(asked, "pause"), "InProgress", "", id="paused"),
        pytest.param(frozen, "InProgress", "half", id="frozen"),
        pytest.param(partial(asked, "abort"), "Failed", "aborted", id="aborted"),
        pytest.param(unusable, "Failed", "there is no ConfigMap none", id="a spec that cannot be used"),
        pytest.param(gone_back, "Current", "", id="the former spec again"),
    ],
)
def test_how_a_model_stands(kstatus: Path, made: Callable[[], Cluster], status: str, says: str) -> None:
    model = made().model
    # The API server counts changes of the spec; here nobody does.
    model["metadata"]["generation"] = model["status"]["observedGeneration"]
    ((found, message),) = told(kstatus, [model])
    assert found == status
    assert says in message
