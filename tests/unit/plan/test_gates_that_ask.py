"""Gates that ask Prometheus or a Job: what is asked for, when, and what keeps a rollout going or holding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.plan.objects import Cluster, rollout, settings
from weirkeeper.api import names
from weirkeeper.delivery.evidence import Evidence, Outcomes, OutcomeSlot, QueryAnswer
from weirkeeper.plan.cron_jobs import START_SECONDS
from weirkeeper.plan.gate_jobs import cron_jobs_named
from weirkeeper.plan.gate_queries import PATIENCE
from weirkeeper.plan.model import plan_model

QUERY = {"name": "queue", "promQL": {"query": 'sum(jobs{r="{{candidate}}",s="{{stable}}"})', "max": "5"}}
CHECK = {"name": "own", "job": {"cronJobRef": {"name": "check"}}}
STEPS = [{"name": "first", "weight": 10, "hold": "10s"}, {"name": "half", "weight": 50, "hold": "10s"}]
ONE_STEP = STEPS[1:]
PROMETHEUS = settings(prometheus={"url": "http://prometheus:9090"})


UNLABELLED = "does not carry the label weirkeeper.dev/gate=true"
LABEL = "kubectl label cronjob -n team-a check weirkeeper.dev/gate=true"
SUSPEND = "set its spec.suspend to true"


def cron_job(
    *,
    labelled: bool = True,
    suspended: bool = True,
    labels: Mapping[str, str] | None = None,
    template: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    container = {"name": "check", "image": "team/check:1", "env": [{"name": "A", "value": "1"}]}
    pod = {"metadata": {"labels": {"app": "check"}}, "spec": {"restartPolicy": "OnFailure", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "check", "labels": {names.LABEL_GATE: "true"} if labelled else dict(labels or {})},
        "spec": {
            "suspend": suspended,
            "jobTemplate": {"metadata": {"labels": dict(template or {})}, "spec": {"backoffLimit": 6, "template": pod}},
        },
    }


def cluster(*gates: Mapping[str, Any], steps: list[dict[str, Any]] = STEPS, **more: Any) -> Cluster:
    """A Model in production whose next revision has begun its first step."""
    found = Cluster(rollouts=[rollout(gates=[*gates], steps=steps, bakeTime="0s")], **{"settings": PROMETHEUS, **more})
    found.reconcile(5)
    found.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    found.model["metadata"]["generation"] = 2
    found.reconcile(6)
    return found


def candidate(found: Cluster) -> str:
    return str(found.status["candidate"]["revision"])


def serve(found: Cluster, slots: int = 1, requests: int = 40) -> None:
    """The candidate answers, and everything is planned anew."""
    for _ in range(slots):
        start = int(found.now // 5) * 5 - 5
        arms = {found.status["stable"]["revision"]: Outcomes(100), candidate(found): Outcomes(requests)}
        slot = OutcomeSlot(start, arms)
        found.evidence = Evidence(outcomes=(*found.evidence.outcomes, slot)[-20:])
        found.reconcile()
        if "candidate" not in found.status:
            return


def gate(found: Cluster) -> Mapping[str, Any]:
    return dict(found.status["gates"][0])


def jobs(found: Cluster) -> list[Mapping[str, Any]]:
    return [item for (kind, _), item in found.children.items() if kind == "Job"]


def end(job: Mapping[str, Any], kind: str = "Complete", **more: str) -> None:
    job["status"] = {"conditions": [{"type": kind, "status": "True", **more}]}  # type: ignore[index]


def exited(job: Mapping[str, Any], code: int) -> None:
    message = f"Container check for pod team-a/x failed with exit code {code} matching FailJob rule at index 1"
    end(job, "Failed", reason="PodFailurePolicy", message=message)


# Labels


def test_a_gate_without_labels_says_in_conditions_and_gates_what_it_takes_and_until_when() -> None:
    right = {"name": "right", "feedback": {"metric": "Accuracy", "minLabels": 300}, "maxDuration": "14d"}
    found = cluster(right, steps=ONE_STEP)
    serve(found, 20)
    needed = "right needs 300 labelled rows of the candidate, in 20 posts or more, until 2027-01-29T0"
    told = {one["type"]: one["message"] for one in found.rollouts[0]["status"]["conditions"]}
    assert needed in told["Progressing"]
    assert needed in found.condition("Current")["message"]
    assert "; needed: 300 more, about 0.893 an hour, until 2027-01-29T0" in gate(found)["message"]
    assert found.condition("Stalled")["status"] == "False", "labels may take days"


# promQL


def answered(found: Cluster, value: float | None, **more: Any) -> None:
    (query,) = found.plans[-1].queries
    found.answers = {query: QueryAnswer(found.now - 1, value, **more)}


def test_queries_name_the_revisions_of_the_attempt_and_stable_alone_before_it() -> None:
    found = Cluster(rollouts=[rollout(gates=[QUERY])], settings=PROMETHEUS)
    found.reconcile(5)
    stable = found.status["stable"]["revision"]
    assert found.plans[-1].queries == (f'sum(jobs{{r="{stable}",s="{stable}"}})',)
    found = cluster(QUERY)
    assert found.plans[-1].queries == (f'sum(jobs{{r="{candidate(found)}",s="{stable}"}})',)


def test_a_number_within_its_bounds_promotes_and_one_beyond_rolls_back() -> None:
    good, bad = cluster(QUERY), cluster(QUERY)
    revision = candidate(good)
    for found, value in ((good, 4.0), (bad, 6.0)):
        for _ in range(10):
            if "candidate" in found.status:
                answered(found, value)
                serve(found)
    assert good.status["stable"]["revision"] == revision
    assert bad.status["phase"] == "RolledBack"
    assert "gate queue failed: the query gives 6" in bad.status["message"]


def test_without_a_number_the_last_step_holds_whatever_the_policy_and_people_are_told() -> None:
    found = cluster(QUERY)
    found.rollouts[0]["spec"] |= {"maxDuration": "1s", "onInconclusive": "RollBack"}
    for _ in range(20):
        answered(found, None, problem="the query gives no series", without_since=found.now - PATIENCE - 1)
        serve(found)
    assert (found.status["phase"], found.status["stepName"]) == ("Progressing", "half")
    stalled = found.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "EvidenceUnavailable")
    assert "gate queue: the query gives no series" in stalled["message"]


def test_one_answer_that_is_missing_tells_nobody_anything_yet() -> None:
    found = cluster(QUERY)
    answered(found, None, problem="the query gives no series", without_since=found.now - 1)
    serve(found)
    assert found.condition("Stalled")["status"] == "False"


def test_an_answer_to_another_query_is_none() -> None:
    found = cluster(QUERY)
    found.answers = {"sum(jobs)": QueryAnswer(found.now, 6.0)}
    serve(found, 3)
    assert gate(found)["verdict"] == "Inconclusive"


def test_a_query_that_prometheus_cannot_read_is_told_before_any_attempt_and_touches_nothing() -> None:
    found = Cluster(rollouts=[rollout(gates=[QUERY])], settings=PROMETHEUS)
    found.reconcile(5)
    before = found.deployments()
    answered(found, None, problem='parse error: unexpected "x"', refused=True)
    found.reconcile(2)
    for conditions in (found.status["conditions"], found.rollouts[0]["status"]["conditions"]):
        stalled = next(one for one in conditions if one["type"] == "Stalled")
        assert (stalled["status"], stalled["reason"]) == ("True", "InvalidQuery")
        assert 'gate queue: Prometheus cannot read sum(jobs{r="churn-' in stalled["message"]
    assert (found.deployments(), found.condition("Ready")["status"]) == (before, "True")


def test_without_a_prometheus_the_condition_says_what_to_set() -> None:
    found = cluster(QUERY, settings=settings())
    assert found.condition("Stalled")["reason"] == "PrometheusNotConfigured"
    assert "chart value prometheus.url" in found.condition("Stalled")["message"]
    serve(found, 20)
    assert found.status["stepName"] == "half"


# job


def test_each_step_has_a_job_of_its_own_that_knows_what_it_is_about() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()})
    serve(found, 2)
    (job,) = jobs(found)
    variables = {item["name"]: item["value"] for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert variables == {
        "A": "1",
        "WEIRKEEPER_GATE": "own",
        "WEIRKEEPER_ATTEMPT": "2",
        "WEIRKEEPER_STEP": "1",
        "WEIRKEEPER_STEP_NAME": "first",
        "WEIRKEEPER_CANDIDATE": candidate(found),
        "WEIRKEEPER_STABLE": found.status["stable"]["revision"],
        "WEIRKEEPER_REASON": "gate own in step first of attempt 2",
        "WEIRKEEPER_MODEL": "churn",
        "WEIRKEEPER_NAMESPACE": "team-a",
    }
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert job["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    end(job)
    serve(found, 6)
    assert found.status["stepName"] == "half"
    assert len(jobs(found)) == 2
    assert len({item["metadata"]["name"] for item in jobs(found)}) == 2


def test_a_pass_of_the_last_step_promotes() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()})
    revision = candidate(found)
    for _ in range(12):
        for job in jobs(found):
            end(job)
        if "candidate" in found.status:
            serve(found)
    assert found.status["stable"]["revision"] == revision


@pytest.mark.parametrize(
    ("code", "phase", "says"),
    [
        (1, "RolledBack", "gate own failed: Job churn-gate-"),
        (2, "Progressing", "ended with 2"),
        (3, "Progressing", "came to no verdict: ended with 3, which is none of 0, 1 and 2"),
    ],
)
def test_the_exit_code_is_the_verdict(code: int, phase: str, says: str) -> None:
    found = cluster(CHECK, steps=ONE_STEP, cron_jobs={"check": cron_job()})
    serve(found, 2)
    exited(jobs(found)[0], code)
    serve(found, 2)
    assert found.status["phase"] == phase
    told = found.status["message"] if phase == "RolledBack" else gate(found)["message"]
    assert says in told


def test_a_job_that_ran_into_its_deadline_comes_to_no_verdict() -> None:
    found = cluster(CHECK, steps=ONE_STEP, cron_jobs={"check": cron_job()})
    serve(found, 2)
    end(jobs(found)[0], "Failed", reason="DeadlineExceeded", message="Job was active longer than specified deadline")
    serve(found)
    assert "came to no verdict: DeadlineExceeded" in gate(found)["message"]
    assert gate(found)["verdict"] == "Inconclusive"


def test_what_is_asked_for_is_written_before_the_job_is_made_and_the_same_job_is_made_again() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()}, makes_jobs=False)
    # The operator ended each time after the status was written and before the Job was made.
    named = {manifest["metadata"]["name"] for plan in found.plans for manifest in plan.starts}
    asked = found.status["memory"]["checks"]
    assert [run["job"] for run in asked] == list(named)
    first = next(plan for plan in found.plans if plan.starts)
    assert any(write.status.get("memory", {}).get("checks") for write in first.statuses)


def test_a_job_that_is_there_is_never_made_again() -> None:
    found = cluster(CHECK, steps=ONE_STEP, cron_jobs={"check": cron_job()})
    serve(found, 5)
    assert sum(len(plan.starts) for plan in found.plans) == 1
    (job,) = jobs(found)
    del found.children["Job", job["metadata"]["name"]]
    serve(found, 5)
    assert sum(len(plan.starts) for plan in found.plans) == 1
    assert "was deleted before it ended" in gate(found)["message"]


def test_a_job_that_could_not_be_made_for_an_hour_is_not_made_any_more() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()}, makes_jobs=False)
    assert found.plans[-1].starts
    found.now += START_SECONDS + 1
    found.makes_jobs = True
    found.reconcile(3)
    assert jobs(found) == []
    assert "was not made within 1 h" in gate(found)["message"]


def test_a_job_that_the_cluster_refuses_is_told_and_holds() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()}, makes_jobs=False)
    (manifest,) = found.plans[-1].starts
    found.refused = {("Job", manifest["metadata"]["name"]): "exceeded quota"}
    found.reconcile(2)
    assert found.plans[-1].starts == ()
    assert "cannot be made: exceeded quota" in gate(found)["message"]
    assert found.status["phase"] == "Progressing"


@pytest.mark.parametrize(
    ("named", "reason", "says"),
    [
        ({"check": None}, "CronJobNotFound", "create it, suspended and with the label weirkeeper.dev/gate=true"),
        ({"check": cron_job(labelled=False)}, "CronJobNotAllowed", f"which {UNLABELLED}: {LABEL}"),
        ({"check": cron_job(suspended=False)}, "CronJobNotAllowed", f"which also runs by its schedule: {SUSPEND}"),
        (
            {"check": cron_job(labelled=False, suspended=False)},
            "CronJobNotAllowed",
            f"no Job is made of CronJob check, which {UNLABELLED} and also runs by its schedule: {LABEL}; {SUSPEND}",
        ),
        (
            {"check": cron_job(labelled=False, labels={names.LABEL_GATE: "yes"})},
            "CronJobNotAllowed",
            f"which {UNLABELLED} but weirkeeper.dev/gate=yes: {LABEL} --overwrite",
        ),
        (
            {"check": cron_job(labelled=False, template={names.LABEL_GATE: "true"})},
            "CronJobNotAllowed",
            f"which {UNLABELLED} (its jobTemplate does, which does not count): {LABEL}",
        ),
    ],
)
def test_a_cron_job_that_may_not_be_used_is_told_and_none_of_it_runs(
    named: dict[str, Any], reason: str, says: str
) -> None:
    found = cluster(CHECK, cron_jobs=named)
    serve(found, 12)
    assert (jobs(found), found.status["stepName"]) == ([], "half")
    stalled = next(one for one in found.rollouts[0]["status"]["conditions"] if one["type"] == "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", reason)
    assert says in stalled["message"]


def test_a_job_still_running_when_the_attempt_is_over_is_stopped() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()})
    serve(found, 2)
    found.model["spec"]["artifact"]["uri"] = "https://models.example/churn-1.tar.gz"
    found.reconcile(3)
    assert jobs(found) == []
    assert found.status["memory"].get("checks") is None


def test_edited_gates_ask_anew() -> None:
    found = cluster(CHECK, cron_jobs={"check": cron_job()})
    serve(found, 2)
    exited(jobs(found)[0], 2)
    found.rollouts[0]["spec"]["falseAlarm"] = "0.02"
    serve(found, 3)
    assert len(jobs(found)) == 2
    assert gate(found)["message"].startswith("Job churn-gate-")


def test_planning_again_changes_nothing() -> None:
    found = cluster(CHECK, QUERY, cron_jobs={"check": cron_job()})
    serve(found, 3)
    snapshot = found.snapshot()
    first = plan_model(snapshot, found.now)
    assert plan_model(snapshot, found.now) == first
    assert first.starts == ()


def test_cron_jobs_are_named_by_any_rollout_and_by_the_platform() -> None:
    platform = settings(defaults={"rollout": {"gates": [{"name": "p", "job": {"cronJobRef": {"name": "all"}}}]}})
    odd = {"spec": {"gates": [{"name": "x"}, {"name": "y", "job": {"cronJobRef": {"name": "mine"}}}]}}
    assert cron_jobs_named([odd, {"spec": {}}], platform) == {"all", "mine"}
