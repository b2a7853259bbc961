"""Revisions' names: the same spec has had the same name ever since, so that an upgrade makes no new revision."""

from __future__ import annotations

from typing import Any

import pytest

from weirkeeper.delivery.revision import content_of, revision_name

FULL: dict[str, Any] = {
    "artifact": {
        "uri": "s3://models/churn/7/",
        "sha256": "9f2c" * 16,
        "secretRef": {"name": "weirkeeper-artifact-s3"},
        "trustedTypes": ["mine.Encoder"],
    },
    "server": {
        "replicas": 3,
        "resources": {"requests": {"cpu": "500m"}, "limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "models", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
    },
    "parameters": {"threshold": "0.42"},
    "allowSignatureChange": False,
    "card": {"owner": "risk"},
}


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"artifact": {"uri": "configmap://churn-v1"}}, "churn-9035dea9"),
        ({"artifact": {"uri": "pvc://models/churn/7"}, "server": {}}, "churn-5b651fcf"),
        (FULL, "churn-9bfe853c"),
        ({**FULL, "server": {**FULL["server"], "serviceAccountName": "reader"}}, "churn-1bdabbe8"),
    ],
)
def test_a_spec_keeps_its_name(spec: dict[str, Any], name: str) -> None:
    assert revision_name("churn", content_of(spec, {}), "server:1") == name


def test_a_service_account_makes_a_revision_of_its_own_and_replicas_do_not() -> None:
    def of(**server: Any) -> str:
        return revision_name("churn", content_of({**FULL, "server": server}, {}), "server:1")

    assert of(serviceAccountName="reader") != of()
    assert of(replicas=7) == of()
