"""The planner of a Model: what is applied, what the statuses say, what is refused and in which words."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.plan.objects import SHA256, SIGNATURE, Cluster, model, rollout, settings
from weirkeeper.api import names
from weirkeeper.api.model_status import ModelStatus
from weirkeeper.api.rollout import RolloutStatus
from weirkeeper.plan.model import plan_model
from weirkeeper.render.front import read_record


def served(**changes: Any) -> Cluster:
    """A cluster in which churn's first revision serves."""
    cluster = Cluster(**changes)
    cluster.reconcile(4)
    assert cluster.condition("Ready")["status"] == "True"
    return cluster


def test_the_first_revision_gets_pods_a_service_and_a_record() -> None:
    cluster = Cluster(model=model(server={"replicas": 2}))
    cluster.starts = False
    cluster.reconcile()
    kinds = [kind for kind, _ in cluster.children]
    assert sorted(kinds) == ["ControllerRevision", "Deployment", "Service", "Service"]
    assert list(cluster.deployments().values()) == [1], "one pod until the digest is pinned"
    cluster.starts = True
    cluster.reconcile(3)
    assert list(cluster.deployments().values()) == [2]
    assert cluster.condition("Ready")["status"] == "True"
    assert cluster.condition("Current")["status"] == "True"
    assert cluster.condition("ArtifactPinned")["status"] == "True"
    pin = next(item for (kind, name), item in cluster.children.items() if kind == "ConfigMap" and name.endswith("-pin"))
    assert pin["data"] == {"sha256": SHA256}


def test_the_statuses_are_what_the_schema_allows() -> None:
    cluster = served(rollouts=[rollout()])
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    for _ in range(10):
        cluster.reconcile()
        ModelStatus.model_validate(cluster.status)
        RolloutStatus.model_validate(cluster.rollouts[0]["status"])
    assert len(json.dumps(cluster.status["memory"])) < 16 * 1024


def test_an_idle_model_is_planned_to_the_same_state() -> None:
    cluster = served(rollouts=[rollout(bakeTime="0s")])
    cluster.reconcile(4)
    before = json.dumps([cluster.status, cluster.rollouts[0]["status"]], sort_keys=True)
    plan = cluster.reconcile()
    assert json.dumps([cluster.status, cluster.rollouts[0]["status"]], sort_keys=True) == before
    assert plan.deletes == ()
    assert plan.notices == ()


def test_the_same_content_is_the_same_revision_and_another_card_is_no_new_one() -> None:
    cluster = served()
    first = cluster.status["stable"]["revision"]
    cluster.model["spec"]["card"] = {"owner": "team-a"}
    cluster.model["spec"]["server"] = {"replicas": 3}
    cluster.reconcile(2)
    assert cluster.status["stable"]["revision"] == first
    assert "candidate" not in cluster.status
    assert cluster.deployments()[first] == 3


ACCOUNT = {"metadata": {"name": "reader", "labels": {"weirkeeper.dev/allowed-for-models": "true"}}}


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (None, "ServiceAccountNotFound"),
        ({"metadata": {"name": "reader"}}, "ServiceAccountNotAllowed"),
        (
            {"metadata": {"name": "reader", "labels": {"weirkeeper.dev/allowed-for-models": "yes"}}},
            "ServiceAccountNotAllowed",
        ),
    ],
)
def test_a_service_account_that_does_not_carry_the_label_gets_no_pod(
    account: dict[str, Any] | None, reason: str
) -> None:
    cluster = Cluster(model=model(server={"serviceAccountName": "reader"}), service_accounts={"reader": account})
    cluster.reconcile(2)
    assert cluster.deployments() == {}
    for kind, status in (("Ready", "False"), ("Current", "False"), ("Stalled", "True")):
        assert (cluster.condition(kind)["status"], cluster.condition(kind)["reason"]) == (status, reason)
    assert "weirkeeper.dev/allowed-for-models=true" in cluster.condition("Ready")["message"]
    cluster.service_accounts["reader"] = ACCOUNT
    cluster.reconcile(4)
    assert cluster.condition("Ready")["status"] == "True"
    deployment = next(item for (kind, _), item in cluster.children.items() if kind == "Deployment")
    assert deployment["spec"]["template"]["spec"]["serviceAccountName"] == "reader"


