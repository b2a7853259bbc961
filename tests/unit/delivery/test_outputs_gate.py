from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.delivery.labelled import CANDIDATE, STABLE, comparison, gate
from weirkeeper.api.names import MIRROR, arm
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import AnswerSlot, Evidence, PodEvidence
from weirkeeper.delivery.outputs_gate import OUTPUTS_LIMIT, OutputsMemory, Table
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters

BEGIN = 1_800_000_000
MINUTE = 60
ANSWERS = gate("outputs")
AGAINST = comparison(clean_from=BEGIN)
CHANCE = np.random.default_rng(2)
CLASSES = ("leave", "stay")


def profile(classes: Sequence[str] = CLASSES, scores: int = 0) -> ReferenceProfile:
    made = np.random.default_rng(scores)
    outputs = {"predict": made.choice(np.array(classes, dtype=object), 4000), "score": made.random(4000)}
    return ReferenceProfile.from_columns({"age": made.random(4000)}, outputs)


def slots(
    made: ReferenceProfile, shares: dict[str, float], rows: int, minutes: int, seed: int, score: float = 1.0
) -> tuple[AnswerSlot, ...]:
    found = []
    for minute in range(minutes):
        chance = np.random.default_rng(1000 * seed + minute)
        counters = ProfileCounters(made)
        answers = chance.choice(np.array(list(shares), dtype=object), rows, p=list(shares.values()))
        counters.ingest({}, {"predict": answers, "score": chance.random(rows) ** score})
        start = BEGIN + MINUTE * minute
        found.append(AnswerSlot(start, start + MINUTE, counters.totals()["outputs"]))
    return tuple(found)


def evidence(
    shares: dict[str, float],
    minutes: int = 12,
    candidate: ReferenceProfile | None = None,
    rows: int = 150,
    score: float = 1.0,
) -> Evidence:
    stable, candidate = profile(), candidate or profile()
    usual = {"leave": 0.3, "stay": 0.7}
    told = {CANDIDATE: candidate, STABLE: stable}
    return Evidence(
        answers={
            CANDIDATE: slots(candidate, shares, rows, minutes, 1, score),
            STABLE: slots(stable, usual, 600, minutes, 2),
        },
        pods={name: (PodEvidence("p", name, "Ready", profile=one.to_json()),) for name, one in told.items()},
    )


def judged(seen: Evidence, against: gates.Comparison = AGAINST) -> gates.GateResult:
    memory = gates.begin_step(gates.start(ANSWERS, 0.01, 0.05, 3))
    for minute in range(1, 80):
        until = BEGIN + MINUTE * minute
        known = {arm: tuple(slot for slot in slots if slot.end <= until) for arm, slots in seen.answers.items()}
        memory = gates.fold(memory, against, Evidence(answers=known, pods=seen.pods), until)
        assert gates.GatesMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
    return gates.results(memory, against)[0]


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        pytest.param({"leave": 0.3, "stay": 0.7}, "Pass", id="as stable does"),
        pytest.param({"leave": 0.34, "stay": 0.66}, "Pass", id="a little otherwise"),
        pytest.param({"leave": 0.8, "stay": 0.2}, "Fail", id="the other class mostly"),
        pytest.param({"unknown": 0.9, "stay": 0.1}, "Fail", id="a class that nobody knows"),
    ],
)
def test_classes_are_compared_with_those_of_stable(shares: dict[str, float], verdict: str) -> None:
    result = judged(evidence(shares))
    assert result.verdict == verdict
    assert (result.candidate.requests, result.stable.requests) == (12 * 150, 12 * 600)
    assert ("predict is furthest of 2 outputs" in result.message) == (verdict == "Fail")


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [({"leave": 0.3, "stay": 0.7}, "Pass"), ({"leave": 0.8, "stay": 0.2}, "Fail")],
)
def test_answers_to_copies_are_compared_with_stable_s_own(shares: dict[str, float], verdict: str) -> None:
    copies, seen = arm(CANDIDATE, MIRROR), evidence(shares)
    # What the candidate answers elsewhere is of other requests.
    elsewhere = slots(profile(), {"wait": 1.0}, 600, 12, 3)
    answers = {copies: seen.answers[CANDIDATE], CANDIDATE: elsewhere, STABLE: seen.answers[STABLE]}
    result = judged(Evidence(answers=answers, pods=seen.pods), comparison(candidate=copies, mode="Mirror"))
    assert (result.verdict, result.candidate.requests) == (verdict, 12 * 150)


@pytest.mark.parametrize(("score", "verdict"), [(1.0, "Pass"), (4.0, "Fail")])
def test_classes_are_matched_by_name_and_numbers_of_unlike_edges_by_what_is_known_of_them(
    score: float, verdict: str
) -> None:
    retrained = profile(("stay", "leave", "wait"), scores=1)
    result = judged(evidence({"leave": 0.3, "stay": 0.7}, minutes=24, candidate=retrained, score=score))
    assert (result.verdict, result.seen) == (verdict, True)
    assert ("score, by a few bins, is furthest of 2 outputs" in result.message) == (verdict == "Fail")


def test_where_nothing_can_be_compared_it_holds_and_says_why() -> None:
    numbers = ReferenceProfile.from_columns({"age": CHANCE.random(4000)}, {"predict": CHANCE.random(4000)})
    seen = evidence({"leave": 0.3, "stay": 0.7})
    counters = ProfileCounters(numbers)
    counters.ingest({}, {"predict": CHANCE.random(200)})
    counted = counters.totals()["outputs"]
    answers = {
        **seen.answers,
        CANDIDATE: tuple(AnswerSlot(one.start, one.end, counted) for one in seen.answers[STABLE]),
    }
    pods = {**seen.pods, CANDIDATE: (PodEvidence("p", CANDIDATE, "Ready", profile=numbers.to_json()),)}
    result = judged(Evidence(answers=answers, pods=pods))
    assert (result.verdict, result.seen) == ("Inconclusive", False)
    assert "no output is of the same kind in both bundles" in result.message


def test_few_rows_wait_for_others_of_the_same_minutes() -> None:
    few = judged(evidence({"leave": 0.3, "stay": 0.7}, minutes=3, rows=30))
    assert (few.candidate.requests, few.seen) == (0, False)
    assert "waits for 100 rows of both arms" in few.message
    assert judged(evidence({"leave": 0.3, "stay": 0.7}, minutes=4, rows=30)).candidate.requests == 120


def test_outputs_of_any_name_stay_within_the_status_and_are_told_apart() -> None:
    tables = {f"{'名' * 5000}{number}": Table([30.0, 70.0], [300.0, 700.0 - number]) for number in range(40)}
    once = OutputsMemory("answers", 0.2).with_block(tables)
    twice = OutputsMemory.from_json(json.loads(json.dumps(once.to_json()))).with_block(tables)
    assert (len(once.sums), len(twice.sums)) == (OUTPUTS_LIMIT, OUTPUTS_LIMIT)
    assert [name for name, _ in once.sums] == [name for name, _ in twice.sums]
    assert all(later != sooner for (_, later), (_, sooner) in zip(twice.sums, once.sums, strict=True))
    assert len(json.dumps(twice.to_json(), ensure_ascii=False).encode()) < 8192
