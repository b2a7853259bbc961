from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from weirkeeper.api.gates import DEFAULT_GATES, Gate
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, LatencySlot, Outcomes, OutcomeSlot
from weirkeeper.statistics import bin_of, upper_edge_us

STABLE, CANDIDATE = "m-1", "m-2"
SLOT = 5
BEGIN = 10_000
ERRORS = (Gate.model_validate({"name": "errors", "errorRate": {}}),)
LATENCY = (Gate.model_validate({"name": "latency", "latency": {}}),)

Counts = tuple[int, int]


def outcome(start: int, candidate: Counts = (0, 0), stable: Counts = (0, 0), **options: Any) -> OutcomeSlot:
    """Make a slot of (requests, bad), all of them the server's own fault."""
    arms = {CANDIDATE: candidate, STABLE: stable}
    return OutcomeSlot(start, {name: Outcomes(n, bad, bad) for name, (n, bad) in arms.items()}, **options)


def outcomes(*slots: tuple[Counts, Counts]) -> Evidence:
    return Evidence(outcomes=tuple(outcome(BEGIN + SLOT * i, *arms) for i, arms in enumerate(slots)))


def milliseconds(counts: Mapping[float, int]) -> dict[int, int]:
    return {bin_of(ms * 1000): count for ms, count in counts.items()}


def latency(stable: Sequence[LatencySlot], candidate: Sequence[LatencySlot] = ()) -> Evidence:
    return Evidence(latency={STABLE: tuple(stable), CANDIDATE: tuple(candidate)})


USUAL = milliseconds({2: 40, 4: 45, 8: 10, 12: 4, 20: 1})
"""A hundred requests of stable: p50 is 4 ms, p90 8 ms, p95 8 ms, p99 12 ms."""


def before(slots: int = 12) -> list[LatencySlot]:
    return [LatencySlot(BEGIN - SLOT * (slots - i), USUAL) for i in range(slots)]


def comparison(**changes: Any) -> gates.Comparison:
    usual: dict[str, Any] = {
        "candidate": CANDIDATE, "stable": STABLE, "mode": "Weight",
        "clean_from": BEGIN, "latency_from": BEGIN, "route_timeout": 15.0,
    }  # fmt: skip
    return gates.Comparison(**usual | changes)


ABSOLUTE = comparison(stable=None, mode="Absolute")


def begun(kinds: Sequence[Gate] = ERRORS, steps: int = 3, *, frozen: bool = True) -> gates.GatesMemory:
    memory = gates.start(kinds, 0.01, 0.05, steps)
    if frozen:
        memory = gates.freeze(memory, latency(before()), STABLE, BEGIN + SLOT)
    return gates.begin_step(memory)


def judged(
    evidence: Evidence,
    kinds: Sequence[Gate] = ERRORS,
    against: gates.Comparison | None = None,
    now: float = BEGIN + 900,
) -> gates.GateResult:
    against = against or comparison()
    return gates.results(gates.fold(begun(kinds), against, evidence, now), against, evidence, now)[0]


@pytest.mark.parametrize(
    ("slots", "verdict"),
    [
        pytest.param([], "Inconclusive", id="nothing seen"),
        pytest.param([((0, 0), (0, 0))] * 9, "Inconclusive", id="no requests"),
        pytest.param([((0, 0), (900, 9))] * 9, "Inconclusive", id="no candidate requests"),
        pytest.param([((10, 10), (190, 0))] * 3, "Fail", id="all wrong"),
        pytest.param([((10, 10), (190, 0))] * 2, "Inconclusive", id="all wrong, but in two slots only"),
        pytest.param([((50, 0), (950, 0))] * 9, "Inconclusive", id="clean, not enough yet"),
        pytest.param([((50, 0), (950, 0))] * 10, "Pass", id="487 clean requests"),
        pytest.param([((50, 5), (50, 5))] * 40, "Pass", id="as bad as stable"),
        pytest.param([((500, 1), (500, 0))] * 60, "Fail", id="within the objective, worse than stable"),
        pytest.param([((500, 0), (9500, 0))] * 20 + [((500, 1), (9500, 0))] * 9, "Pass", id="below what is ignored"),
    ],
)
def test_errors_are_judged(slots: list[tuple[Counts, Counts]], verdict: str) -> None:
    assert judged(outcomes(*slots)).verdict == verdict


