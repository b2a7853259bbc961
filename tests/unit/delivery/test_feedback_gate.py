from __future__ import annotations

import json
import random
from typing import Any

import pytest

from tests.unit.delivery.labelled import (
    BEGIN,
    CANDIDATE,
    HOUR,
    STABLE,
    classes,
    comparison,
    gate,
    judged,
    labelled,
    values,
)
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, LabelSlots
from weirkeeper.delivery.labelled_rows import rows_of
from weirkeeper.statistics.labels import LabelCounts

ACCURACY = gate("feedback", metric="Accuracy")


@pytest.mark.parametrize(
    ("slots", "verdict"),
    [
        pytest.param([(classes(90, 10), classes(900, 100))] * 30, "Pass", id="as right as stable"),
        pytest.param([(classes(70, 30), classes(900, 100))] * 8, "Fail", id="wrong three times as often"),
        pytest.param([(classes(70, 30), classes(900, 100))], "Inconclusive", id="fewer labels than asked for"),
        pytest.param([(classes(70, 30, 2), classes(900, 100))] * 8, "Inconclusive", id="in sixteen posts"),
        pytest.param([(classes(90, 10), LabelCounts())] * 30, "Inconclusive", id="none of stable"),
    ],
)
def test_accuracy_is_judged_by_labels(slots: list[tuple[LabelCounts, LabelCounts]], verdict: str) -> None:
    assert judged(ACCURACY, labelled(*slots)).verdict == verdict


def test_it_says_what_was_measured_and_what_still_must_come() -> None:
    result = judged(ACCURACY, labelled((classes(70, 30, 3), classes(900, 100))))
    assert result.message.startswith(
        "feedback: Accuracy: candidate 0.7 over 100 labels, stable 0.9 over 1000 labels;"
        " waits for 200 labelled rows of the candidate, 100 came and 20 posts, 3 came; evidence e^"
    )
    assert (result.candidate.requests, result.candidate.bad, result.seen) == (100, 30, True)


def test_without_any_label_it_says_what_it_would_take() -> None:
    result = judged(ACCURACY, Evidence())
    assert (result.verdict, result.seen) == ("Inconclusive", False)
    assert "no label came yet" in result.message
    assert "send 200 of the candidate's or more, in 20 posts or more" in result.message


def told(evidence: Evidence, hours: float, until: float | None, since: int = BEGIN) -> str:
    """What the gate says so many hours after the beginning, awaited until so many hours after it."""
    against, now = comparison(clean_from=since), BEGIN + HOUR * hours
    memory = gates.fold(gates.begin_step(gates.start(ACCURACY, 0.01, 0.05, 3)), against, evidence, now)
    awaited = {} if until is None else {"feedback": BEGIN + HOUR * until}
    return gates.results(memory, against, evidence, now, awaited)[0].message


NEEDED = "; needed: 200 more, about 25 an hour, until 2027-01-15T18:00:00Z, when its maxDuration ends;"


@pytest.mark.parametrize(
    ("hours", "until", "part"),
    [
        pytest.param(2, 10, NEEDED, id="so many an hour"),
        pytest.param(11, 10, "; its maxDuration ended at 2027-01-15T18:00:00Z;", id="too late"),
    ],
)
def test_a_step_that_waits_for_labels_says_how_many_an_hour_and_until_when(hours: int, until: int, part: str) -> None:
    assert part in told(Evidence(), hours, until)
    assert "maxDuration" not in told(Evidence(), hours, None), "a step that does not wait for it"
    enough = labelled(*[(classes(90, 10), classes(900, 100))] * 3)
    assert "maxDuration" not in told(enough, 3, until)


def test_labels_that_came_are_no_longer_needed() -> None:
    some = labelled((classes(90, 10), classes(900, 100)))
    assert "needed: 100 more, about 12.5 an hour, until" in told(some, 2, 10)


@pytest.mark.parametrize(
    ("since", "hours", "part"),
    [
        (BEGIN, 0.5, "predictions from 2027-01-15T08:00:00Z on count, and their labels from 2027-01-15T09:00:00Z on"),
        (BEGIN + 60, 1, "predictions from 2027-01-15T09:00:00Z on count, and their labels from 2027-01-15T10:00:00Z"),
    ],
)
def test_before_a_whole_slot_has_ended_it_says_which_predictions_count(since: int, hours: float, part: str) -> None:
    assert part in told(Evidence(), hours, None, since)
    assert "predictions from" not in told(Evidence(), 2, None, since)


