"""Trainings by the clock: each time once or, with a reason, not at all; whoever is killed when, however clocks jump."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan.test_actions import TRAIN, snapshot, stable_memory
from weirkeeper.api.conditions import timestamp, unix_seconds
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.delivery.memory import Memory, RevisionRecord
from weirkeeper.plan.actions import causes, retrain_asked, retrain_seen, retrain_starts, scheduled, wake_at
from weirkeeper.plan.model import plan_model
from weirkeeper.plan.result import Plan
from weirkeeper.plan.schedules import GRACE_SECONDS, heeded, missed, noted
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.wanted import wanted_revision

DAY = 86_400
MONDAY = unix_seconds("2027-01-18T03:00:00Z")
WEEKLY = {"schedule": "0 3 * * 1", "retrain": {"cronJobRef": {"name": "train"}, "cooldown": "0s"}}


def found(*actions: Mapping[str, Any], **changes: Any) -> Snapshot:
    return snapshot(*(actions or (WEEKLY,)), moved=0.0, **changes)


def turn(shot: Snapshot, memory: Memory, now: float) -> Memory:
    """What one plan makes of the memory."""
    timely = scheduled(shot)
    looked = noted(retrain_seen(shot, memory, now), timely, now)
    asked = retrain_asked(shot, looked, causes(shot, looked, now), now)
    return heeded(asked, {one.key: time for one, time in missed(asked, timely, now)})


def asked(memory: Memory) -> list[str]:
    return [timestamp(run.asked) for run in memory.actions]


def ended(shot: Snapshot, memory: Memory) -> Snapshot:
    done = {"metadata": {"uid": "j"}, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    return replace(shot, children={("Job", run.job): done for run in memory.actions})


def test_it_begins_when_its_time_has_come_and_says_so() -> None:
    shot = found()
    memory = turn(shot, stable_memory(), MONDAY - 100)
    assert wake_at((), scheduled(shot), memory, MONDAY - 100) == MONDAY
    assert turn(shot, memory, MONDAY - 1) == memory
    memory = turn(shot, memory, MONDAY + 2)
    (run,) = memory.actions
    assert (run.asked, run.reason, run.cron_job) == (MONDAY + 2, "Schedule: 0 3 * * 1", "train")
    (job,) = retrain_starts(shot, shot.model or {}, memory)
    told = {item["name"]: item["value"] for item in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert told["WEIRKEEPER_REASON"] == "Schedule: 0 3 * * 1"


def test_it_begins_once_and_again_a_week_later() -> None:
    shot, memory = found(), turn(found(), stable_memory(), MONDAY - 100)
    for now in (MONDAY, MONDAY + 5, MONDAY + 3000, MONDAY + DAY, MONDAY + 7 * DAY, MONDAY + 7 * DAY + 60):
        memory = turn(ended(shot, memory), memory, now)
    assert asked(memory) == [timestamp(MONDAY), timestamp(MONDAY + 7 * DAY)]


def test_times_before_a_schedule_was_given_or_edited_are_none_of_its_own() -> None:
    memory = turn(found(), stable_memory(), MONDAY + 60)
    assert memory.actions == ()
    earlier = found({**WEEKLY, "schedule": "30 2 * * 1"})
    assert turn(earlier, memory, MONDAY + 120).actions == ()
    assert turn(found({**WEEKLY, "schedule": "0 2 * * *"}), memory, MONDAY + DAY).actions == ()


def test_a_suspended_schedule_lets_its_times_go_by() -> None:
    suspended = found({**WEEKLY, "suspend": True})
    memory = turn(suspended, stable_memory(), MONDAY - 100)
    for now in (MONDAY + 1, MONDAY + 1800, MONDAY + 2 * DAY):
        memory = turn(suspended, memory, now)
    memory = turn(found(), memory, MONDAY + 2 * DAY + 1)
    assert memory.actions == ()
    assert turn(found(), memory, MONDAY + 7 * DAY).actions != ()


def test_what_could_not_begin_in_an_hour_is_given_up_with_a_reason() -> None:
    frozen = found(frozen="audit")
    memory = turn(frozen, stable_memory(), MONDAY - 100)
    for now in (MONDAY + 5, MONDAY + GRACE_SECONDS):
        assert turn(frozen, memory, now) == memory
    assert turn(found(), memory, MONDAY + GRACE_SECONDS).actions != ()  # the freeze ended in time
    plan = planned(frozen, memory, MONDAY + GRACE_SECONDS + 2)
    (notice,) = [one for one in plan.notices if one.reason == "RetrainingMissed"]
    assert notice.message == (
        "the training of 2027-01-18T03:00:00Z (0 3 * * 1) could not begin within an hour and is left out:"
        " it is frozen: audit"
    )
    later = kept(plan)
    assert later.actions == ()
    assert missed(later, scheduled(frozen), MONDAY + 2 * GRACE_SECONDS) == ()
    assert turn(found(), later, MONDAY + GRACE_SECONDS + 10).actions == ()


def test_an_operator_that_was_away_for_days_begins_nothing_late() -> None:
    memory = turn(found(), stable_memory(), MONDAY - 100)
    memory = turn(found(), memory, MONDAY + 3 * DAY)
    assert memory.actions == ()
    assert turn(found(), memory, MONDAY + 7 * DAY + 30).actions != ()


def test_one_at_a_time_and_the_clocks_training_waits_for_the_other() -> None:
    both = snapshot(TRAIN, WEEKLY)
    memory = turn(both, stable_memory(), MONDAY - 100)
    (first,) = memory.actions
    assert first.reason.startswith("InputDrift")
    assert turn(both, memory, MONDAY + 5).actions == memory.actions
    after = turn(ended(both, memory), memory, MONDAY + 600)
    assert [run.reason[:8] for run in after.actions] == ["InputDri", "Schedule"]


def test_a_cooldown_is_respected_by_the_clock_too() -> None:
    resting = found({**WEEKLY, "schedule": "0 * * * *", "retrain": {"cronJobRef": {"name": "train"}, "cooldown": "3h"}})
    memory = turn(resting, stable_memory(), MONDAY - 100)
    for minute in range(0, 8 * 60, 10):
        memory = turn(ended(resting, memory), memory, MONDAY + 60.0 * minute)
    assert asked(memory) == [timestamp(MONDAY + hour * 3600) for hour in (0, 3, 6)]


def test_a_schedule_that_is_gone_leaves_nothing_behind() -> None:
    memory = turn(found(), stable_memory(), MONDAY - 100)
    assert set(memory.schedules) == {"churn/train"}
    assert turn(snapshot(TRAIN, moved=0.0), memory, MONDAY).schedules == {}


def test_times_are_in_utc_whatever_the_machine_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    memory = turn(found(), stable_memory(), MONDAY - 100)
    assert datetime.fromtimestamp(wake_at((), scheduled(found()), memory, MONDAY - 100) or 0.0, UTC).hour == 3


@pytest.mark.parametrize("expression", ["0 3 * *", "@daily", "61 * * * *", "0 0 30 2 *", "0 0 31 2,4 *", "* * * * * *"])
def test_a_schedule_that_never_comes_about_is_refused(expression: str) -> None:
    item = {
        "metadata": {"name": "m"},
        "spec": {"modelRef": {"name": "m"}, "actions": [{**WEEKLY, "schedule": expression}]},
    }
    with pytest.raises(InvalidSpec, match="cron expression of five fields in UTC"):
        parse_monitor(item)


def without_attempt(shot: Snapshot) -> Memory:
    """A memory of which the spec asks for a revision that was turned down: no attempt keeps a training waiting."""
    wanted = wanted_revision(shot, shot.model or {}).record
    assert wanted is not None
    memory = stable_memory()
    out = RevisionRecord(name=wanted.name, created=0.0, outcome="RolledBack", reason="gate errors failed")
    return memory.model_copy(update={"revisions": (*memory.revisions, out)})


def planned(shot: Snapshot, memory: Memory, now: float) -> Plan:
    model = {**(shot.model or {})}
    model["status"] = {**model["status"], "memory": memory.to_json()}
    return plan_model(replace(shot, model=model), now)


def kept(plan: Plan) -> Memory:
    (write,) = [one for one in plan.statuses if one.kind == "Model"]
    return Memory.model_validate(write.status["memory"])


def test_start_and_result_are_told_once_on_the_monitor() -> None:
    shot = found()
    memory = turn(shot, without_attempt(shot), MONDAY - 100)
    begun = planned(shot, memory, MONDAY + 1)
    (notice,) = [one for one in begun.notices if one.reason.startswith("Retraining")]
    memory = kept(begun)
    assert (notice.type, notice.reason, notice.regarding["kind"]) == ("Normal", "RetrainingStarted", "Monitor")
    assert notice.message == f"Job {memory.actions[0].job} trains anew: Schedule: 0 3 * * 1"
    assert [job["metadata"]["name"] for job in begun.starts] == [memory.actions[0].job]
    running = planned(shot, memory, MONDAY + 2)
    assert [one for one in running.notices if one.reason.startswith("Retraining")] == []
    over = planned(ended(shot, memory), memory, MONDAY + 600)
    assert [one.reason for one in over.notices if one.reason.startswith("Retraining")] == ["RetrainingSucceeded"]
    again = planned(ended(shot, memory), kept(over), MONDAY + 601)
    assert [one for one in again.notices if one.reason.startswith("Retraining")] == []


def test_a_training_that_fails_is_a_warning() -> None:
    shot = found()
    memory = kept(planned(shot, turn(shot, without_attempt(shot), MONDAY - 100), MONDAY + 1))
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too slow"}
    children = {("Job", memory.actions[0].job): {"metadata": {"uid": "j"}, "status": {"conditions": [failed]}}}
    over = planned(replace(shot, children=children), memory, MONDAY + 600)
    (notice,) = [one for one in over.notices if one.reason.startswith("Retraining")]
    assert (notice.type, notice.reason) == ("Warning", "RetrainingFailed")
    assert "DeadlineExceeded: too slow" in notice.message


@settings(max_examples=40, deadline=None)
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["plan", "killed before the write", "killed after the write"]), st.integers(-7_000, 9_000)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_no_time_comes_twice_whoever_is_killed_and_however_the_clock_jumps(moves: list[tuple[str, int]]) -> None:
    shot, made, now = found({**WEEKLY, "schedule": "0 */2 * * *"}), dict[tuple[str, str], Any](), MONDAY - 10
    memory = turn(shot, stable_memory(), now)
    heeded_times = []
    for move, seconds in moves:
        now += seconds
        seen = ended(replace(shot, children=made), memory)
        planned_memory = turn(seen, memory, now)
        if move == "killed before the write":
            continue
        if planned_memory.schedules != memory.schedules:
            heeded_times.append(planned_memory.schedules["churn/train"].done)
        memory = Memory.model_validate(json.loads(json.dumps(planned_memory.to_json())))
        if move == "killed after the write":
            continue
        for job in retrain_starts(replace(shot, children=made), shot.model or {}, memory):
            made.setdefault(("Job", job["metadata"]["name"]), job)
    assert heeded_times == sorted(set(heeded_times))
    assert len(made) <= len(heeded_times)