def test_a_gate_that_fails_says_so_with_its_numbers() -> None:
    result = judged(outcomes(*[((20, 4), (400, 0))] * 3))
    assert result.verdict == "Fail"
    assert result.fail_at == pytest.approx(math.log(1 / 0.01))
    assert result.message == (
        "errors: candidate 12 of 60 bad (20.0 %), stable 0 of 1200 bad (0.0 %);"
        f" evidence e^{result.log_e_fail:.1f} of e^4.6 needed to roll back"
    )


def test_the_allowed_false_alarms_are_shared_among_gates() -> None:
    memory = gates.fold(begun(DEFAULT_GATES), comparison(), outcomes(), BEGIN)
    assert [item.fail_at for item in gates.results(memory, comparison())] == [pytest.approx(math.log(200))] * 2


def test_an_ignored_share_of_errors_never_fails() -> None:
    slots = [((1000, 15), (19_000, 0))] * 6
    tolerant = (Gate.model_validate({"name": "errors", "errorRate": {"objective": "99.9", "ignoreBelow": "2"}}),)
    assert judged(outcomes(*slots)).verdict == "Fail"
    assert judged(outcomes(*slots), tolerant).verdict == "Inconclusive"


def test_errors_of_clients_do_not_count_against_the_objective() -> None:
    slots = tuple(
        OutcomeSlot(BEGIN + SLOT * i, {CANDIDATE: Outcomes(100, 30, 0), STABLE: Outcomes(100, 30, 0)}) for i in range(6)
    )
    result = judged(Evidence(outcomes=slots))
    assert (result.verdict, result.candidate.bad) == ("Pass", 180)


def test_until_stable_erred_often_errors_are_taken_to_come_in_pairs() -> None:
    cautious = judged(outcomes(*[((50, 2), (950, 0))] * 3))
    calm = gates.freeze(
        gates.start(ERRORS, 0.01, 0.05, 3),
        Evidence(outcomes=tuple(outcome(BEGIN - 500 + SLOT * i, stable=(1000, 1)) for i in range(60))),
        STABLE,
        BEGIN,
    )
    memory = gates.fold(gates.begin_step(calm), comparison(), outcomes(*[((50, 2), (950, 0))] * 3), BEGIN + 900)
    assert gates.results(memory, comparison())[0].log_e_fail > cautious.log_e_fail + 1


def test_learning_how_errors_cluster_counts_every_slot_once() -> None:
    evidence = Evidence(outcomes=tuple(outcome(BEGIN - 500 + SLOT * i, stable=(1000, i % 4)) for i in range(60)))
    once = gates.freeze(gates.start(ERRORS, 0.01, 0.05), evidence, STABLE, BEGIN)
    assert gates.freeze(once, evidence, STABLE, BEGIN) == once
    _, _, bad, *_, last_bad, last = once.to_json()["gates"][0][1]["scatter"]
    assert (bad, last_bad, last) == (90, 3, 1000)
    folded = gates.fold(once, comparison(clean_from=0), evidence, BEGIN)
    assert folded.to_json()["gates"][0][1]["scatter"] == once.to_json()["gates"][0][1]["scatter"]


def test_waiting_for_latency_thresholds_does_not_blind_the_errors_gate() -> None:
    evidence = outcomes(*[((20, 20), (400, 0))] * 5)
    memory = begun(DEFAULT_GATES, frozen=False)
    for now in range(BEGIN, BEGIN + 40, SLOT):
        memory = gates.freeze(memory, evidence, STABLE, now)
        memory = gates.fold(memory, comparison(), evidence, now)
    assert not memory.frozen
    assert [item.verdict for item in gates.results(memory, comparison())] == ["Fail", "Inconclusive"]