def test_what_serves_goes_on_when_the_label_is_taken_away() -> None:
    cluster = Cluster(model=model(server={"serviceAccountName": "reader"}), service_accounts={"reader": ACCOUNT})
    cluster.reconcile(4)
    before = cluster.deployments()
    cluster.service_accounts["reader"] = {"metadata": {"name": "reader"}}
    cluster.reconcile(2)
    assert cluster.deployments() == before
    assert cluster.condition("Stalled")["reason"] == "ServiceAccountNotAllowed"


def test_other_settings_and_another_server_image_change_no_pod_of_a_revision_that_has_a_record() -> None:
    cluster = served()
    first = cluster.status["stable"]["revision"]
    before = cluster.children["Deployment", first]
    cluster.settings = settings(
        serverImage="server:2",
        slotSeconds=10,
        feedback={"slotSeconds": 60},
        limits={"maxRows": 5, "maxConcurrentRequests": 8},
        artifacts={"allowedHosts": ["*"]},
    )
    cluster.reconcile(2)
    assert cluster.status["stable"]["revision"] == first
    assert cluster.children["Deployment", first] == before


def test_a_pod_of_stable_that_meets_other_bytes_is_told_of_while_the_others_serve() -> None:
    cluster = served()
    stable = cluster.status["stable"]["revision"]
    cluster.model["spec"]["server"] = {"replicas": 2}
    cluster.most_ready = 1
    ended = {"exitCode": 1, "message": json.dumps({"reason": "ArtifactChanged", "message": "use a new path"})}
    fetch = {"name": "fetch", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    labels = {names.LABEL_REVISION: stable}
    cluster.pods = [{"metadata": {"name": "p", "labels": labels}, "status": {"initContainerStatuses": [fetch]}}]
    cluster.reconcile(2)
    stalled = cluster.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "ArtifactChanged")
    assert stalled["message"] == f"use a new path (ready pods of {stable}: 1)"
    assert cluster.condition("Ready")["status"] == "True"
    cluster.most_ready, cluster.pods = 2, []
    cluster.reconcile()
    assert cluster.condition("Stalled")["status"] == "False"


def test_pull_secrets_are_no_part_of_a_revision() -> None:
    cluster = served()
    first = cluster.status["stable"]["revision"]
    cluster.settings = settings(imagePullSecrets=["platform"])
    cluster.model["spec"]["server"] = {"imagePullSecrets": [{"name": "team"}]}
    cluster.reconcile(2)
    pod = cluster.children["Deployment", first]["spec"]["template"]["spec"]
    assert cluster.status["stable"]["revision"] == first
    assert pod["imagePullSecrets"] == [{"name": "platform"}, {"name": "team"}]


def test_a_foreign_service_of_the_same_name_is_never_adopted() -> None:
    foreign = {"kind": "Service", "metadata": {"name": "churn", "uid": "x", "labels": {}}}
    cluster = Cluster(children={("Service", "churn"): foreign})
    cluster.reconcile(3)
    assert cluster.children["Service", "churn"] == foreign
    assert cluster.condition("Ready")["reason"] == "NameTaken"


