"""Labels as the collector has them: by revision and slot of the prediction, in an hour's slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weirkeeper.api.gates import Gate
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, LabelSlots
from weirkeeper.statistics.labels import LabelCounts

STABLE, CANDIDATE = "m-1", "m-2"
HOUR = 3600
BEGIN = 1_800_000_000 // HOUR * HOUR

Segments = Mapping[str, LabelCounts]


def gate(kind: str, **settings: Any) -> tuple[Gate, ...]:
    return (Gate.model_validate({"name": kind, kind: settings}),)


def comparison(**changes: Any) -> gates.Comparison:
    usual: dict[str, Any] = {
        "candidate": CANDIDATE, "stable": STABLE, "mode": "Weight",
        "clean_from": BEGIN, "latency_from": BEGIN, "route_timeout": 15.0,
    }  # fmt: skip
    return gates.Comparison(**usual | changes)


def classes(right: int, wrong: int, posts: int = 20) -> LabelCounts:
    """Rows of two classes, as many of each."""
    counts = LabelCounts(posts=posts)
    for predicted, actual, count in (("yes", "yes", right), ("no", "yes", wrong)):
        counts.rows += count
        counts.correct += count if predicted == actual else 0
        counts.confusion[predicted, actual] += count
    counts.positive = "yes"
    return counts


def values(*amounts: float, posts: int = 20) -> LabelCounts:
    counts = LabelCounts(posts=posts)
    for amount in amounts:
        counts.add_value(amount)
    return counts


def labelled(*slots: tuple[LabelCounts, LabelCounts], begin: int = BEGIN) -> Evidence:
    """Labels of candidate and stable, an hour after the other."""
    arms = {
        name: {begin + HOUR * i: {"": arm[place]} for i, arm in enumerate(slots)}
        for place, name in enumerate((CANDIDATE, STABLE))
    }
    return Evidence(labels=LabelSlots(HOUR, arms))


def segmented(**groups: LabelCounts) -> Evidence:
    """One hour of the candidate's labels by groups of the segment `sex`."""
    whole = LabelCounts()
    for counts in groups.values():
        whole.merge(counts)
    slot = {"": whole, **{f"sex={name}": counts for name, counts in groups.items()}}
    return Evidence(labels=LabelSlots(HOUR, {CANDIDATE: {BEGIN: slot}}))


def judged(kinds: tuple[Gate, ...], evidence: Evidence, hours: float = 1000) -> gates.GateResult:
    memory = gates.begin_step(gates.start(kinds, 0.01, 0.05, 3))
    folded = gates.fold(memory, comparison(), evidence, BEGIN + HOUR * hours)
    return gates.results(folded, comparison())[0]
