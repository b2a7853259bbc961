"""Gates that ask somebody else: Prometheus for a number, a Job for a verdict."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weirkeeper.api.gates import DEFAULT_GATES, Gate
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, JobSeen, QueryAnswer

CLEAN_FROM = 1000
QUERY = Gate.model_validate({"name": "queue", "promQL": {"query": "sum(up)", "min": "1", "max": "5"}})
JOB = Gate.model_validate({"name": "own", "job": {"cronJobRef": {"name": "check"}}})


def comparison(mode: gates.Mode = "Weight") -> gates.Comparison:
    stable = None if mode == "Absolute" else "m-1"
    return gates.Comparison("m-2", stable, mode, CLEAN_FROM, CLEAN_FROM, 15.0)


def folded(memory: gates.GatesMemory, evidence: Evidence, mode: gates.Mode = "Weight") -> gates.GatesMemory:
    found = gates.fold(memory, comparison(mode), evidence, CLEAN_FROM + 60)
    assert gates.fold(found, comparison(mode), evidence, CLEAN_FROM + 60) == found
    read = gates.GatesMemory.from_json(json.loads(json.dumps(found.to_json())))
    assert read == found
    return found


def judged(memory: gates.GatesMemory, mode: gates.Mode = "Weight") -> gates.GateResult:
    return gates.results(memory, comparison(mode))[0]


def begun(gate: Gate) -> gates.GatesMemory:
    return gates.begin_step(gates.start((gate,), 0.01, 0.05))


def answer(value: float | None = None, at: float = CLEAN_FROM + 10, **more: Any) -> Evidence:
    return Evidence(queries={"queue": QueryAnswer(at, value, **more)})


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.9, "Fail"), (1, "Pass"), (3.5, "Pass"), (5, "Pass"), (5.01, "Fail"), (-1e12, "Fail")]
)
def test_a_number_is_judged_by_its_bounds(value: float, verdict: str) -> None:
    found = judged(folded(begun(QUERY), answer(value)))
    assert found.verdict == verdict
    assert f"the query gives {value:g}, at least 1 and at most 5 is allowed" in found.message
    assert "outside of falseAlarm" in found.message


def test_one_bound_is_enough() -> None:
    gate = Gate.model_validate({"name": "queue", "promQL": {"query": "sum(up)", "max": "5"}})
    assert judged(folded(begun(gate), answer(-3))).verdict == "Pass"


def test_without_a_number_it_holds_and_was_not_seen() -> None:
    nothing = judged(begun(QUERY))
    away = judged(folded(begun(QUERY), answer(problem="the query gives NaN")))
    assert [(one.verdict, one.seen) for one in (nothing, away)] == [("Inconclusive", False)] * 2
    assert "the query gives NaN: holds" in away.message


def test_a_number_that_goes_away_is_no_pass_any_more() -> None:
    passed = folded(begun(QUERY), answer(2))
    gone = folded(passed, answer(at=CLEAN_FROM + 25, problem="Prometheus at p does not answer"))
    assert (judged(passed).verdict, judged(gone).verdict) == ("Pass", "Inconclusive")


def test_answers_from_before_the_split_in_force_and_of_a_step_before_say_nothing() -> None:
    assert judged(folded(begun(QUERY), answer(9, at=CLEAN_FROM))).verdict == "Inconclusive"
    failing = folded(begun(QUERY), answer(9))
    assert judged(gates.begin_step(failing)).verdict == "Inconclusive"


@pytest.mark.parametrize("mode", ["Weight", "Mirror", "Match", "Absolute"])
def test_a_query_is_judged_in_every_kind_of_step(mode: gates.Mode) -> None:
    assert judged(folded(begun(QUERY), answer(9), mode), mode).verdict == "Fail"


def test_gates_that_ask_take_no_share_of_the_false_alarms() -> None:
    memory = gates.start((*DEFAULT_GATES, QUERY, JOB), 0.01, 0.05)
    assert memory.counting == 2
    found = gates.results(memory, comparison())[2].to_json()
    assert "logEFail" not in found


def seen(*jobs: JobSeen) -> Evidence:
    return Evidence(jobs={"own": jobs})


@pytest.mark.parametrize("outcome", ["Pass", "Fail", "Inconclusive"])
def test_a_job_says_the_verdict(outcome: Any) -> None:
    found = judged(folded(begun(JOB), seen(JobSeen(outcome, "Job x ended with 1"))))
    assert (found.verdict, found.seen) == (outcome, True)
    assert found.message.startswith("Job x ended with 1")


@pytest.mark.parametrize(
    "job", [JobSeen(None, "Job x runs"), JobSeen("Inconclusive", "Job x was deleted", broken=True)]
)
def test_a_job_without_a_verdict_holds_and_was_not_seen(job: JobSeen) -> None:
    found = judged(folded(begun(JOB), seen(job)))
    assert (found.verdict, found.seen) == ("Inconclusive", False)


def test_a_pass_is_of_its_step_alone_and_a_late_fail_counts_in_any() -> None:
    passed = folded(begun(JOB), seen(JobSeen("Pass", "Job x ended with 0")))
    next_step = gates.begin_step(passed)
    earlier = JobSeen("Pass", "Job x ended with 0", running_step=False)
    assert judged(folded(next_step, seen(earlier))).verdict == "Inconclusive"
    assert judged(folded(next_step, Evidence())).verdict == "Inconclusive"
    assert judged(folded(next_step, seen(earlier, JobSeen(None, "Job y runs")))).verdict == "Inconclusive"
    late = JobSeen("Fail", "Job x ended with 1", running_step=False)
    failed = folded(next_step, seen(late, JobSeen("Pass", "Job y ended with 0")))
    assert judged(failed).verdict == "Fail"
    assert judged(gates.begin_step(failed)).verdict == "Fail"


def test_in_the_bake_the_last_verdict_is_shown() -> None:
    passed = folded(begun(JOB), seen(JobSeen("Pass", "Job x ended with 0")))
    baking = folded(gates.begin_step(passed), Evidence(), "Absolute")
    assert judged(baking, "Absolute").verdict == "Pass"


def test_in_the_bake_no_job_fails() -> None:
    found = folded(begun(JOB), seen(JobSeen("Fail", "Job x ended with 1")), "Absolute")
    assert judged(found, "Absolute").verdict == "Inconclusive"
