"""Revisions' names: the same spec has had the same name ever since, so that an upgrade makes no new revision."""

from __future__ import annotations

from typing import Any

import pytest

from weirkeeper.delivery.revision import content_of, revision_name

OWN = {"runtime": "Container", "image": "team.example/churn:7"}


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


@pytest.mark.parametrize(
    ("spec", "config_maps", "name"),
    [
        ({"artifact": {"uri": "configmap://churn-v1"}}, {"churn-v1": "ab" * 32}, "churn-d87b27fc"),
        (
            {
                "artifact": {
                    "uri": "s3://models/churn/7/",
                    "sha256": "9f" * 32,
                    "secretRef": {"name": "weirkeeper-artifact-s3"},
                },
                "server": {"replicas": 2, "resources": {"limits": {"memory": "1Gi"}}},
                "parameters": {"threshold": "0.42"},
                "card": {"owner": "growth"},
            },
            {},
            "churn-0e634830",
        ),
    ],
)
def test_hashes_of_former_versions_stay(spec: dict[str, Any], config_maps: dict[str, str], name: str) -> None:
    assert revision_name("churn", content_of(spec, config_maps), "server:1") == name
    said = {**spec, "server": {**spec.get("server", {}), "runtime": "Bundle", "workers": 1}}
    assert revision_name("churn", content_of(said, config_maps), "server:1") == name


def test_everything_that_a_container_is_told_makes_another_revision() -> None:
    told: list[dict[str, Any]] = [
        {},
        {"image": "team.example/churn:8"},
        {"command": ["serve"]},
        {"args": ["serve"]},
        {"env": [{"name": "A", "value": "1"}]},
        {"port": 9000},
        {"grpcPort": 9000},
    ]
    names = [revision_name("churn", content_of({"server": {**OWN, **one}}, {}), "server:1") for one in told]
    assert len(set(names)) == len(told)
    more = content_of({"server": {**OWN, "replicas": 3, "imagePullSecrets": [{"name": "team"}]}}, {})
    assert revision_name("churn", more, "server:1") == names[0]