def test_a_changed_signature_is_held_and_named() -> None:
    cluster = served()
    stable = cluster.status["stable"]["revision"]
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    renamed = {**SIGNATURE, "inputs": [{"name": "salary", "datatype": "FP64", "shape": [-1]}]}
    cluster.reconcile()
    candidate = cluster.status["candidate"]["revision"]
    cluster.signatures[candidate] = renamed
    cluster.reconcile(5)
    assert cluster.condition("Stalled")["reason"] == "SignatureChanged"
    assert "income is gone" in cluster.condition("Stalled")["message"]
    assert cluster.status["traffic"] == [{"revision": stable, "weight": 100}]
    cluster.model["spec"]["allowSignatureChange"] = True
    cluster.reconcile(2)
    assert cluster.condition("Stalled")["status"] == "False"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"artifact": {"uri": "s3://models/churn", "secretRef": {"name": "admin-token"}}}, "SecretNotAllowed"),
        ({"artifact": {"uri": "s3://models/churn", "trustedTypes": ["os.system"]}}, "TypeNotAllowed"),
        ({"artifact": {"uri": "configmap://absent"}}, "ArtifactNotFound"),
        ({"artifact": {"uri": "ftp://models/churn"}}, "InvalidSpec"),
    ],
)
def test_a_spec_out_of_bounds_touches_nothing_that_serves(spec: dict[str, Any], reason: str) -> None:
    cluster = served()
    stable, before = cluster.status["stable"], cluster.deployments()
    cluster.model["spec"].update(spec)
    cluster.reconcile(3)
    assert cluster.condition("Stalled")["reason"] == reason
    assert cluster.condition("Current")["reason"] == reason
    assert cluster.condition("Ready")["status"] == "True"
    assert cluster.status["stable"] == stable
    assert cluster.deployments() == before


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            {
                "containerStatuses": [
                    {"name": "server", "image": "x", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
                ]
            },
            "ImagePull",
        ),
        ({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}]}, "Unschedulable"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "1 Insufficient cpu."}]},
            "InsufficientResources",
        ),
        (
            {
                "initContainerStatuses": [
                    {
                        "name": "fetch",
                        "state": {
                            "terminated": {
                                "exitCode": 1,
                                "message": '{"reason":"DigestMismatch","message":"other bytes"}',
                            }
                        },
                    }
                ]
            },
            "DigestMismatch",
        ),
        (
            {
                "initContainerStatuses": [
                    {
                        "name": "fetch",
                        "state": {
                            "waiting": {
                                "reason": "CreateContainerConfigError",
                                "message": 'secret "weirkeeper-artifact-x" not found',
                            }
                        },
                    }
                ]
            },
            "SecretNotFound",
        ),
        (
            {
                "containerStatuses": [
                    {"name": "server", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
                ]
            },
            "OutOfMemory",
        ),
    ],
)
def test_a_pod_that_does_not_start_is_told_in_plain_words(status: dict[str, Any], reason: str) -> None:
    cluster = Cluster()
    cluster.starts = False
    cluster.reconcile()
    revision = next(iter(cluster.deployments()))
    cluster.pods = [{"metadata": {"name": "p", "labels": {"weirkeeper.dev/revision": revision}}, "status": status}]
    cluster.reconcile()
    assert cluster.condition("Ready")["reason"] == reason
    assert cluster.condition("Stalled")["reason"] == reason


def test_the_older_of_two_rollouts_counts() -> None:
    young = rollout("young", "2026-11-21T01:00:00Z")
    old = rollout("old", "2026-11-20T01:00:00Z")
    served(rollouts=[young, old])
    conditions = {item["type"]: item for item in young["status"]["conditions"]}
    assert conditions["Stalled"]["reason"] == "Conflict"
    assert "old" in conditions["Stalled"]["message"]
    assert old["status"]["phase"] in ("Baking", "Healthy")


def test_a_lost_status_goes_on_from_the_records() -> None:
    cluster = served(rollouts=[rollout(bakeTime="0s")])
    cluster.reconcile(4)
    stable, decision = cluster.status["stable"]["revision"], cluster.status["decision"]
    cluster.model["status"] = {"decision": decision}
    plan = cluster.reconcile(2)
    assert cluster.status["stable"]["revision"] == stable
    assert cluster.status["decision"] > decision
    assert cluster.status["traffic"] == [{"revision": stable, "weight": 100}]
    assert plan.deletes == ()


def test_a_rejected_revision_is_remembered_in_its_record() -> None:
    cluster = served()
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile()
    candidate = cluster.status["candidate"]["revision"]
    cluster.model["metadata"]["annotations"] = {"weirkeeper.dev/abort": "ann/1"}
    cluster.reconcile()
    assert cluster.status["phase"] == "Aborted"
    assert cluster.condition("Current")["reason"] == "Aborted"
    cluster.reconcile(20)
    assert candidate not in cluster.deployments()
    annotations = cluster.children["ControllerRevision", candidate]["metadata"]["annotations"]
    assert annotations["weirkeeper.dev/outcome"] == "Aborted"