def test_folding_again_changes_nothing_and_order_of_looks_does_not_matter() -> None:
    evidence = outcomes(*[((50, 1), (950, 2))] * 8)
    at_once = gates.fold(begun(), comparison(), evidence, BEGIN + 900)
    assert gates.fold(at_once, comparison(), evidence, BEGIN + 950) == at_once
    looked = begun()
    for now in range(BEGIN, BEGIN + 100):
        looked = gates.fold(looked, comparison(), evidence, now)
    assert looked == at_once


@pytest.mark.parametrize(("now", "folded"), [(BEGIN + 4.9, 0), (BEGIN + 5, 50), (BEGIN + 11, 100)])
def test_only_slots_that_ended_are_folded(now: float, folded: int) -> None:
    memory = gates.fold(begun(), comparison(), outcomes(*[((50, 0), (950, 0))] * 4), now)
    assert memory.step_requests == folded


def test_a_long_slot_ends_when_its_last_part_does() -> None:
    evidence = Evidence(outcomes=(outcome(BEGIN, (50, 0), span=12),))
    assert gates.fold(begun(), comparison(), evidence, BEGIN + 59).step_requests == 0
    assert gates.fold(begun(), comparison(), evidence, BEGIN + 60).step_requests == 50


def test_slots_in_which_weights_changed_are_dropped_for_good() -> None:
    evidence = outcomes(*[((50, 50), (950, 0))] * 4)
    memory = gates.fold(begun(), comparison(clean_from=BEGIN + 10), evidence, BEGIN + 900)
    assert (memory.step_requests, memory.observed_slots) == (100, 2)
    assert gates.fold(memory, comparison(), evidence, BEGIN + 900) == memory


def test_a_slot_that_was_not_wholly_observed_is_evidence_but_no_hold() -> None:
    slots = (outcome(BEGIN, (50, 0)), outcome(BEGIN + 5, (50, 0), observed=False), outcome(BEGIN + 10, (50, 0), span=3))
    memory = gates.fold(begun(), comparison(), Evidence(outcomes=slots), BEGIN + 900)
    assert (memory.step_requests, memory.observed_slots) == (150, 4)


def test_a_step_counts_from_zero_and_keeps_the_evidence() -> None:
    memory = gates.fold(begun(), comparison(), outcomes(*[((50, 0), (950, 0))] * 10), BEGIN + 900)
    later = gates.begin_step(memory)
    assert (memory.step_requests, later.step_requests, later.observed_slots) == (500, 0, 0)
    assert gates.results(later, comparison())[0].verdict == "Pass"


def test_another_revision_s_requests_are_no_evidence() -> None:
    evidence = Evidence(outcomes=tuple(OutcomeSlot(BEGIN + 5 * i, {"m-0": Outcomes(50, 50, 50)}) for i in range(9)))
    result = judged(evidence)
    assert (result.verdict, result.candidate.requests) == ("Inconclusive", 0)


def test_a_fault_that_begins_in_a_later_step_is_not_outweighed_by_the_clean_ones() -> None:
    clean, faulty = outcomes(*[((500, 5), (9500, 95))] * 200), [((500, 25), (9500, 95))] * 8
    memory = gates.fold(begun(), comparison(), clean, BEGIN + 1000)
    late = Evidence(outcomes=tuple(outcome(BEGIN + 1000 + SLOT * i, *arms) for i, arms in enumerate(faulty)))
    without = gates.results(gates.fold(memory, comparison(), late, BEGIN + 2000), comparison())[0]
    with_start = gates.results(gates.fold(gates.begin_step(memory), comparison(), late, BEGIN + 2000), comparison())[0]
    assert (without.verdict, with_start.verdict) == ("Pass", "Fail")


def test_no_more_processes_start_than_were_planned() -> None:
    evidence = outcomes(*[((50, 0), (950, 5))] * 3)
    memory = begun(steps=1)
    memory = gates.fold(memory, comparison(), evidence, BEGIN + 6)
    memory = gates.fold(gates.begin_step(memory), comparison(), evidence, BEGIN + 900)
    assert memory.to_json()["gates"][0][1]["start"] == 1