def test_a_slot_that_has_not_ended_does_not_count_yet() -> None:
    evidence = labelled((classes(70, 30), classes(900, 100)))
    assert judged(ACCURACY, evidence, hours=0.9).candidate.requests == 0
    assert judged(ACCURACY, evidence, hours=1).candidate.requests == 100


def test_slots_in_which_a_weight_changed_are_left_out_and_those_before_go_on() -> None:
    late = (classes(60, 40), classes(900, 100))
    first = labelled(late, late, late)
    memory = gates.begin_step(gates.start(ACCURACY, 0.01, 0.05, 3))
    memory = gates.fold(memory, comparison(), first, BEGIN + 1.5 * HOUR)
    changed = comparison(clean_from=int(BEGIN + 1.6 * HOUR))
    memory = gates.fold(gates.begin_step(memory), changed, first, BEGIN + 3 * HOUR)
    # Of three slots the second holds the change; a label that comes later of the first still counts.
    assert gates.results(memory, changed)[0].candidate.requests == 200
    more = labelled((classes(70, 50), classes(950, 150)), late, late)
    memory = gates.fold(memory, changed, more, BEGIN + 4 * HOUR)
    assert gates.results(memory, changed)[0].candidate.requests == 220


def test_labels_wait_until_both_arms_have_a_block() -> None:
    memory = gates.begin_step(gates.start(ACCURACY, 0.01, 0.05, 3))
    few = gates.fold(memory, comparison(), labelled((classes(9, 0), classes(900, 100))), BEGIN + HOUR)
    assert gates.results(few, comparison())[0].candidate.requests == 0
    assert gates.results(few, comparison())[0].seen
    more = gates.fold(few, comparison(), labelled((classes(10, 0), classes(900, 100))), BEGIN + HOUR + 5)
    assert gates.results(more, comparison())[0].candidate.requests == 10


def test_counts_that_fall_begin_anew() -> None:
    memory = gates.begin_step(gates.start(ACCURACY, 0.01, 0.05, 3))
    seen = gates.fold(memory, comparison(), labelled((classes(90, 10), classes(900, 100))), BEGIN + HOUR)
    lost = gates.fold(seen, comparison(), labelled((classes(9, 1), classes(90, 10))), BEGIN + HOUR + 5)
    assert gates.results(lost, comparison())[0].candidate.requests == 100
    again = gates.fold(lost, comparison(), labelled((classes(29, 1), classes(190, 10))), BEGIN + HOUR + 10)
    assert gates.results(again, comparison())[0].candidate.requests == 120


@pytest.mark.parametrize("mode", ["Mirror", "Match", "Absolute"])
def test_labels_are_judged_in_steps_with_a_weight_alone(mode: Any) -> None:
    against = comparison(mode=mode)
    memory = gates.begin_step(gates.start(ACCURACY, 0.01, 0.05, 3))
    evidence = labelled(*[(classes(70, 30), classes(900, 100))] * 8)
    assert gates.fold(memory, against, evidence, BEGIN + 1000 * HOUR).gates == memory.gates


@pytest.mark.parametrize(
    ("metric", "counts", "expected"),
    [
        ("Accuracy", classes(70, 30), (100, 30)),
        ("Recall", classes(70, 30), (100, 30)),
        ("Precision", classes(70, 30), (70, 0)),
        ("F1", classes(70, 30), (100, 30)),
        ("Precision", LabelCounts(), (0, 0)),
        ("Value", values(1.0, 2.5), (2, 3.5)),
        ("MAE", values(1.0), (0, 0)),
    ],
)
def test_what_a_metric_is_of(metric: str, counts: LabelCounts, expected: tuple[int, float]) -> None:
    assert rows_of(counts, metric)[:2] == expected


def test_regressions_and_scores_are_not_taken_for_each_other() -> None:
    regression, scored = LabelCounts(), LabelCounts()
    regression.add_number(3.0, 1.0)
    scored.add_class("yes", "yes", "yes")
    scored.add_score(0.8, is_positive=True)
    assert rows_of(regression, "MAE") == (1, 2.0, 4.0)
    assert rows_of(regression, "RMSE") == (1, 4.0, 16.0)
    assert rows_of(scored, "Brier")[1] == pytest.approx(0.04)
    assert (rows_of(regression, "Brier").rows, rows_of(scored, "MAE").rows) == (0, 0)


def worth(mean: float, rows: int, seed: int) -> LabelCounts:
    chance = random.Random(seed)
    return values(*(chance.gauss(mean, 2.0) for _ in range(rows)))


