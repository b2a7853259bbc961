"""The comparison of gates: the same traffic every time, rules that do what they say, and figures that are true."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bench import tables as pages
from bench.gates import __main__ as bench_gates
from bench.gates import judging, ours, peers, tables
from bench.gates.rules import Ended
from bench.gates.scenarios import ERRORS, HEALTHY, MINUTE, SCENARIOS, Client, Scenario, Step, always
from bench.gates.simulating import BARE, Run, judged
from bench.gates.streams import BEFORE, Arm, Stream, draw, latency_shares
from bench.pictures import bars
from bench.verdicts import Goal
from weirkeeper.statistics import BINS

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def stream_of(candidate: tuple[int, int], stable: tuple[int, int], slots: int, place: int = 0) -> Stream:
    """The same counts (requests, bad) in every slot, with all durations in bin `place` where one is given."""

    def arm(requests: int, bad: int) -> Arm:
        latency = np.zeros((slots + BEFORE, BINS if place else 0), dtype=np.int64)
        if place:
            latency[:, place] = requests
        return Arm(np.full(slots + BEFORE, requests), np.full(slots + BEFORE, bad), latency)

    return Stream(arm(*candidate), arm(*stable))


def scenario_of(slots: int) -> Scenario:
    return Scenario("t", "t", "fault", (Step(0.1, slots),))


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one.medians is None], ids=lambda one: one.name)
def test_traffic_is_the_same_from_the_same_seed_and_as_the_scenario_says(scenario: Scenario) -> None:
    once, again, other = draw(scenario, 3), draw(scenario, 3), draw(scenario, 4)
    assert np.array_equal(once.stable.requests, again.stable.requests)
    assert not np.array_equal(once.stable.requests, other.stable.requests)
    candidate, stable = once.during
    assert candidate.requests.size == scenario.slots
    assert once.candidate.requests[:BEFORE].sum() == 0
    if scenario.client is None:
        shares = candidate.requests / (candidate.requests + stable.requests)
        assert shares.mean() == pytest.approx(scenario.weights.mean(), abs=0.03)
    assert (candidate.bad <= candidate.requests).all()


def test_bursts_lie_on_one_revision_whole() -> None:
    for arm in draw(BY_NAME["burst-5"], 1).during:
        assert arm.bad.sum() > 0
        assert set(np.unique(arm.bad % 5)) == {0}


def test_a_sticky_client_is_on_one_revision_while_the_weight_stands_still() -> None:
    everything = Client(share=1.0, on=300, period=300)
    stream = draw(Scenario("t", "t", "healthy", (Step(0.5, 60),), client=everything), 1)
    requests = {int(arm.requests.sum() > 0) for arm in stream.during}
    assert requests == {0, 1}


def test_a_client_s_errors_fall_on_both_revisions_unless_it_is_sticky() -> None:
    erring = Client(share=1.0, on=300, period=300, spell=30)
    scenario = Scenario("t", "t", "healthy", (Step(0.5, 60),), stable_bad=always(0.0), client=erring)
    by_chance = replace(scenario, client=erring._replace(sticky=False))
    assert 0 in {int(arm.bad.sum()) for arm in draw(scenario, 1).during}
    shares = [arm.bad.sum() / arm.requests.sum() for arm in draw(by_chance, 1).during]
    assert min(shares) > 0.2
    assert shares[0] == pytest.approx(shares[1], rel=0.1)


def test_durations_have_the_median_that_was_asked_for() -> None:
    shares = latency_shares(40.0)
    assert shares.sum() == pytest.approx(1.0)
    edge = peers.EDGES[int(np.searchsorted(np.cumsum(shares), 0.5))]
    assert edge == pytest.approx(40.0, rel=0.05)


def test_flagger_counts_failed_checks_and_argo_failed_measurements() -> None:
    hour, bad = scenario_of(60 * MINUTE), stream_of((10, 1), (10, 1), 60 * MINUTE)
    assert peers.flagger(hour, bad) == Ended("Fail", 5 * MINUTE)
    assert peers.argo(hour, bad) == Ended("Fail", 20 * MINUTE)
    fine = stream_of((1000, 9), (1000, 9), 60 * MINUTE)
    assert {rule(hour, fine).verdict for rule in peers.PEERS.values()} == {"Inconclusive"}
    slow = stream_of((10, 0), (10, 0), 60 * MINUTE, place=BINS - 1)
    assert peers.flagger(hour, slow) == Ended("Fail", 5 * MINUTE)
    silent = stream_of((0, 0), (10, 0), 60 * MINUTE)
    assert peers.flagger(hour, silent) == Ended("Fail", 5 * MINUTE)


def test_the_pooled_test_compares_what_was_seen_so_far() -> None:
    hour = scenario_of(60 * MINUTE)
    assert peers.pooled(hour, stream_of((10, 1), (90, 0), 60 * MINUTE)) == Ended("Fail", MINUTE)
    assert peers.pooled(hour, stream_of((10, 0), (90, 1), 60 * MINUTE)).verdict == "Inconclusive"
    # Pooled: 4 of 100 against 2 of 200, (0.04 - 0.01) / sqrt(0.02 * 0.98 * (1 / 100 + 1 / 200)) by hand.
    counts = (np.array([value], dtype=np.float64) for value in (4, 2, 100, 200))
    assert peers._z(*counts)[0] == pytest.approx(0.03 / math.sqrt(0.02 * 0.98 * 0.015))


def test_our_gates_roll_back_what_is_wrong_and_leave_alone_what_is_not() -> None:
    wrong, fine = stream_of((10, 5), (90, 0), 5 * MINUTE), stream_of((10, 0), (90, 0), 5 * MINUTE)
    scenario = scenario_of(5 * MINUTE)
    found = ours.judge(scenario, wrong)
    assert found.verdict == "Fail"
    assert 3 <= found.slots <= 6
    assert ours.judge(scenario, fine).verdict == "Inconclusive"
    assert ours.judge_bare(scenario, wrong).slots <= found.slots
    assert ours.judge_bare(scenario, fine) == Ended("Inconclusive", 5 * MINUTE)


def test_a_candidate_that_is_fine_is_promoted_after_the_hold_of_the_last_step() -> None:
    steps = Step(0.1, MINUTE), Step(0.5, 10 * MINUTE)
    scenario = Scenario("t", "t", "limit", steps, gates=ERRORS)
    found = ours.judge(scenario, stream_of((500, 0), (500, 0), 11 * MINUTE))
    assert found == Ended("Pass", 2 * MINUTE)
    assert peers.flagger(scenario, stream_of((500, 0), (500, 0), 11 * MINUTE)) == Ended("Pass", 2 * MINUTE)


def test_a_slower_candidate_is_seen_by_gate_and_bare_test() -> None:
    scenario = BY_NAME["half-slower"]
    runs = judged(scenario, draw(scenario, 1))
    assert (runs[ours.NAME].verdict, runs[BARE].verdict, runs["pooled z-test"].verdict) == ("Fail",) * 3
    assert runs[BARE].requests < 300


def runs(fails: int, of: int, requests: int = 100) -> list[Run]:
    return [Run("Fail" if i < fails else "Inconclusive", 10, requests, 2) for i in range(of)]


def test_shares_have_an_error_and_delays_count_those_that_never_saw_it() -> None:
    found = judging.share(runs(5, 100), "Fail")
    assert found.value == 0.05
    assert found.error == pytest.approx(math.sqrt(0.05 * 0.95 / 100))
    assert judging.share(runs(0, 100), "Fail").error == pytest.approx(math.sqrt(0.01 * 0.99 / 100))
    delay = judging.delay(runs(80, 100))
    assert (delay.requests, delay.seen) == ((100.0, math.inf), 0.8)
    assert delay.seconds[0] == 50.0


@pytest.mark.parametrize(("fails", "met"), [(0, True), (16, True), (17, False)])
def test_false_roll_backs_may_exceed_alpha_by_the_simulation_error_alone(fails: int, *, met: bool) -> None:
    # 1 % and twice sqrt(0.01 * 0.99 / 1000): 1.63 %, so 16 of 1000.
    (goal,) = judging.goals({"iid": {ours.NAME: runs(fails, 1000)}}, HEALTHY[:1])
    assert goal.met is met


def test_every_scenario_that_is_judged_has_a_goal_and_a_fault_that_is_seen_late_misses_it() -> None:
    found = {one.name: dict.fromkeys((BARE, *tables.RULES), runs(0, 50)) for one in SCENARIOS}
    assert {goal.met for goal in judging.goals(found, SCENARIOS)[:-2]} == {True}
    late, slow = judging.goals(found, SCENARIOS)[-2:]
    assert (late.met, slow.met) == (False, False)
    found["tenfold"] = {BARE: runs(50, 50, 600)}
    found["half-slower"] = {BARE: runs(50, 50, 151)}
    late, slow = judging.goals(found, SCENARIOS)[-2:]
    assert (late.met, slow.met) == (True, False)
    assert pages.verdict("bench-gates", [late]) == ("bench-gates: every goal that was judged is reached", 0)
    assert pages.verdict("bench-gates", [slow]) == (f"bench-gates: missed: {slow.name}", 1)


def test_tables_and_pictures_hold_every_rule_and_scenario() -> None:
    found = {one.name: dict.fromkeys((BARE, *tables.RULES), runs(1, 50)) for one in SCENARIOS}
    text = bench_gates.told(found, SCENARIOS, [Goal("g", met=True, told="t")])
    assert all(one.title in text for one in SCENARIOS)
    assert all(rule in text for rule in (BARE, *tables.RULES))
    picture = ET.fromstring(bars("t", tables.share_bars(found, SCENARIOS, "healthy", "Fail")))  # noqa: S314
    assert "one heavy sticky client" in "".join(picture.itertext())


def test_the_page_has_a_place_for_the_tables() -> None:
    page = bench_gates.PAGE.read_text()
    assert page.index(pages.BEGINS) < page.index(pages.ENDS)