@pytest.mark.parametrize(
    ("slots", "verdict"),
    [
        pytest.param([(100, 30)] * 3, "Fail", id="failing"),
        pytest.param([(100, 30)] * 2, "Inconclusive", id="failing in two slots only"),
        pytest.param([(100, 0)] * 5, "Pass", id="clean"),
        pytest.param([(100, 1)] * 40, "Inconclusive", id="at its objective"),
        pytest.param([(0, 0)] * 40, "Inconclusive", id="no traffic"),
    ],
)
def test_without_a_stable_arm_the_objective_judges(slots: list[Counts], verdict: str) -> None:
    result = judged(outcomes(*[(arm, (0, 0)) for arm in slots]), against=ABSOLUTE)
    assert result.verdict == verdict
    assert result.effect is None
    assert "at most 1 % allowed" in result.message


def test_a_late_fault_in_the_bake_is_seen_among_many_clean_requests() -> None:
    memory = gates.fold(begun(), comparison(), outcomes(*[((5000, 0), (5000, 0))] * 100), BEGIN + 900)
    baking = gates.begin_step(memory)
    late = Evidence(outcomes=tuple(outcome(BEGIN + 1000 + SLOT * i, (10, 10)) for i in range(3)))
    against = comparison(stable=None, mode="Absolute", clean_from=BEGIN + 1000)
    assert gates.results(gates.fold(baking, against, late, BEGIN + 2000), against)[0].verdict == "Fail"


def test_a_stable_that_begins_to_fail_does_not_blind_the_bake() -> None:
    alone = Evidence(outcomes=tuple(outcome(BEGIN - 600 + SLOT * i, stable=(200, 0)) for i in range(120)))
    memory = gates.freeze(gates.start(ERRORS, 0.01, 0.05, 3), alone, STABLE, BEGIN)
    broken = outcomes(*[((100, 0), (100, 0))] * 5 + [((100, 0), (100, 40))] * 5)
    memory = gates.fold(gates.begin_step(memory), comparison(), broken, BEGIN + 900)
    late = Evidence(outcomes=tuple(outcome(BEGIN + 1000 + SLOT * i, (100, 10)) for i in range(3)))
    against = comparison(stable=None, mode="Absolute", clean_from=BEGIN + 1000)
    baked = gates.fold(gates.begin_step(memory), against, late, BEGIN + 2000)
    assert gates.results(baked, against)[0].verdict == "Fail"


def test_sums_of_an_operator_that_kept_others_begin_anew() -> None:
    kept = begun().to_json()
    kept["gates"][0][1]["scatter"] = [0.125, 90, 60_000, 60]
    assert gates.GatesMemory.from_json(kept) == begun()


def test_requests_needed_and_when_they_will_be_there() -> None:
    evidence = outcomes(*[((50, 0), (950, 0))] * 4)
    now = BEGIN + 20
    result = judged(evidence, now=now)
    assert result.requests_needed == 287
    assert result.eta == pytest.approx(now + 28.7)
    assert "about 287 more candidate requests to a pass" in result.message
    assert judged(outcomes()).requests_needed == 487
    assert judged(outcomes()).eta is None
    assert judged(outcomes(*[((50, 0), (950, 0))] * 10)).requests_needed == 0


def test_a_candidate_that_will_never_pass_needs_no_number() -> None:
    result = judged(outcomes(*[((50, 6), (950, 57))] * 3))
    assert (result.verdict, result.requests_needed, result.eta) == ("Inconclusive", None, None)


def test_thresholds_are_frozen_from_500_requests_and_not_before() -> None:
    memory = gates.start(LATENCY, 0.01, 0.05)
    few = gates.freeze(memory, latency(before(4)), STABLE, BEGIN + SLOT)
    assert (few.frozen, few.to_json()["gates"][0][1]["seen"]) == (False, 400)
    assert "400 of 500 requests of stable" in gates.results(few, comparison())[0].message
    enough = gates.freeze(few, latency(before(5)), STABLE, BEGIN + SLOT)
    assert (enough.frozen, enough.to_json()["gates"][0][1]["seen"]) == (True, 500)
    assert gates.freeze(enough, latency(before(12)), STABLE, BEGIN + 60) == enough