def test_an_attempt_is_kept_with_its_revision_beyond_the_status() -> None:
    cluster = Cluster()
    tried = cluster.second_attempt()
    cluster.model["metadata"]["annotations"] = {"weirkeeper.dev/abort": "ann/1"}
    cluster.reconcile(2)
    [kept] = read_record(cluster.children["ControllerRevision", tried]).attempts
    assert (kept["attempt"], kept["outcome"], kept["by"]) == (2, "Aborted", "ann")
    cluster.model["status"]["memory"]["attempts"] = []
    cluster.reconcile()
    assert read_record(cluster.children["ControllerRevision", tried]).attempts == (kept,), "it outlives the status"


def test_a_rollout_without_its_model_says_so() -> None:
    lonely = rollout()
    cluster = Cluster(rollouts=[lonely])
    plan = plan_model(replace(cluster.snapshot(), model=None), cluster.now)
    status = plan.statuses[0].status
    assert status["conditions"][0]["reason"] == "ModelNotFound"


def test_what_a_ready_server_remarks_stands_beside_that_it_serves() -> None:
    cluster = served()
    stable = cluster.status["stable"]["revision"]
    assert cluster.condition("Ready")["message"] == f"{stable} serves"
    cluster.remark = (
        "LibraryMismatch: the bundle was made with scikit-learn 1.8.0 (here 1.9.1); the 9 golden requests agree"
    )
    cluster.reconcile()
    ready = cluster.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Serving")
    assert ready["message"] == f"{stable} serves; {cluster.remark}"


def test_a_model_is_ready_while_the_former_revision_answers_for_the_promoted_one() -> None:
    cluster = served(rollouts=[rollout(strategy="AllAtOnce", bakeTime="10m")])
    former = cluster.status["stable"]["revision"]
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile(6)
    promoted = cluster.status["stable"]["revision"]
    assert (cluster.status["phase"], promoted != former) == ("Baking", True)
    cluster.lost = {promoted}
    cluster.reconcile(2)
    ready = cluster.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "FormerServes")
    assert f"{former} answers until they are back" in ready["message"]
    cluster.lost = {promoted, former}
    cluster.reconcile()
    assert cluster.condition("Ready")["reason"] == "NoReadyPods"


def test_what_somebody_else_writes_into_the_status_is_put_back_and_noted_once() -> None:
    cluster = served()
    decided = {key: cluster.status[key] for key in ("decision", "traffic")}
    cluster.model["status"]["traffic"] = [{"revision": "churn-00000000", "weight": 100}]
    cluster.model["status"]["sticky"] = {"cookie": "who"}
    plan = cluster.reconcile()
    assert {key: cluster.status[key] for key in decided} == decided
    assert "sticky" not in cluster.status
    (notice,) = plan.notices
    assert (notice.type, notice.reason) == ("Warning", "StatusOverwritten")
    assert "status.traffic, status.sticky" in notice.message
    assert cluster.reconcile().notices == ()


@pytest.mark.parametrize(("replicas", "meanwhile", "after"), [(3, 3, 3), (1, 2, 1)])
def test_scaled_in_an_attempt_up_acts_at_once_and_down_after_the_bake(
    replicas: int, meanwhile: int, after: int
) -> None:
    cluster, stable, candidate = halfway(bakeTime="1m")
    assert (cluster.status["candidate"]["weight"], cluster.deployments()) == (50, {stable: 2, candidate: 2})
    cluster.model["spec"]["server"]["replicas"] = replicas
    cluster.reconcile(2)
    assert cluster.deployments() == {stable: meanwhile, candidate: 2}
    # Somebody who scales the Deployment itself is put right by the next plan.
    cluster.children["Deployment", stable] = {**cluster.children["Deployment", stable], "spec": {"replicas": 1}}
    cluster.reconcile()
    assert cluster.deployments()[stable] == meanwhile
    cluster.model["metadata"]["annotations"] = {"weirkeeper.dev/promote": "ann/1"}
    cluster.reconcile(30)
    assert (cluster.status["phase"], cluster.status["stable"]["revision"]) == ("Healthy", candidate)
    assert cluster.deployments()[candidate] == after


