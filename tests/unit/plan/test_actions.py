"""What Monitors ask for: an undo once per promotion, one training at a time; nothing twice, whoever is killed when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan.objects import NOW, model
from tests.unit.plan.objects import settings as platform
from tests.unit.plan.test_monitor import REFERENCE, V1, monitor, slot
from weirkeeper.api.conditions import condition_of, timestamp
from weirkeeper.delivery.evidence import Evidence, PodEvidence, RouterEvidence
from weirkeeper.delivery.memory import Memory, RevisionRecord
from weirkeeper.plan.actions import causes, retrain_asked, retrain_seen, retrain_starts, undo_wanted
from weirkeeper.plan.cron_jobs import START_SECONDS
from weirkeeper.plan.monitor import plan_monitors
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import CountedSlots

END = int(NOW) // 3600 * 3600
AT = END + 10.0
BEGAN = AT - 7200
V0 = "churn-00000000"
TRAIN = {"when": ["InputDrift"], "for": "1h", "retrain": {"cronJobRef": {"name": "train"}, "cooldown": "24h"}}
UNDO = {"when": ["InputDrift"], "for": "1h", "undo": {"within": "7d"}}
CRON_JOB = {
    "metadata": {"name": "train", "labels": {"weirkeeper.dev/retrain": "true"}},
    "spec": {
        "suspend": True,
        "jobTemplate": {
            "spec": {
                "template": {
                    "spec": {
                        "restartPolicy": "Never",
                        "containers": [{"name": "train", "image": "train:1", "env": [{"name": "A", "value": "b"}]}],
                    }
                }
            }
        },
    },
}


def stable_memory(**changes: Any) -> Memory:
    revisions = tuple(
        RevisionRecord(name=name, created=END - 90_000.0 + index, stage=stage, outcome="Promoted")  # type: ignore[arg-type]
        for index, (name, stage) in enumerate(((V0, "Archived"), (V1, "Production")))
    )
    found = Memory(
        phase="Healthy", stable=V1, stable_since=END - 86_400.0, promoted_at=END - 86_400.0, promoted=(V0, V1),
        revisions=revisions, traffic={V1: 100}, decision=2, applied=2,
    )  # fmt: skip
    return found.model_copy(update=changes)


def drifted(since: float = BEGAN, status: str = "True") -> dict[str, Any]:
    condition = {
        "type": "InputDrift", "status": status, "reason": "Drifting", "lastTransitionTime": timestamp(since),
    }  # fmt: skip
    return {
        "state": "Drifting",
        "lastWindow": {"start": timestamp(END - 3600), "end": timestamp(END), "rows": 1000},
        "conditions": [condition],
    }


def snapshot(*actions: Mapping[str, Any], moved: float = 2.0, status: Any = None, **changes: Any) -> Snapshot:
    watching = (monitor(status=drifted() if status is None else status, actions=list(actions)),)
    memory = changes.pop("memory", stable_memory())
    view = CountedSlots({V1: (slot(END - 3600, 1000, income=moved),)}, END)
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=REFERENCE.to_json(), profile_sha256=REFERENCE.sha256),)}
    evidence = Evidence(pods=pods, windows={"churn": view}, routers=(RouterEvidence("r", 2, 0.0),))
    told = {"stable": {"revision": V1, "since": timestamp(END - 86_400)}, "memory": memory.to_json()}
    found = Snapshot(
        "team-a", "churn", {**model(), "status": told}, platform(), monitors=watching, evidence=evidence,
        cron_jobs={"train": CRON_JOB},
    )  # fmt: skip
    return replace(found, **changes)


def trained(found: Snapshot, memory: Memory, now: float = AT) -> Memory:
    return retrain_asked(found, retrain_seen(found, memory, now), causes(found, memory, now), now)


@pytest.mark.parametrize(
    ("found", "now", "asks"),
    [
        (snapshot(UNDO), AT, True),
        (snapshot({**UNDO, "suspend": True}), AT, False),
        (snapshot({**UNDO, "for": "3h"}), AT, False),
        (snapshot({**UNDO, "for": "3h"}), AT + 3600, True),
        (snapshot({**UNDO, "when": ["OutputDrift"]}), AT, False),
        (snapshot(UNDO, moved=0.0, status=drifted(status="False")), AT, False),
        (snapshot(UNDO, status=drifted(status="False")), AT, False),
        (snapshot({**UNDO, "undo": {"within": "1h"}}), AT, False),
        (snapshot(UNDO), AT + 7 * 86_400, False),
        (snapshot(UNDO), BEGAN - 86_400 * 2, False),
        (snapshot(TRAIN), AT, False),
    ],
    ids=[
        "due", "suspended", "not yet", "later", "another condition", "well", "not written yet", "too long ago",
        "promoted too long ago", "a clock that jumped back", "no undo",
    ],
)  # fmt: skip
def test_a_monitor_asks_for_an_undo(found: Snapshot, now: float, *, asks: bool) -> None:
    memory = stable_memory()
    verb = undo_wanted(causes(found, memory, now), memory, now)
    assert (verb is not None) is asks
    if verb:
        assert verb.actor == "monitor/churn"
        assert verb.reason.startswith("InputDrift: 1 of 2 features drift: income")


def test_the_time_before_a_promotion_does_not_count_for_the_promoted_revision() -> None:
    found, memory = snapshot(UNDO), stable_memory(stable_since=AT - 60, promoted_at=AT - 60)
    assert undo_wanted(causes(found, memory, AT), memory, AT) is None
    assert undo_wanted(causes(found, memory, AT), memory, AT + 3600) is not None


def test_nothing_is_done_on_what_was_said_before_the_operator_began() -> None:
    found = snapshot(UNDO, TRAIN)
    found = replace(found, evidence=replace(found.evidence, windows={}))
    assert causes(found, stable_memory(), AT) == ()


def test_a_training_is_told_its_reason_its_window_and_its_profile() -> None:
    found = snapshot(TRAIN)
    memory = trained(found, stable_memory())
    (job,) = retrain_starts(found, found.model or {}, memory)
    pod = job["spec"]["template"]["spec"]
    told = {item["name"]: item["value"] for item in pod["containers"][0]["env"]}
    assert (told["WEIRKEEPER_MONITOR"], told["WEIRKEEPER_STABLE"]) == ("churn", V1)
    assert told["WEIRKEEPER_REASON"].startswith("InputDrift: 1 of 2 features drift: income")
    assert told["WEIRKEEPER_WINDOW_START"] == timestamp(END - 3600)
    assert told["WEIRKEEPER_WINDOW_END"] == timestamp(END)
    assert told["WEIRKEEPER_PROFILE"] == "/run/weirkeeper/profile.json"
    assert pod["volumes"][0]["configMap"]["name"] == told["WEIRKEEPER_PROFILE_CONFIG_MAP"]
    assert told["A"] == "b"
    assert job["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert job["metadata"]["name"] == memory.actions[0].job


def _unlabelled() -> dict[str, Any]:
    item = deepcopy(CRON_JOB)
    item["metadata"] = {"name": "train"}
    return item


def _running_by_itself() -> dict[str, Any]:
    item: dict[str, Any] = deepcopy(CRON_JOB)
    item["spec"]["suspend"] = False
    return item


@pytest.mark.parametrize(
    ("cron_job", "reason", "says"),
    [
        (None, "CronJobNotFound", "there is no CronJob train"),
        (_unlabelled(), "CronJobNotAllowed", "weirkeeper.dev/retrain=true"),
        (_running_by_itself(), "CronJobNotAllowed", "also runs by its schedule: set its spec.suspend to true"),
    ],
    ids=["missing", "unlabelled", "not suspended"],
)
def test_a_cron_job_that_may_not_be_used_is_told_and_nothing_else_happens(
    cron_job: Mapping[str, Any] | None, reason: str, says: str
) -> None:
    found = snapshot(TRAIN, cron_jobs={"train": cron_job})
    assert trained(found, stable_memory()).actions == ()
    (write,) = plan_monitors(found, AT).statuses
    ready = condition_of(write.status, "Ready") or {}
    assert (ready["status"], ready["reason"]) == ("False", reason)
    assert says in ready["message"]
    assert (condition_of(write.status, "InputDrift") or {})["status"] == "True"


def test_what_is_left_to_do_to_a_cron_job_is_told_anew_under_the_same_reason() -> None:
    both = _running_by_itself()
    both["metadata"] = {"name": "train"}
    found = snapshot(TRAIN, cron_jobs={"train": both})
    (write,) = plan_monitors(found, AT).statuses
    told = (condition_of(write.status, "Ready") or {})["message"]
    assert told.endswith(
        "which does not carry the label weirkeeper.dev/retrain=true and also runs by its schedule: kubectl label"
        " cronjob -n team-a train weirkeeper.dev/retrain=true; set its spec.suspend to true"
    )
    kept = {**found.monitors[0], "status": dict(write.status)}
    assert plan_monitors(replace(found, monitors=(kept,)), AT + 60).statuses == ()
    labelled = replace(found, monitors=(kept,), cron_jobs={"train": _running_by_itself()})
    (again,) = plan_monitors(labelled, AT + 60).statuses
    left = (condition_of(again.status, "Ready") or {})["message"]
    assert left.endswith("CronJob train, which also runs by its schedule: set its spec.suspend to true")


def test_one_training_at_a_time_and_then_a_rest() -> None:
    found = snapshot(TRAIN)
    memory = trained(found, stable_memory())
    assert trained(found, memory, AT + 60) == memory
    name = memory.actions[0].job
    ended = {"type": "Complete", "status": "True"}
    done = {("Job", name): {"metadata": {"uid": "j"}, "status": {"conditions": [ended]}}}
    found = replace(found, children=done)
    memory = trained(found, memory, AT + 600)
    assert [run.outcome for run in memory.actions] == ["Succeeded"]
    assert len(trained(found, memory, AT + 86_399).actions) == 1
    assert len(trained(found, memory, AT + 86_400).actions) == 2


def test_a_training_waits_for_the_end_of_an_attempt() -> None:
    on_its_way = stable_memory(phase="Progressing", candidate="churn-22222222", attempt=3)
    assert trained(snapshot(TRAIN), on_its_way).actions == ()
    assert len(trained(snapshot(TRAIN), on_its_way.model_copy(update={"phase": "RolledBack"})).actions) == 1


def test_a_freeze_stops_trainings() -> None:
    assert trained(snapshot(TRAIN, frozen="audit"), stable_memory()).actions == ()


@pytest.mark.parametrize(
    ("children", "refused", "later", "says"),
    [
        ({}, {}, START_SECONDS + 1, "was not made within 1 h"),
        ({}, {"": "quota"}, 60.0, "cannot be made: quota"),
        (
            {"": {"metadata": {"uid": "j"}, "status": {"conditions": [
                {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}]}}},
            {}, 60.0, "BackoffLimitExceeded: too often",
        ),
    ],
    ids=["never made", "refused", "failed"],
)  # fmt: skip
def test_a_training_that_comes_to_nothing_is_told_in_the_monitors_status(
    children: dict[str, Any], refused: dict[str, str], later: float, says: str
) -> None:
    found = snapshot(TRAIN)
    memory = trained(found, stable_memory())
    place = ("Job", memory.actions[0].job)
    found = replace(
        found,
        children=dict.fromkeys((place,), *children.values()) if children else {},
        refused=dict.fromkeys((place,), *refused.values()) if refused else {},
    )
    memory = retrain_seen(found, memory, AT + later)
    assert memory.actions[0].outcome == "Failed"
    assert retrain_starts(found, found.model or {}, memory) == ()
    told: dict[str, Any] = dict(found.model or {})
    told["status"] = {**told["status"], "memory": memory.to_json()}
    (write,) = plan_monitors(replace(found, model=told), AT + later).statuses
    assert says in write.status["lastActions"][0]["message"]


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["plan", "killed before the write", "killed after the write"]),
                  st.integers(-4000, 4000)),
        min_size=1, max_size=25,
    )
)  # fmt: skip
def test_no_training_is_made_twice_whoever_is_killed_and_however_the_clock_jumps(moves: list[tuple[str, int]]) -> None:
    """The API server refuses a second Job of one name, so what counts is how many names were ever asked for."""
    found, memory, made, now = snapshot(TRAIN), stable_memory(), dict[tuple[str, str], Any](), AT
    for move, seconds in moves:
        now = min(now + seconds, AT + 80_000)
        seen = replace(found, children=dict(made))
        planned = trained(seen, memory, now)
        if move == "killed before the write":
            continue
        memory = Memory.model_validate(json.loads(json.dumps(planned.to_json())))
        if move == "killed after the write":
            continue
        for job in retrain_starts(seen, found.model or {}, memory):
            made.setdefault(("Job", job["metadata"]["name"]), {**job, "metadata": {**job["metadata"], "uid": "j"}})
    assert len(made) <= 1
    assert len(memory.actions) <= 1
