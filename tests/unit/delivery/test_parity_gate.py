from __future__ import annotations

import json

import pytest

from tests.unit.delivery.labelled import BEGIN, CANDIDATE, HOUR, comparison, gate, judged, segmented
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, LabelSlots
from weirkeeper.statistics.labels import LabelCounts

PARITY = gate("parity", metric="DemographicParity", segment="sex")
OPPORTUNITY = gate("parity", metric="EqualOpportunity", segment="sex")


def group(chosen: int, rows: int, missed: int = 0, posts: int = 20) -> LabelCounts:
    """So many of so many rows are given the favourable class, rightly; so many who deserve it are not."""
    counts = LabelCounts(rows=rows, correct=rows - missed, posts=posts, positive="yes")
    counts.confusion["yes", "yes"] = chosen
    counts.confusion["no", "yes"] = missed
    counts.confusion["no", "no"] = rows - chosen - missed
    return counts


@pytest.mark.parametrize(
    ("f", "m", "verdict"),
    [
        pytest.param(group(1500, 3000), group(1500, 3000), "Pass", id="alike"),
        pytest.param(group(900, 3000), group(1800, 3000), "Fail", id="half as often"),
        pytest.param(group(2350, 6000), group(3000, 6000), "Inconclusive", id="near the limit"),
        pytest.param(group(9, 90), group(1800, 3000), "Inconclusive", id="a small group"),
        pytest.param(group(900, 3000, posts=5), group(1800, 3000, posts=5), "Inconclusive", id="ten posts"),
    ],
)
def test_groups_are_compared(f: LabelCounts, m: LabelCounts, verdict: str) -> None:
    assert judged(PARITY, segmented(f=f, m=m)).verdict == verdict


def test_opportunity_is_of_those_who_deserve_it() -> None:
    unlike = segmented(f=group(900, 4000, missed=900), m=group(1800, 4000, missed=100))
    assert judged(OPPORTUNITY, unlike).verdict == "Fail"
    assert judged(OPPORTUNITY, segmented(f=group(900, 4000, 50), m=group(1800, 4000, 100))).verdict == "Pass"


def test_it_says_how_the_groups_fare() -> None:
    result = judged(PARITY, segmented(f=group(900, 3000), m=group(1800, 3000)))
    assert result.message.startswith(
        "parity: DemographicParity by sex: f 30.0 % of 3000, m 60.0 % of 3000, at least 0.8 of the highest allowed;"
    )
    assert result.effect == pytest.approx(0.5)
    assert result.candidate.requests == 6000


def test_an_unknown_segment_is_told_with_the_nearest_names() -> None:
    result = judged(gate("parity", metric="DemographicParity", segment="sexx"), segmented(f=group(90, 300)))
    assert (result.verdict, result.seen) == ("Inconclusive", False)
    assert (
        "no label is counted by 'sexx'; labels are counted by sex: the Model's parameter `segments`" in result.message
    )


def test_labels_from_before_the_attempt_do_not_count() -> None:
    late = comparison(clean_from=BEGIN + HOUR)
    memory = gates.begin_step(gates.start(PARITY, 0.01, 0.05, 3))
    folded = gates.fold(memory, late, segmented(f=group(900, 3000), m=group(1800, 3000)), BEGIN + 9 * HOUR)
    assert not gates.results(folded, late)[0].seen


def test_groups_survive_a_restart() -> None:
    memory = gates.start(PARITY, 0.01, 0.05, 3)
    evidence = segmented(f=group(900, 3000), m=group(1800, 3000))
    folded = gates.fold(memory, comparison(), evidence, BEGIN + HOUR)
    assert gates.GatesMemory.from_json(json.loads(json.dumps(folded.to_json()))) == folded
    assert gates.fold(folded, comparison(), evidence, BEGIN + HOUR) == folded


def test_many_groups_stay_within_the_status() -> None:
    slot = {f"sex={i:03}{'x' * 500}": group(90, 300 + i) for i in range(60)}
    evidence = Evidence(labels=LabelSlots(HOUR, {CANDIDATE: {BEGIN: {"": group(90, 300), **slot}}}))
    memory = gates.fold(gates.start(PARITY, 0.01, 0.05, 3), comparison(), evidence, BEGIN + HOUR)
    assert len(json.dumps(memory.to_json())) < 2048
    assert len(gates.results(memory, comparison())[0].message) < 1024


def test_a_step_that_waits_for_groups_says_until_when() -> None:
    memory = gates.begin_step(gates.start(PARITY, 0.01, 0.05, 3))
    result = gates.results(memory, comparison(), Evidence(), BEGIN + 2 * HOUR, {"parity": BEGIN + 10 * HOUR})[0]
    assert result.needs == "100 labelled rows in each of two groups, in 20 posts or more"
    assert f"; needed: {result.needs}, until 2027-01-15T18:00:00Z, when its maxDuration ends;" in result.message


def test_segments_of_long_names_stay_within_the_status() -> None:
    slot = {f"{i}{'x' * 500}=f": group(90, 300) for i in range(5)}
    evidence = Evidence(labels=LabelSlots(HOUR, {CANDIDATE: {BEGIN: {"": group(90, 300), **slot}}}))
    memory = gates.fold(gates.start(PARITY, 0.01, 0.05, 3), comparison(), evidence, BEGIN + HOUR)
    assert len(json.dumps(memory.to_json())) < 1024
    assert "labels are counted by 0xxx" in gates.results(memory, comparison())[0].message
