"""What people and clients get wrong beside the artifact: objects, names, verbs, requests. Each is told, none harms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.errors import CommandError
from tests.e2e import models
from tests.e2e.conftest import Files
from tests.e2e.serving import TOLD_WITHIN, Serving, serving
from tests.harness.clusters import Cluster
from tests.harness.kubectl import Kubectl
from tests.harness.waiting import eventually

MOST_BYTES = 4 * 2**20
MOST_ROWS = 10_000


@pytest.fixture(scope="module")
def churn(cluster: Cluster, good: Files) -> Iterator[Serving]:
    """A Model that serves."""
    with serving(cluster, f"bad-input-{int(time.time()) % 100_000}", good) as found:
        yield found


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (models.model_of({"artifact": {"uri": "ftp://models.example/churn"}}), "uri must begin with one of configmap"),
        (models.model("churn-1", name="c" * 41), "must not be longer than 40 characters"),
        (models.rollout(steps=[{"weight": 25}, {"weight": 5}]), "weights must ascend from step to step"),
    ],
    ids=["unknown scheme", "long name", "steps not ascending"],
)
def test_the_api_server_refuses(churn: Serving, manifest: dict[str, Any], message: str) -> None:
    before = churn.what_serves()
    with pytest.raises(CommandError, match=message):
        churn.team.kubectl.apply(manifest)
    churn.still_serves(before)


def test_a_foreign_service_of_the_models_name_is_not_touched(churn: Serving) -> None:
    before, kubectl = churn.what_serves(), churn.team.kubectl
    ports = [{"port": 80, "targetPort": 8090}]
    spec = {"selector": {"app.kubernetes.io/name": "load"}, "ports": ports}
    kubectl.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": spec})
    foreign = kubectl.get("service", "shop")
    kubectl.apply(models.model("churn-1", name="shop"))
    taken = eventually("NameTaken", lambda: condition(kubectl, "model", "shop", "Ready", "NameTaken"), timeout=90)
    assert taken["status"] == "False"
    assert "delete it, or give the Model another name" in taken["message"]
    assert kubectl.get("service", "shop") == foreign
    churn.still_serves(before)
    kubectl.delete("service", "shop")
    kubectl.wait_condition("model", "shop", "Ready", timeout=90)
    kubectl.delete("model", "shop")


def test_a_second_rollout_for_one_model_counts_for_nothing(churn: Serving) -> None:
    before, kubectl = churn.what_serves(), churn.team.kubectl
    second = models.rollout(name="later", modelRef={"name": "churn"}, steps=[{"weight": 50}])
    kubectl.apply(second)
    stalled = eventually(
        "Conflict", lambda: condition(kubectl, "rollout", "later", "Stalled", "Conflict"), timeout=TOLD_WITHIN
    )
    assert stalled["status"] == "True"
    assert stalled["message"] == "Rollout churn governs Model churn already: delete one of them"
    assert condition(kubectl, "rollout", "churn", "Stalled", "AsExpected")
    assert churn.team.reason("Stalled") == "AsExpected"
    churn.still_serves(before)
    kubectl.delete("rollout", "later")


def condition(kubectl: Kubectl, kind: str, name: str, type_: str, reason: str) -> dict[str, Any] | None:
    """The condition, where it has this reason."""
    conditions = (kubectl.get(kind, name) or {}).get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == type_ and item["reason"] == reason), None)


def test_verbs_at_the_wrong_time_are_refused_and_never_act_later(churn: Serving) -> None:
    before, team = churn.what_serves(), churn.team
    decision = team.status()["decision"]
    verbs = ("promote", "pause", "resume", "skip", "abort", "retry", "undo")
    team.kubectl("annotate", "model", "churn", *(f"weirkeeper.dev/{verb}=ann/1" for verb in verbs))

    def refused() -> set[str]:
        found = team.kubectl.list("events.events.k8s.io")
        return {item["note"].split(" refused: ")[0] for item in found if item["reason"] == "VerbRefused"}

    # An abort beats the others, each of which is refused all the same.
    expected = {f"{verb} by ann" for verb in verbs}
    eventually("an Event for each verb", lambda: refused() == expected, timeout=TOLD_WITHIN, describe=refused)
    status = team.status()
    assert status["phase"] == "Healthy"
    assert status["decision"] == decision
    churn.still_serves(before)
    team.artifact("churn-2", churn_again(team.kubectl))
    team.model("churn-2")
    status = team.wait_phase("Starting", "Progressing", timeout=60)
    assert "paused" not in status["message"]
    assert team.reason("Progressing") in ("Starting", "Progressing")
    churn.restore()


def churn_again(kubectl: Kubectl) -> Mapping[str, str]:
    data: Mapping[str, str] = (kubectl.get("configmap", "churn-1") or {})["binaryData"]
    return data


def inputs(rows: int = 1, **changed: Any) -> str:
    """A request of so many rows; `changed` are fields of its first input."""
    columns: list[dict[str, Any]] = json.loads(models.request())["inputs"]
    repeated = [{**column, "shape": [rows], "data": column["data"] * rows} for column in columns]
    return json.dumps({"inputs": [{**repeated[0], **changed}, *repeated[1:]]})


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("radius is 17.99", 400, "the body is no JSON"),
        ("[1, 2]", 400, "the body is no JSON object"),
        ("{}", 400, "inputs is missing"),
        (inputs(shape=[1, 3]), 400, "'mean radius' has shape [1, 3]; this model takes [rows]"),
        (inputs(data=[1.0, 2.0]), 400, "'mean radius'"),
        (inputs(datatype="BYTES"), 400, "has datatype 'BYTES'; this model takes FP64"),
        (inputs(data=["wide"]), 400, "'mean radius'"),
        (inputs(name="radius_mm"), 400, "unknown input 'radius_mm'; this model takes 'mean radius'"),
        (inputs(data=[float("nan")]), 400, "the body has NaN, which JSON does not know; give null where a value lacks"),
        (inputs(data=[None]), 400, "this input must not lack values"),
        (inputs(rows=MOST_ROWS + 1), 413, "10001 rows; at most 10000 in one request: split it"),
        (" " * (MOST_BYTES + 1), 413, "larger than 4194304 bytes; split the request"),
    ],
    ids=[
        *("not JSON", "no object", "no inputs", "wrong shape", "wrong length", "wrong datatype", "wrong type"),
        *("unknown input", "NaN", "null", "too many rows", "too large"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(
    churn: Serving, tmp_path: Path, body: str, code: int, message: str
) -> None:
    before = churn.what_serves()
    given = tmp_path / "body"
    given.write_text(body)
    found, answer = churn.team.ask(f"@{given}")
    assert found == code, answer
    assert message in json.loads(answer)["error"]
    churn.still_serves(before)


@pytest.mark.parametrize(
    ("host", "message"),
    [("", "unknown model 'nobody'; this server has 'churn'"), ("gateway.example", "no such model here")],
    ids=["by its server", "by the router"],
)
def test_an_unknown_model_is_not_found(churn: Serving, host: str, message: str) -> None:
    code, body = churn.team.ask(models.request(), path="/v2/models/nobody/infer", host=host)
    assert code == 404
    assert message in json.loads(body)["error"]


def test_many_rows_within_the_limit_are_answered(churn: Serving, tmp_path: Path) -> None:
    given = tmp_path / "body"
    given.write_text(inputs(rows=MOST_ROWS))
    code, body = churn.team.ask(f"@{given}")
    assert code == 200, body
    assert json.loads(body)["outputs"][0]["shape"] == [MOST_ROWS]