@pytest.mark.parametrize(("mean", "verdict"), [(10.0, "Pass"), (10.4, "Pass"), (9.0, "Fail"), (9.55, "Inconclusive")])
def test_a_mean_value_may_fall_by_so_many_percent(mean: float, verdict: str) -> None:
    slots = [(worth(mean, 200, i), worth(10.0, 400, 1000 + i)) for i in range(12)]
    result = judged(gate("feedback", metric="Value", maxDecrease=5), labelled(*slots))
    assert result.verdict == verdict
    assert result.effect == pytest.approx(mean / 10.0, abs=0.03)


def losses(size: float, rows: int, seed: int) -> LabelCounts:
    counts, chance = LabelCounts(posts=20), random.Random(seed)
    for _ in range(rows):
        counts.add_number(chance.gauss(0.0, size), 0.0)
    return counts


@pytest.mark.parametrize("metric", ["MAE", "RMSE"])
@pytest.mark.parametrize(("size", "verdict"), [(1.0, "Pass"), (1.5, "Fail"), (0.8, "Pass")])
def test_a_loss_may_rise_by_so_many_percent(metric: str, size: float, verdict: str) -> None:
    slots = [(losses(size, 200, i), losses(1.0, 400, 1000 + i)) for i in range(12)]
    assert judged(gate("feedback", metric=metric, maxDecrease=20), labelled(*slots)).verdict == verdict


@pytest.mark.parametrize("settings", [{"metric": "Accuracy"}, {"metric": "Value"}])
def test_what_was_learned_survives_a_restart_and_is_small(settings: dict[str, str]) -> None:
    memory = gates.start(gate("feedback", **settings), 0.01, 0.05, 20)
    for step in range(30):
        both = classes(90 + step, 10), classes(900, 100)
        for counts in both:
            counts.merge(worth(10.0 + step, 20, step))
        arms = {
            name: {BEGIN + step * HOUR: {"": counts}} for name, counts in zip((CANDIDATE, STABLE), both, strict=True)
        }
        evidence = Evidence(labels=LabelSlots(HOUR, arms))
        against = comparison(clean_from=BEGIN + step * HOUR)
        memory = gates.fold(gates.begin_step(memory), against, evidence, BEGIN + (step + 1) * HOUR)
        assert gates.GatesMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
        assert gates.fold(memory, against, evidence, BEGIN + (step + 1) * HOUR) == memory
    assert len(json.dumps(memory.to_json())) < 4096


def scored(rows: int, apart: float, seed: int) -> LabelCounts:
    """Rows of two classes with the model's scores, those of one so much above the other's."""
    chance, counts = random.Random(seed), LabelCounts(posts=20)
    for _ in range(rows):
        positive = chance.random() < 0.4
        score = min(0.999, max(0.001, chance.gauss(0.5 + apart * positive, 0.2)))
        actual = "yes" if positive else "no"
        counts.add_class("yes" if score > 0.5 else "no", actual, "yes")
        counts.add_score(score, is_positive=positive)
    return counts


@pytest.mark.parametrize(
    ("apart", "slots", "verdict"),
    [
        pytest.param(0.3, 20, "Pass", id="orders rows as well as stable"),
        pytest.param(0.05, 8, "Fail", id="hardly orders rows"),
        pytest.param(0.05, 1, "Inconclusive", id="too few of a class"),
    ],
)
def test_the_area_under_the_curve_is_judged_by_all_labels(apart: float, slots: int, verdict: str) -> None:
    labels = labelled(*[(scored(150, apart, 2 * slot), scored(400, 0.3, 2 * slot + 1)) for slot in range(slots)])
    area = gate("feedback", metric="AUC", maxDecrease=10)
    result = judged(area, labels)
    assert result.verdict == verdict
    memory = gates.fold(gates.begin_step(gates.start(area, 0.01, 0.05, 3)), comparison(), labels, BEGIN + 100 * HOUR)
    assert gates.GatesMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
    if verdict == "Inconclusive":
        assert (
            "waits for 200 labelled rows of the candidate, 150 came and 100 rows of either of two classes"
            in result.message
        )
    else:
        assert "feedback: AUC: candidate 0." in result.message


def test_a_model_of_other_classes_has_no_area_and_says_so() -> None:
    result = judged(gate("feedback", metric="AUC"), labelled(*[(classes(90, 10), classes(900, 100))] * 5))
    assert (result.verdict, result.candidate.requests) == ("Inconclusive", 0)
    assert "100 rows of either of two classes in both arms" in result.message