def test_only_the_last_ten_minutes_set_thresholds() -> None:
    memory = gates.start(LATENCY, 0.01, 0.05)
    assert not gates.freeze(memory, latency(before(12)), STABLE, BEGIN + 601).frozen
    assert not gates.freeze(memory, latency(before(12)), None, BEGIN + SLOT).frozen


def test_without_a_latency_gate_nothing_is_waited_for() -> None:
    assert gates.start(ERRORS, 0.01, 0.05).frozen


def thresholds(memory: gates.GatesMemory) -> list[tuple[float, ...]]:
    """List the milliseconds above which stable and candidate count as slow."""
    kept = memory.to_json()["gates"][0][1]["x"]
    return [tuple(upper_edge_us(i) / 1000 for i in settings[-1][1:]) for settings, *_ in kept]


@pytest.mark.parametrize(
    ("gate", "factor", "more"),
    [
        pytest.param({}, 1.0, 5.0, id="5 ms more"),
        pytest.param({"maxIncrease": 300}, 4.0, 0.0, id="four times"),
        pytest.param({"maxIncrease": 0, "minIncrease": "0s"}, 1.0, 0.0, id="no tolerance"),
    ],
)
def test_the_candidate_may_be_slower_by_the_larger_margin(gate: dict[str, Any], factor: float, more: float) -> None:
    memory = begun((Gate.model_validate({"name": "latency", "latency": gate}),))
    stable, candidate = thresholds(memory)[0]
    one_bin = 2 ** (1 / 16)
    assert 4.0 / one_bin < stable < 4.0 * one_bin
    # Rounded up to a whole bin, never more than one.
    assert factor * stable + more - 1e-9 <= candidate < (factor * stable + more) * one_bin


def test_what_routers_measured_is_judged_by_their_steps_so_that_the_tolerance_stays_whole() -> None:
    usual = milliseconds({50: 80, 99: 12, 300: 8})
    found = {}
    for by_router in (False, True):
        slots = [replace(slot, counts=usual, by_router=by_router) for slot in before()]
        memory = gates.begin_step(gates.freeze(gates.start(LATENCY, 0.01, 0.05), latency(slots), STABLE, BEGIN + SLOT))
        found[by_router] = thresholds(memory)[1]
    stable, candidate = found[True]
    assert found[False][0] == stable
    # 10 % more than these 101 ms are 111 ms, and routers count everything from 110 to 120 ms as the same.
    assert found[False][1] < 120 <= candidate < 120 * 2 ** (1 / 16)


def test_durations_all_in_one_bin_still_make_a_threshold_that_tells() -> None:
    same = [LatencySlot(slot.start, milliseconds({4: 100})) for slot in before()]
    memory = gates.begin_step(gates.freeze(gates.start(LATENCY, 0.01, 0.05), latency(same), STABLE, BEGIN + SLOT))
    later = [LatencySlot(BEGIN + SLOT * i, milliseconds({4: 100})) for i in range(12)]
    result = gates.results(gates.fold(memory, comparison(), latency(later, later), BEGIN + 900), comparison())[0]
    assert result.verdict == "Pass"


def during(candidate: Mapping[int, int], slots: int, active: int = 0) -> Evidence:
    stable = [LatencySlot(BEGIN + SLOT * i, USUAL) for i in range(slots)]
    return latency(stable, [LatencySlot(slot.start, candidate, active) for slot in stable])


SLOW = milliseconds({10: 40, 20: 45, 40: 10, 60: 4, 100: 1})


