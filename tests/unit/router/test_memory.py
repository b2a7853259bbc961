from __future__ import annotations

import json
from typing import Any

import pytest

from weirkeeper.api.steps import Callers, HeaderMatch, Sticky
from weirkeeper.router.beside import Beside
from weirkeeper.router.counters import Counts
from weirkeeper.router.errors import BrokenMemory
from weirkeeper.router.memory import VERSIONS_KEPT, Memory, from_json, to_json
from weirkeeper.router.traffic import Applied


def one(decision: int) -> Applied:
    callers = (Callers(headers=(HeaderMatch(name="x-cohort", regex="a.*"),)),)
    beside = Beside("churn-b~mirror", 50, "churn-b~match", callers, Sticky(cookie="who"), "churn-b")
    return Applied("u1", "2026-01-01T00:00:00Z", decision, decision + 1, (("churn-a", 95), ("churn-b", 5)), beside)


def test_memory_survives_the_way_through_its_file() -> None:
    memory = (
        Memory()
        .with_wanted({"churn-a", "churn-b"}, 100.0)
        .with_bases(50.5, {"churn-a": Counts(5, 1, 1, 0)})
        .with_wanted({"churn-a"}, 160.0)
        .with_applied({"churn": one(3)})
    )
    assert from_json(json.loads(json.dumps(to_json(memory)))) == memory


@pytest.mark.parametrize(
    "given", [None, [], {}, {"schema": 2}, {"schema": 1, "version": "x"}, to_json(Memory()) | {"applied": {"churn": 1}}]
)
def test_a_damaged_memory_is_told_from_an_empty_one(given: Any) -> None:
    with pytest.raises(BrokenMemory, match="expected"):
        from_json(given)


def test_each_version_knows_its_decisions_and_old_ones_are_forgotten() -> None:
    memory = Memory()
    for decision in range(1, 31):
        memory = memory.with_applied({"churn": one(decision)})
    assert memory.version == 30
    assert len(memory.versions) == VERSIONS_KEPT
    assert memory.versions[30] == {"churn": 30}
    assert memory.versions[15] == {"churn": 15}


def test_a_series_has_its_own_epoch_each_time_it_is_made() -> None:
    memory = Memory().with_wanted({"churn-a", "churn-b"}, 1.0)
    again = memory.without({"churn-b"}).with_wanted({"churn-a", "churn-b"}, 2.0)
    assert again.series["churn-a"] == memory.series["churn-a"]
    assert again.series["churn-b"].epoch > memory.series["churn-b"].epoch


def test_a_series_counts_as_unused_from_when_it_was_last_wanted() -> None:
    memory = Memory().with_wanted({"churn-a"}, 1.0).with_wanted(set(), 5.0).with_wanted(set(), 9.0)
    assert memory.series["churn-a"].unused_since == 5.0
    assert memory.with_wanted({"churn-a"}, 10.0).series["churn-a"].unused_since is None
