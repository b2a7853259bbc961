from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.delivery.labelled import CANDIDATE, comparison, gate
from weirkeeper.api.gates import Gate
from weirkeeper.api.names import MIRROR, arm
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, PodEvidence, ProfiledBlock
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters

BEGIN = 1_800_000_000
SKEW = gate("inputs")
CHANCE = np.random.default_rng(3)
REFERENCE = {
    "age": CHANCE.normal(40.0, 10.0, 5000),
    "region": CHANCE.choice(np.array(["north", "south"], dtype=object), 5000, p=[0.7, 0.3]),
    "constant": np.ones(5000),
}
PROFILE = ReferenceProfile.from_columns(REFERENCE, {"score": CHANCE.random(5000)})


def pod(profile: Mapping[str, Any] | None) -> PodEvidence:
    return PodEvidence("p", "u", "Ready", profile=profile, profile_sha256="x")


def evidence(count: int = 6, profile: Mapping[str, Any] | None = None, **changed: Any) -> Evidence:
    """So many blocks of 300 rows like those of the profile, except for the columns that are given."""
    blocks = []
    for i in range(count):
        chance = np.random.default_rng(100 + i)
        rows = chance.integers(0, 5000, 300)
        columns = {name: column[rows] for name, column in REFERENCE.items()}
        columns |= {name: make(chance) for name, make in changed.items()}
        counters = ProfileCounters(PROFILE)
        counters.ingest(columns, {})
        blocks.append(ProfiledBlock(BEGIN + 60 * i, BEGIN + 60 * (i + 1), counters.totals()["inputs"]))
    told = PROFILE.to_json() if profile is None else profile
    return Evidence(profiled={CANDIDATE: tuple(blocks)}, pods={CANDIDATE: (pod(told),)})


AGAINST = comparison(clean_from=BEGIN)


def folded(seen: Evidence) -> gates.GatesMemory:
    return gates.fold(gates.begin_step(gates.start(SKEW, 0.01, 0.05, 3)), AGAINST, seen, BEGIN + 1000)


@pytest.mark.parametrize(
    ("changed", "verdict", "named"),
    [
        pytest.param({}, "Pass", "", id="like the profile"),
        pytest.param({"age": lambda chance: chance.normal(49.0, 10.0, 300)}, "Fail", "age", id="older people"),
        pytest.param({"age": lambda chance: chance.normal(41.0, 10.0, 300)}, "Pass", "", id="a little older"),
        pytest.param({"age": lambda _: np.full(300, np.nan)}, "Fail", "age", id="not filled any more"),
        pytest.param({"region": lambda _: np.array(["west"] * 300, dtype=object)}, "Fail", "region", id="unseen"),
        pytest.param({"constant": lambda _: np.zeros(300)}, "Fail", "constant", id="another constant"),
    ],
)
def test_inputs_are_compared_with_the_candidate_s_own_profile(
    changed: dict[str, Any], verdict: str, named: str
) -> None:
    result = gates.results(folded(evidence(**changed)), AGAINST)[0]
    assert (result.verdict, result.candidate.requests) == (verdict, 1800)
    assert (f"TrainingServingSkew: {named} is furthest of 3 inputs" in result.message) == (verdict == "Fail")


def test_copies_are_judged_by_their_own_rows() -> None:
    copies = arm(CANDIDATE, MIRROR)
    against = comparison(candidate=copies, mode="Mirror", clean_from=BEGIN)
    seen = evidence(age=lambda chance: chance.normal(49.0, 10.0, 300))
    split = evidence()
    both = replace(seen, profiled={CANDIDATE: split.profiled[CANDIDATE], copies: seen.profiled[CANDIDATE]})
    memory = gates.begin_step(gates.start(SKEW, 0.01, 0.05, 3))
    result = gates.results(gates.fold(memory, against, both, BEGIN + 1000), against)[0]
    assert (result.verdict, result.candidate.requests) == ("Fail", 1800)


def test_a_small_change_never_fails_however_many_rows_come() -> None:
    result = gates.results(folded(evidence(60, age=lambda chance: chance.normal(42.0, 10.0, 300))), AGAINST)[0]
    assert result.verdict == "Pass"


def test_without_rows_or_profile_it_holds_and_says_so() -> None:
    nothing = gates.results(folded(Evidence()), AGAINST)[0]
    assert (nothing.verdict, nothing.seen) == ("Inconclusive", False)
    assert "it takes the built-in server" in nothing.message
    broken = gates.results(folded(evidence(profile={"apiVersion": "profile/v9"})), AGAINST)[0]
    assert (broken.verdict, broken.seen) == ("Inconclusive", False)
    assert "inputs cannot be judged: profile has apiVersion 'profile/v9'" in broken.message


def test_blocks_count_once_and_not_from_before_a_change_of_weights() -> None:
    memory = folded(evidence(4))
    assert gates.fold(memory, AGAINST, evidence(4), BEGIN + 2000) == memory
    more = gates.fold(memory, comparison(clean_from=BEGIN + 300), evidence(6), BEGIN + 2000)
    assert gates.results(more, AGAINST)[0].candidate.requests == 4 * 300 + 300


def test_chosen_callers_are_not_compared() -> None:
    memory = gates.start(SKEW, 0.01, 0.05, 3)
    assert gates.fold(memory, comparison(mode="Match", clean_from=BEGIN), evidence(), BEGIN + 900).gates == memory.gates


def test_what_was_learned_survives_a_restart() -> None:
    memory = folded(evidence())
    assert gates.GatesMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory


@pytest.mark.parametrize(("count", "told"), [(1, "the first 256 of 300 inputs"), (4, "the first 64 of 300 inputs")])
def test_hundreds_of_inputs_stay_within_the_status(count: int, told: str) -> None:
    columns = {f"feature {i}": np.random.default_rng(i).normal(0.0, 1.0, 300) for i in range(300)}
    profile = ReferenceProfile.from_columns(columns, {"score": np.zeros(300)})
    counters = ProfileCounters(profile)
    counters.ingest(columns, {})
    block = ProfiledBlock(BEGIN, BEGIN + 60, counters.totals()["inputs"])
    seen = Evidence(profiled={CANDIDATE: (block,)}, pods={CANDIDATE: (pod(profile.to_json()),)})
    kinds = [Gate.model_validate({"name": f"skew-{i}", "inputs": {}}) for i in range(count)]
    memory = gates.fold(gates.start(kinds, 0.01, 0.05, 3), AGAINST, seen, BEGIN + 1000)
    assert all(f"furthest of {told}" in result.message for result in gates.results(memory, AGAINST))
    kept = json.loads(json.dumps(memory.to_json()))
    assert len(json.dumps(kept)) < 8192
    assert gates.GatesMemory.from_json(kept) == memory