@pytest.mark.parametrize(
    ("candidate", "slots", "verdict"),
    [
        pytest.param(USUAL, 3, "Inconclusive", id="too early"),
        pytest.param(USUAL, 60, "Pass", id="the same"),
        pytest.param(SLOW, 3, "Fail", id="five times slower"),
        pytest.param({}, 60, "Inconclusive", id="no requests"),
        pytest.param(milliseconds({2: 40, 4: 45, 8: 10, 60: 5}), 60, "Fail", id="slow for one in twenty"),
    ],
)
def test_latency_is_judged(candidate: dict[int, int], slots: int, verdict: str) -> None:
    result = judged(during(candidate, slots), LATENCY)
    assert result.verdict == verdict
    assert result.message.startswith("latency: candidate ")


def test_a_slow_candidate_is_told_by_the_threshold_that_shows_it() -> None:
    result = judged(during(SLOW, 3), LATENCY)
    assert "candidate 60.0 % of 300 over 17.1 ms, stable 1.0 % of 300 over 12.1 ms (its p99)" in result.message
    assert result.effect is not None
    assert result.effect > 5


def test_requests_that_do_not_end_are_slow() -> None:
    assert judged(during({}, 3, active=100), LATENCY).verdict == "Fail"


def test_a_slot_fails_early_and_passes_only_after_the_route_s_time_out() -> None:
    memory, evidence = begun(LATENCY), during(USUAL, 1)
    early = gates.fold(memory, comparison(), evidence, BEGIN + 11)
    late = gates.fold(early, comparison(), evidence, BEGIN + 20)
    assert early.to_json()["gates"][0][1]["at"] == [BEGIN, BEGIN - SLOT]
    assert late.to_json()["gates"][0][1]["at"] == [BEGIN, BEGIN]
    assert gates.fold(late, comparison(), evidence, BEGIN + 900) == late


def test_slots_of_a_warm_up_are_dropped() -> None:
    against = comparison(latency_from=BEGIN + 30)
    memory = gates.fold(begun(LATENCY), against, during(SLOW, 6), BEGIN + 900)
    assert gates.results(memory, against)[0].candidate.requests == 0


def test_slots_that_set_the_thresholds_are_not_judged_by_them() -> None:
    evidence = during(SLOW, 12)
    memory = gates.freeze(gates.start(LATENCY, 0.01, 0.05), evidence, STABLE, BEGIN + 65)
    assert memory.frozen
    folded = gates.fold(memory, comparison(), evidence, BEGIN + 900)
    assert gates.results(folded, comparison())[0].candidate.requests == 0


TIMES_TEN = milliseconds({20: 40, 40: 45, 80: 10, 120: 4, 200: 1})


def followed(now: float = BEGIN + 900) -> gates.GatesMemory:
    """Thresholds were set while everything took ten times as long; from the beginning on it is as usual."""
    swamped = [LatencySlot(slot.start, TIMES_TEN) for slot in before()]
    memory = gates.begin_step(gates.freeze(gates.start(LATENCY, 0.01, 0.05), latency(swamped), STABLE, BEGIN + SLOT))
    usual = during(USUAL, 60).latency
    return gates.fold(memory, comparison(), latency([*swamped, *usual[STABLE]], usual[CANDIDATE]), now)


def test_thresholds_that_stable_left_behind_are_taken_anew_and_tell_again() -> None:
    memory = followed()
    assert thresholds(memory) == thresholds(begun(LATENCY))
    result = gates.results(memory, comparison())[0]
    assert result.verdict == "Pass"
    assert "(its p50, taken anew at " in result.message or "(its p99, taken anew at " in result.message


def test_thresholds_move_only_once_a_thousand_requests_of_stable_have_left_them() -> None:
    # Of a hundred requests a slot each: the thousandth request is in the tenth slot, which the next one is judged by.
    usual = thresholds(begun(LATENCY))
    assert not set(usual) & set(thresholds(followed(BEGIN + SLOT * 3)))
    assert thresholds(followed(BEGIN + SLOT * 14)) == usual


def test_thresholds_that_still_tell_are_left_alone() -> None:
    memory = gates.fold(
        begun(LATENCY),
        comparison(),
        latency([*before(), *during(USUAL, 60).latency[STABLE]], during(USUAL, 60).latency[CANDIDATE]),
        BEGIN + 900,
    )
    assert thresholds(memory) == thresholds(begun(LATENCY))


