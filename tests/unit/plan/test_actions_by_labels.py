"""What is done on labels and objectives: labels in bulk undo nothing, many posts do, and a training needs less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.plan.test_actions import CRON_JOB, stable_memory
from tests.unit.plan.test_monitor import END, served
from tests.unit.plan.test_monitor_labels import ACCURATE, labelled, right
from tests.unit.plan.test_monitor_objectives import BOTH, requests, watching
from weirkeeper.api.conditions import condition_of, timestamp
from weirkeeper.delivery.evidence import ServedRequests
from weirkeeper.plan.actions import Cause, causes, retrain_asked, undo_wanted
from weirkeeper.plan.monitor import plan_monitors
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.statistics.labels import LabelCounts

AT = END + 10.0
UNDO = {"when": ["PerformanceDegraded", "ConceptDrift"], "undo": {}}
TRAIN = {"when": ["PerformanceDegraded"], "retrain": {"cronJobRef": {"name": "train"}}}


def bad(*kinds: str) -> dict[str, Any]:
    since = timestamp(END - 7200)
    return {
        "state": "Drifting",
        "lastWindow": {"start": timestamp(END - 7200), "end": timestamp(END - 3600), "rows": 2000},
        "conditions": [
            {"type": one, "status": "True", "reason": "Drifting", "lastTransitionTime": since} for one in kinds
        ],
    }


def labels(rows: int, correct: int, posts: int) -> LabelCounts:
    counts = right(rows, correct)
    counts.posts = posts
    return counts


def degraded(*actions: dict[str, Any], posts: int, rows: int = 1000) -> Snapshot:
    status = bad("PerformanceDegraded")
    told = {1: {"": labels(rows, rows // 2, posts)}}
    shot = labelled(told, status=status, actions=list(actions), model=served(since=END - 86_400), **ACCURATE)
    return replace(shot, cron_jobs={"train": CRON_JOB})


def found(shot: Snapshot) -> tuple[Cause, ...]:
    return causes(shot, stable_memory(), AT)


@pytest.mark.parametrize(("posts", "asks"), [(1, False), (19, False), (20, True)])
def test_labels_undo_only_when_many_posts_brought_them(posts: int, *, asks: bool) -> None:
    verb = undo_wanted(found(degraded(UNDO, posts=posts)), stable_memory(), AT)
    assert (verb is not None) is asks
    if verb:
        assert verb.reason.startswith("PerformanceDegraded: Accuracy 0.500")


def test_too_few_labels_undo_nothing_however_many_posts_brought_them() -> None:
    assert found(degraded(UNDO, posts=150, rows=150)) == ()


def test_labels_forged_in_bulk_undo_nothing_and_the_monitor_says_so() -> None:
    shot = degraded(UNDO, posts=3, rows=1_000_000)
    assert found(shot) == ()
    (write,) = plan_monitors(shot, AT).statuses
    ready = condition_of(write.status, "Ready") or {}
    assert (ready["status"], ready["reason"]) == ("False", "TooFewPosts")
    assert ready["message"].startswith("labels of 3 posts undo nothing, it takes 20")
    assert (condition_of(write.status, "PerformanceDegraded") or {})["status"] == "True"
    assert plan_monitors(degraded({**UNDO, "suspend": True}, posts=3), AT).notices == ()


def test_another_condition_of_the_same_action_still_undoes() -> None:
    shot = degraded({**UNDO, "when": ["PerformanceDegraded", "InputDrift"]}, posts=3)
    assert [one.action.undo for one in found(shot)] == []  # inputs do not drift


def test_a_training_needs_rows_and_no_posts() -> None:
    shot = degraded(TRAIN, posts=1)
    (run,) = retrain_asked(shot, stable_memory(), found(shot), AT).actions
    assert run.reason.startswith("PerformanceDegraded: Accuracy 0.500")
    assert run.window == (END - 3600, END)


def failing(status: dict[str, Any], served_requests: ServedRequests, *, settled: bool) -> Snapshot:
    action = {"when": ["AvailabilityAtRisk", "InputDrift"], "undo": {}}
    return watching(served_requests, status, settled=settled, objectives=BOTH, actions=[action])


@pytest.mark.parametrize("settled", [True, False])
def test_availability_at_risk_undoes_without_waiting_for_a_window(*, settled: bool) -> None:
    shot = failing(bad("AvailabilityAtRisk", "InputDrift"), requests(0.02), settled=settled)
    (cause,) = found(shot)
    assert cause.reason.startswith("AvailabilityAtRisk: ")
    assert undo_wanted((cause,), stable_memory(), AT) is not None


@pytest.mark.parametrize(("promoted", "asks"), [(END - 7201, True), (END - 7199, False)])
def test_what_was_at_risk_before_the_promotion_is_not_held_against_the_promoted_revision(
    promoted: int, *, asks: bool
) -> None:
    shot = failing(bad("AvailabilityAtRisk"), requests(0.02), settled=True)
    memory = stable_memory(stable_since=float(promoted), promoted_at=float(promoted))
    assert bool(causes(shot, memory, AT)) is asks


def test_what_is_only_remembered_of_a_window_does_nothing() -> None:
    assert found(failing(bad("AvailabilityAtRisk", "InputDrift"), requests(), settled=False)) == ()
