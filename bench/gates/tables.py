"""The comparison of gates as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bench.gates.judging import Delay, delay, share
from bench.gates.ours import NAME
from bench.gates.peers import PEERS
from bench.gates.scenarios import Group, Scenario
from bench.gates.simulating import BARE, Runs
from bench.pictures import Bar
from bench.tables import Row

RULES = (NAME, *PEERS)


def share_rows(
    found: Mapping[str, Runs], chosen: Sequence[Scenario], group: Group, verdict: str, head: str
) -> list[Row]:
    """How often each rule ended so, with the standard error of the simulation."""
    rows: list[Row] = [(head, "runs", *RULES)]
    for scenario in _of(found, chosen, group):
        runs = found[scenario.name]
        title = scenario.title if scenario.judged else f"{scenario.title} (no goal)"
        rows.append((title, f"{len(runs[NAME]):,}", *(str(share(runs[rule], verdict)) for rule in RULES)))
    return rows


def detection_rows(found: Mapping[str, Runs], chosen: Sequence[Scenario]) -> list[Row]:
    """What a fault costs until it is seen, median and 90 %."""
    rows: list[Row] = [("fault at weight 10", "rule", "candidate requests", "exposed failures", "seconds", "seen")]
    for scenario in _of(found, chosen, "fault"):
        for rule in (BARE, *RULES):
            one = delay(found[scenario.name][rule])
            rows.append((scenario.title, rule, *_told(one, durations=scenario.medians is not None)))
    return rows


def _told(one: Delay, *, durations: bool) -> Sequence[str]:
    bad = "-" if durations else _pair(one.bad)
    return _pair(one.requests), bad, _pair(one.seconds), f"{100 * one.seen:.0f} %"


def _pair(values: tuple[float, float]) -> str:
    return ", ".join("never" if math.isinf(value) else f"{value:,.0f}" for value in values)


def share_bars(
    found: Mapping[str, Runs], chosen: Sequence[Scenario], group: Group, verdict: str
) -> dict[str, list[Bar]]:
    """The same shares as bars, with two standard errors."""
    return {
        scenario.title: [
            Bar(rule, one.value, min(1.0, one.value + 2.0 * one.error))
            for rule in RULES
            for one in (share(found[scenario.name][rule], verdict),)
        ]
        for scenario in _of(found, chosen, group)
    }


def _of(found: Mapping[str, Runs], chosen: Sequence[Scenario], group: Group) -> list[Scenario]:
    return [scenario for scenario in chosen if scenario.group == group and scenario.name in found]
