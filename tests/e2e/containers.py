"""A Model whose server is not ours, the KServe SDK's, as the tests apply it."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Team

RATE = 40.0
GRPC_PORT = 8081


def golden(answer: int = 1) -> dict[str, Any]:
    """The first row of the tests, whose radius is 17.99, and the answer that must come."""
    output = {"name": "predict", "datatype": "INT64", "shape": [1], "data": [answer]}
    return {"request": json.loads(models.request()), "expect": {"outputs": [output]}}


def apply(team: Team, **environment: Any) -> None:
    """Apply the Model with the server that this environment makes."""
    env = [{"name": name, "value": str(value)} for name, value in environment.items()]
    server = {"runtime": "Container", "image": team.cluster.images["kserve"], "grpcPort": GRPC_PORT, "env": env}
    team.kubectl.apply(models.model_of({"server": server, "probe": [golden(answer=0)]}))


def serving(team: Team) -> str:
    """Bring a first revision to health and give its name."""
    team.kubectl.apply(models.rollout())
    apply(team, THRESHOLD=15)
    team.kubectl.wait_condition("model", "churn", "Ready", timeout=300)
    return str(team.wait_phase("Healthy")["stable"]["revision"])
