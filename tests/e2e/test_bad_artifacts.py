"""Specs that cannot be served, tried on a Model that serves: refused with a reason, and nothing that serves touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import faults, models
from tests.e2e.conftest import Files, Team
from tests.e2e.serving import Serving, serving
from tests.harness.clusters import STORE_HOSTS, STORES_NAMESPACE, Cluster
from tests.harness.waiting import eventually

SECRET = "weirkeeper-artifact-store"
AWAY = "weirkeeper-artifact-away"


@pytest.fixture(scope="module")
def churn(cluster: Cluster, good: Files) -> Iterator[Serving]:
    """A Model that serves, bad bundles beside it, and an object store."""
    there, away = STORE_HOSTS[:2]

    def prepare(team: Team) -> None:
        for name, files in faults.bundles(good).items():
            team.artifact(name, files)
        team.kubectl.apply(*faults.store(cluster.images["server"], faults.archives(good)))
        team.kubectl.apply(faults.secret(SECRET, there), faults.secret(AWAY, away))

    with serving(cluster, STORES_NAMESPACE, good, prepare) as found:
        yield found


@pytest.fixture(autouse=True)
def first_again(churn: Serving) -> Iterator[None]:
    """After each test the Model has the spec of its first revision."""
    yield
    churn.restore()


def in_store(path: str, secret: str = SECRET) -> dict[str, Any]:
    return {"artifact": {"uri": f"s3://{faults.BUCKET}/{path}", "secretRef": {"name": secret}}}


def in_config_map(name: str) -> dict[str, Any]:
    return {"artifact": {"uri": f"configmap://{name}"}}


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (in_config_map("absent"), "ArtifactNotFound", ["ConfigMap absent", "create it"]),
        (in_store("absent.tar.gz"), "Unreachable", ["404"]),
        (in_store("good.tar.gz", AWAY), "Unreachable", ["away"]),
        ({"artifact": {"uri": "https://models.example/churn.tar.gz"}}, "HostNotAllowed", ["artifacts.allowedHosts"]),
        (in_store("good.tar.gz", "weirkeeper-artifact-absent"), "SecretNotFound", ["weirkeeper-artifact-absent"]),
        (in_store("good.tar.gz", "another"), "SecretNotAllowed", ["artifacts.secretNamePattern"]),
        (in_store("outside.tar.gz"), "UnsafeArchive", ["../escaped", "outside the folder"]),
        (
            {"artifact": {"uri": "configmap://churn-1", "sha256": "0" * 64}},
            "DigestMismatch",
            ["the Model asks for 00000000", "correct either"],
        ),
        (in_config_map("notes"), "NotABundle", ["model.skops", "weirkeeper bundle"]),
        (in_config_map("pickled"), "PickleRefused", ["model.pkl", "--from-joblib"]),
        (in_config_map("renamed-pickle"), "PickleRefused", ["model.skops is a pickle", "--from-joblib"]),
        (in_config_map("forged"), "UntrustedType", ["os.system"]),
        (in_config_map("other-answer"), "ProbeFailed", ["1 of 10 golden requests failed", "row 0"]),
        (in_config_map("aged"), "LibraryMismatch", ["made with scikit-learn 0.24.2", "1 of 10 golden requests failed"]),
        (
            {**in_config_map("churn-1"), "server": {"resources": {"requests": {"cpu": "4000"}}}},
            "InsufficientResources",
            ["Insufficient cpu"],
        ),
        ({"artifact": {"uri": "pvc://absent/churn"}}, "Unschedulable", ['persistentvolumeclaim "absent" not found']),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reason_stands_in_the_conditions(
    churn: Serving, spec: dict[str, Any], reason: str, words: list[str]
) -> None:
    churn.turned_down(spec, reason, *words)


def test_a_golden_request_of_the_spec_with_another_answer(churn: Serving, good: Files) -> None:
    spec = {**in_config_map("any-version"), "probe": [faults.first_golden(good)]}
    churn.turned_down(spec, "ProbeFailed", "1 of 11 golden requests failed")


def test_a_good_archive_from_the_store_serves(churn: Serving) -> None:
    kubectl = churn.team.kubectl
    kubectl.apply(models.model_of(in_store("good.tar.gz"), name="stored"))
    ready = kubectl.wait_condition("model", "stored", "Ready", timeout=120)
    revision = ready["status"]["stable"]["revision"]
    path = "/v2/models/stored/infer"
    answer = eventually("an answer", lambda: answered(churn.team, path), timeout=60)
    assert revision in answer


def test_an_artifact_that_was_swapped_in_the_store_makes_no_second_pod_and_the_first_serves_on(
    churn: Serving, good: Files
) -> None:
    kubectl = churn.team.kubectl
    kubectl.apply(models.model_of(in_store("good.tar.gz"), name="swapped"))
    ready = kubectl.wait_condition("model", "swapped", "Ready", timeout=120)
    stable = ready["status"]["stable"]
    assert stable["sha256"] in kubectl("get", "wkm", "swapped", "-o", "wide")
    outside = faults.archives(good)["outside.tar.gz"]
    kubectl.apply(*faults.store(churn.team.cluster.images["server"], {"good.tar.gz": outside}, name="swapped"))
    kubectl("wait", "pod", "swapped", "--for=condition=Ready", "--timeout=120s")
    kubectl("scale", "model", "swapped", "--replicas=2")
    stalled = kubectl.wait_condition("model", "swapped", "Stalled", timeout=120)
    told = {one["type"]: one for one in stalled["status"]["conditions"]}
    assert told["Stalled"]["reason"] == "ArtifactChanged"
    assert "use a new path or digest" in told["Stalled"]["message"]
    assert told["Ready"]["status"] == "True"
    assert stalled["status"]["stable"]["revision"] == stable["revision"]
    answer = eventually("an answer", lambda: answered(churn.team, "/v2/models/swapped/infer"), timeout=60)
    assert stable["revision"] in answer
    kubectl.delete("model", "swapped")


def answered(team: Team, path: str) -> str | None:
    code, body = team.ask(models.request(), path=path, host="gateway.example")
    return body if code == 200 else None


def test_a_first_revision_that_cannot_be_served_says_why_it_is_not_ready(churn: Serving) -> None:
    kubectl = churn.team.kubectl
    kubectl.apply(models.model("notes", name="beginner"))
    beginner = kubectl.wait_condition("model", "beginner", "Stalled", timeout=120)
    ready = next(item for item in beginner["status"]["conditions"] if item["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NotABundle")
    assert "weirkeeper bundle" in ready["message"]
    kubectl.delete("model", "beginner")
