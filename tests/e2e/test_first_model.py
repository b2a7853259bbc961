"""A team's first day: five lines of YAML, an answer, a scale, an end."""

from __future__ import annotations

import json

from tests.e2e import models
from tests.e2e.conftest import Files, Team
from tests.harness.waiting import eventually


def test_a_model_of_two_lines_answers_through_its_service(team: Team, good: Files) -> None:
    team.artifact("churn-1", good)
    team.model("churn-1")
    ready = team.kubectl.wait_condition("model", "churn", "Ready", timeout=240)
    code, body = eventually("an answer", lambda: answered(team), timeout=60)
    answer = json.loads(body)
    assert code == 200
    assert answer["model_version"] == ready["status"]["stable"]["revision"]
    assert [output["name"] for output in answer["outputs"]] == ["predict", "predict_proba"]
    assert len(ready["status"]["stable"]["sha256"]) == 64
    assert team.reason("Current") == "Promoted"


def answered(team: Team) -> tuple[int, str] | None:
    code, body = team.ask(models.request())
    return (code, body) if code == 200 else None


def test_columns_and_scale_and_the_end_of_a_model(team: Team, good: Files) -> None:
    revision = team.serving(good)
    table = team.kubectl("get", "models")
    assert revision in table
    assert "Healthy" in table
    team.kubectl("scale", "model", "churn", "--replicas=2")
    eventually("two pods", lambda: team.status().get("replicas") == 2, timeout=120)
    team.kubectl.delete("model", "churn")
    eventually("no pod left", lambda: not team.kubectl.list("pods"), timeout=180)
    assert not team.kubectl.list("deployments")
    assert not team.kubectl.list("services")


def test_two_models_share_the_namespaces_routers_by_host_and_by_path(team: Team, good: Files) -> None:
    team.serving(good)
    team.kubectl.apply(models.model("churn-1", name="fraud"))
    team.kubectl.wait_condition("model", "fraud", "Ready", timeout=240)
    fraud = (team.kubectl.get("model", "fraud") or {})["status"]["stable"]["revision"]

    def by_path() -> str | None:
        code, body = team.ask(models.request(), path="/v2/models/fraud/infer", host="gateway.example")
        return body if code == 200 else None

    assert json.loads(eventually("fraud by path", by_path, timeout=60))["model_version"] == fraud
    code, body = team.ask(models.request(), path="/v2/models/nobody/infer", host="gateway.example")
    assert code == 404
    assert "error" in json.loads(body)