def test_a_candidate_s_own_latency_moves_no_threshold() -> None:
    fast = gates.fold(begun(LATENCY), comparison(), during(milliseconds({0.1: 100}), 60), BEGIN + 900)
    assert thresholds(fast) == thresholds(begun(LATENCY))


def test_the_slots_before_a_move_are_judged_for_pass_by_the_former_thresholds() -> None:
    at_once = followed()
    memory = followed(BEGIN + SLOT)
    for tick in range(2, 80):
        swamped = [LatencySlot(slot.start, TIMES_TEN) for slot in before()]
        usual = during(USUAL, 60).latency
        evidence = latency([*swamped, *usual[STABLE]], usual[CANDIDATE])
        memory = gates.fold(memory, comparison(), evidence, BEGIN + SLOT * tick)
        assert gates.GatesMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
    assert memory == at_once


def test_latency_never_fails_where_there_is_no_stable_arm() -> None:
    memory = gates.fold(begun(LATENCY), comparison(), during(SLOW, 3), BEGIN + 900)
    assert gates.results(memory, comparison())[0].verdict == "Fail"
    alone = gates.results(gates.fold(memory, ABSOLUTE, during(SLOW, 30), BEGIN + 900), ABSOLUTE)[0]
    assert alone.verdict == "Inconclusive"
    assert "not judged without stable" in alone.message


def busy() -> gates.GatesMemory:
    memory = begun(DEFAULT_GATES)
    for step in range(6):
        evidence = replace(during(USUAL, 60), outcomes=outcomes(*[((499, 3), (9501, 47))] * 60).outcomes)
        memory = gates.begin_step(gates.fold(memory, comparison(), evidence, BEGIN + 55 * (step + 1)))
    return memory


def test_the_memory_survives_json_and_stays_small() -> None:
    memory = busy()
    written = json.dumps(memory.to_json())
    assert gates.GatesMemory.from_json(json.loads(written)) == memory
    assert len(written) < 6 * 1024


def test_whole_numbers_may_come_back_without_a_point() -> None:
    memory = begun(DEFAULT_GATES)
    written = json.dumps(memory.to_json()).replace(".0,", ",").replace(".0]", "]")
    assert gates.GatesMemory.from_json(json.loads(written)).to_json() == memory.to_json()


def test_results_are_plain_json() -> None:
    for result in gates.results(busy(), comparison(), outcomes(), BEGIN + 900):
        written = json.loads(json.dumps(result.to_json()))
        assert written["name"] == result.name
        assert written["candidate"] == {"requests": result.candidate.requests, "bad": result.candidate.bad}
        assert None not in written.values()


def formerly(memory: gates.GatesMemory) -> dict[str, Any]:
    """What an operator wrote that knew two kinds of gates only."""
    written = memory.to_json()
    kinds = {"errors": "errorRate", "latency": "latency"}
    placed = {
        key: {str(i): item for i, (kind, item) in enumerate(written["gates"]) if kind == name}
        for key, name in kinds.items()
    }
    return {key: value for key, value in written.items() if key not in {"gates", "free"}} | placed | {"v": 1}


def test_a_memory_of_an_operator_before_this_one_is_read() -> None:
    memory = busy()
    assert gates.GatesMemory.from_json(json.loads(json.dumps(formerly(memory)))) == memory


def named(kind: str, **settings: Any) -> Gate:
    return Gate.model_validate({"name": kind.lower(), kind: {}, **settings})


def test_a_gate_that_blocks_nothing_takes_no_share_of_the_allowed_false_alarms() -> None:
    kinds = (named("errorRate"), named("latency", blocks="Nothing"))
    results = gates.results(begun(kinds), comparison())
    assert [item.fail_at for item in results] == [pytest.approx(math.log(100))] * 2
    assert [item.blocks for item in results] == ["Promotion", "Nothing"]
    assert results[1].message.endswith("; blocks nothing")
    assert results[1].to_json()["blocks"] == "Nothing"