def test_feedback_keys_are_made_with_the_first_pods_of_a_revision_alone() -> None:
    cluster = served()
    first, *later = [[create.manifest["metadata"]["name"] for create in plan.creates] for plan in cluster.plans]
    assert first == ["churn-feedback"]
    assert not any(later)
    secret = cluster.plans[0].creates[0].manifest
    assert "data" not in secret
    assert "stringData" not in secret
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == ["u-1"]
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    plan = cluster.reconcile()
    assert len(plan.creates) == 1
    assert cluster.reconcile(3).creates == ()


def test_pods_have_the_feedback_keys_where_there_are_such() -> None:
    cluster = served(settings=settings(feedback={"maxAgeDays": 2, "slotSeconds": 60}))
    pod = cluster.children["Deployment", cluster.status["stable"]["revision"]]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["feedback"]["secret"] == {"secretName": "churn-feedback", "optional": True}
    (server,) = pod["containers"]
    assert {"name": "feedback", "mountPath": "/feedback", "readOnly": True} in server["volumeMounts"]
    assert "feedback" not in {mount["name"] for mount in pod["initContainers"][0]["volumeMounts"]}
    told = {entry["name"]: entry.get("value") for entry in server["env"]}
    assert json.loads(str(told["WEIRKEEPER_FEEDBACK"])) == {
        "keys": "/feedback",
        "maxAgeSeconds": 172_800,
        "slotSeconds": 60,
    }


@pytest.mark.parametrize(
    "given", ["ann/1", "", "/", "ann/", "x" * 400 + "/1", "ann/" + "1" * 400], ids=lambda given: given[:8] or "nothing"
)
def test_a_verb_whatever_its_annotation_says_leaves_a_status_that_the_schema_takes(given: str) -> None:
    cluster = served()
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile()
    annotations = {"weirkeeper.dev/abort": given, "weirkeeper.dev/resume": given}
    cluster.model["metadata"]["annotations"] = annotations
    cluster.reconcile()
    status = ModelStatus.model_validate(cluster.status)
    if not given:
        assert (status.phase, status.handled) == ("Starting", ())
        return
    assert status.phase == "Aborted"
    assert len(status.handled) == len(set(status.handled)) == 2
    (refused,) = status.refused
    assert refused.token in status.handled
    assert refused.why == "an abort beats it"


def halfway(**spec: Any) -> tuple[Cluster, str, str]:
    """A cluster in which a candidate has half of the traffic; stable and the candidate."""
    steps = [{"name": "half", "weight": 50, "hold": "10m"}]
    gates = [{"name": "errors", "errorRate": {}}]
    cluster = served(model=model(server={"replicas": 2}), rollouts=[rollout(steps=steps, gates=gates, **spec)])
    stable = cluster.status["stable"]["revision"]
    cluster.reconcile(10)
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile(4)
    return cluster, stable, cluster.status["candidate"]["revision"]


def test_an_attempt_whose_rollout_is_deleted_goes_on_at_its_weight_by_the_platform_s_policy() -> None:
    cluster, stable, candidate = halfway()
    cluster.rollouts.clear()
    told = {notice.reason for notice in cluster.reconcile().notices}
    assert "StepsChanged" in told
    cluster.reconcile(60)
    assert cluster.status["phase"] == "Progressing"
    assert {one["revision"]: one["weight"] for one in cluster.status["traffic"]} == {stable: 50, candidate: 50}
    assert not told & {"Promoted", "RolledBack", "Aborted", "Superseded"}


def test_an_aborted_candidate_is_never_scaled() -> None:
    cluster, stable, candidate = halfway()
    cluster.model["metadata"]["annotations"] = {"weirkeeper.dev/abort": "ann/1"}
    cluster.model["spec"]["server"]["replicas"] = 4
    cluster.reconcile()
    assert cluster.deployments() == {stable: 4, candidate: 2}
    cluster.reconcile(10)
    assert cluster.deployments() == {stable: 4}
