"""Run scenarios many times, on every core."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from bench.gates import ours
from bench.gates.peers import PEERS
from bench.gates.rules import Ended
from bench.gates.scenarios import SCENARIOS, Scenario
from bench.gates.streams import Stream, draw

BARE = "bare test"


class Run(NamedTuple):
    """How one attempt ended, and what the candidate had answered by then: all requests, and the bad ones."""

    verdict: str
    slots: int
    requests: int
    bad: int


Runs = Mapping[str, Sequence[Run]]
"""Runs by rule, every rule on the same seeds."""


def simulated(scenario: Scenario, runs: int) -> Runs:
    """Judge `runs` streams by every rule."""
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(partial(_one, scenario.name), range(runs), chunksize=max(1, runs // 50)))
    print(f"bench-gates: {scenario.title} ({time.perf_counter() - began:.0f} s)", file=sys.stderr, flush=True)
    return {rule: [run[rule] for run in found] for rule in found[0]}


def _one(name: str, seed: int) -> dict[str, Run]:
    """Judge one stream; a scenario goes to another process by its name, since shapes cannot."""
    (scenario,) = (one for one in SCENARIOS if one.name == name)
    return judged(scenario, draw(scenario, seed))


def judged(scenario: Scenario, stream: Stream) -> dict[str, Run]:
    """Judge a stream by every rule."""
    return {rule: _run(ended, stream) for rule, ended in _ends(scenario, stream)}


def _ends(scenario: Scenario, stream: Stream) -> Iterator[tuple[str, Ended]]:
    yield ours.NAME, ours.judge(scenario, stream)
    if scenario.group == "fault":
        yield BARE, ours.judge_bare(scenario, stream)
    for name, rule in PEERS.items():
        yield name, rule(scenario, stream)


def _run(ended: Ended, stream: Stream) -> Run:
    candidate, _ = stream.during
    seen = candidate.between(0, ended.slots)
    return Run(ended.verdict, ended.slots, int(seen.requests.sum()), int(seen.bad.sum()))