def test_a_gate_is_not_judged_in_a_step_in_which_it_proves_nothing() -> None:
    failed = gates.fold(begun(LATENCY), comparison(), during(SLOW, 3), BEGIN + 900)
    matched = comparison(mode="Match")
    later = gates.fold(failed, matched, during(SLOW, 30), BEGIN + 900)
    assert later.gates == failed.gates
    result = gates.results(later, matched)[0]
    assert result.verdict == "Inconclusive"
    assert "; not judged by chosen callers; evidence" in result.message


def test_copies_of_requests_are_judged_like_requests() -> None:
    evidence = outcomes(*[((10, 10), (190, 0))] * 3)
    mirrored = judged(evidence, against=comparison(mode="Mirror"))
    assert replace(mirrored, message="") == replace(judged(evidence), message="")


def test_chosen_callers_are_judged_by_the_objective_alone() -> None:
    evidence = outcomes(*[((100, 50), (100, 50))] * 3)
    assert judged(evidence).verdict == "Pass"
    assert judged(evidence, against=comparison(mode="Match")).verdict == "Fail"


IN_TIME = (Gate.model_validate({"name": "latency", "latency": {"objective": {"below": "10ms", "target": "95"}}}),)
FIRST = comparison(stable=None, mode="Absolute")


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        pytest.param({4: 99, 20: 1}, "Pass", id="one percent slower than 10 ms"),
        pytest.param({4: 80, 20: 20}, "Fail", id="a fifth slower than 10 ms"),
        pytest.param({4: 95, 20: 5}, "Inconclusive", id="as many as allowed"),
    ],
)
@pytest.mark.parametrize("mode", ["Absolute", "Match"])
def test_an_objective_judges_latency_without_stable(counts: dict[float, int], verdict: str, mode: gates.Mode) -> None:
    against = comparison(stable=None, mode=mode)
    memory = gates.start(IN_TIME, 0.01, 0.05, 3)
    evidence = latency([], [LatencySlot(BEGIN + SLOT * i, milliseconds(counts)) for i in range(30)])
    result = gates.results(gates.fold(memory, against, evidence, BEGIN + 900), against)[0]
    assert (result.verdict, result.candidate.requests) == (verdict, 3000)
    assert "over 10.2 ms" in result.message
    assert "at most 5 % allowed" in result.message


def test_what_has_not_ended_is_slow_for_the_objective_once_it_could_have() -> None:
    slots = [LatencySlot(BEGIN + SLOT * i, milliseconds({4: 10}), active=20) for i in range(30)]
    early = gates.fold(gates.start(IN_TIME, 0.01, 0.05, 3), FIRST, latency([], slots[:1]), BEGIN + 2 * SLOT)
    assert gates.results(early, FIRST)[0].candidate.requests == 0
    late = gates.fold(early, FIRST, latency([], slots), BEGIN + 900)
    assert gates.results(late, FIRST)[0].verdict == "Fail"


def test_the_objective_does_not_judge_beside_stable() -> None:
    memory = gates.freeze(gates.start(IN_TIME, 0.01, 0.05, 3), latency(before()), STABLE, BEGIN + SLOT)
    slow = milliseconds({40: 100})
    slots = [LatencySlot(BEGIN + SLOT * i, slow) for i in range(30)]
    folded = gates.fold(gates.begin_step(memory), comparison(), latency([*before(), *slots], slots), BEGIN + 900)
    assert folded.to_json()["gates"][0][1]["o"][1] == []


def test_the_evidence_of_the_objective_survives_a_restart() -> None:
    memory = gates.start(IN_TIME, 0.01, 0.05, 3)
    slots = [LatencySlot(BEGIN + SLOT * i, milliseconds({4: 97, 20: 3})) for i in range(30)]
    for tick in range(40):
        memory = gates.fold(memory, FIRST, latency([], slots), BEGIN + SLOT * tick)
        assert gates.GatesMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory
    assert gates.fold(memory, FIRST, latency([], slots), BEGIN + SLOT * 39) == memory
