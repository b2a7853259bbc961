"""`make bench-monitors`: what Monitors cost the operator, and that it is slots and features that cost, not traffic.

A fleet of Models is followed as the collector does it: pods' answers are read and checked at each tick, and booked to
slots; at a window's end every Monitor is judged. Time is that of this process's CPU, and a tick is without the network.
Figures of another machine differ; ratios, which the verdict is about, hardly do.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.asking import asked
from bench.tables import goal_rows, put_into, verdict, written
from bench.verdicts import Goal
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.api.settings import Settings
from weirkeeper.delivery.evidence import Evidence, PodEvidence
from weirkeeper.observe.label_slot_book import LabelSlotBook
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.monitored import MonitoredModel
from weirkeeper.observe.readings import PodReading, read_pod
from weirkeeper.observe.targets import PodTarget
from weirkeeper.plan.assessment import assessment_of
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import rule_of
from weirkeeper.render.server import profile_name
from weirkeeper.statistics import ProfileCounters, ReferenceProfile

PAGE: Final = Path(__file__).parents[1] / "docs" / "explanation" / "what-monitors-cost.md"
HOUR: Final = 3600
START: Final = 500_000 * HOUR
TICK_SECONDS: Final = 5
REVISION: Final = "churn-5d9c7f02"
SHA256: Final = "ab" * 32
ROWS: Final = 2000
TICKS: Final = 3
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
BASE: Final = "200 Monitors, 30 features, 2 pods"
LEVEL: Final = 1.3
TWICE: Final = 2.6
"""Ratios that may be reached: of what must not rise, and of what may double, with what a busy machine adds."""


@dataclass(frozen=True)
class Fleet:
    """How many Monitors there are, of Models with so many features and pods; `traffic` times 2,000 rows come at a time.

    `windows` of `size` are kept before anything is measured.
    """

    monitors: int = 200
    features: int = 30
    pods: int = 2
    traffic: int = 1
    size: str = "1h"
    windows: int = 26


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU for a tick and for judging a window of the whole fleet, and bytes that it takes."""

    tick: float
    judging: float
    memory: int


@cache
def rows_of(features: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Rows and answers of which the reference is made, and all that comes: nothing drifts."""
    random = np.random.default_rng(0)
    columns: dict[str, Any] = {f"feature {number}": random.normal(size=ROWS) for number in range(features)}
    return columns, {"score": random.random(ROWS)}


@cache
def profile(features: int) -> ReferenceProfile:
    """A reference of numbers."""
    return ReferenceProfile.from_columns(*rows_of(features))


@cache
def counted(features: int) -> Mapping[str, Any]:
    """What a server counts of these rows."""
    counters = ProfileCounters(profile(features))
    counters.ingest(*rows_of(features))
    return counters.totals()


def answer(fleet: Fleet, ticks: int) -> bytes:
    """What a pod answers after so many ticks: counts rise with them and with the traffic."""
    factor = ticks * fleet.traffic
    sides = {side: _times(counted(fleet.features)[side], factor) for side in ("inputs", "outputs")}
    told = {"revision": REVISION, "state": "Ready", "start": float(START), "sha256": SHA256, "profileSha256": SHA256}
    return json.dumps({**told, **sides}).encode()


def _times(side: Mapping[str, Any], factor: int) -> dict[str, Any]:
    return {
        name: {
            key: [one * factor for one in value] if isinstance(value, list) else value * factor
            for key, value in counts.items()
        }
        for name, counts in side.items()
    }


def monitor(fleet: Fleet) -> dict[str, Any]:
    """A Monitor with the default rules."""
    metadata = {"name": "churn", "namespace": "team-a", "uid": "u-m", "generation": 1, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"modelRef": {"name": "churn"}, "window": {"size": fleet.size}}}


class Followed:
    """A fleet as the collector keeps it, from the first window on."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.rule = rule_of(parse_monitor(monitor(fleet)))
        self.models = [MonitoredModel(START, None, LabelSlotBook())]
        self.models[0].windows.set_rules({"churn": self.rule})
        self._profile = json.dumps(profile(fleet.features).to_json())
        self._known = PodEvidence(
            "pod", "pod", "Ready", profile=profile(fleet.features).to_json(), profile_sha256=SHA256
        )
        self.pods = [f"pod-{number}" for number in range(fleet.pods)]
        self.ticks = 0
        self.end = START

    def fill(self) -> None:
        """Let windows pass for one Model, and have the others be as it is then, each with memory of its own.

        Of each slot the last tick is booked, which is what a slot costs in memory.
        """
        for _ in range(self.fleet.windows * self.rule.size // self.rule.slot):
            self._advance(self.rule.slot)
            reading = self._read(answer(self.fleet, self.ticks))
            self._book(self.models[0], [reading] * len(self.pods))
        filled = pickle.dumps(self.models[0])
        self.models += [pickle.loads(filled) for _ in range(self.fleet.monitors - 1)]  # noqa: S301  our own

    def tick(self) -> float:
        """Read and book what all pods answer once; gives milliseconds of CPU."""
        self._advance(TICK_SECONDS)
        text = answer(self.fleet, self.ticks)
        began = time.process_time()
        for model in self.models:
            self._book(model, [self._read(text) for _ in self.pods])
        return 1000.0 * (time.process_time() - began)

    def judge(self) -> float:
        """Let the last window end, and judge it in all Models; gives milliseconds of CPU."""
        while self.end % self.rule.size:
            self._advance(TICK_SECONDS)
        snapshots = [self._snapshot(model) for model in self.models]
        began = time.process_time()
        states = {assessment_of(snapshot, snapshot.monitors[0]).state for snapshot in snapshots}
        spent = 1000.0 * (time.process_time() - began)
        if states != {"OK"}:
            raise AssertionError(f"the same rows are {states}; expected OK of every Monitor")
        return spent

    def _advance(self, seconds: int) -> None:
        self.ticks += 1
        self.end += seconds

    def _read(self, text: bytes) -> PodReading:
        return read_pod(json.loads(text), PodTarget("team-a", "pod", "pod", "10.0.0.1", "churn", REVISION), self._known)

    def _book(self, model: MonitoredModel, readings: Sequence[PodReading]) -> None:
        for pod, reading in zip(self.pods, readings, strict=True):
            model.windows.book(self.end, REVISION, Process(pod, reading.started), reading)
        model.close(self.end, set(self.pods))

    def _snapshot(self, model: MonitoredModel) -> Snapshot:
        model.close(self.end, set(self.pods))
        status = {"stable": {"revision": REVISION, "since": "1970-01-01T00:00:00Z"}}
        kept = {"data": {"profile.json": self._profile}}
        return Snapshot(
            "team-a",
            "churn",
            {"metadata": {"name": "churn", "namespace": "team-a"}, "spec": {}, "status": status},
            Settings.parse({"serverImage": "s", "operatorImage": "o", "envoyImage": "e"}),
            monitors=(monitor(self.fleet),),
            children={("ConfigMap", profile_name(REVISION)): kept},
            evidence=Evidence(windows=model.views()),
        )


def measured(fleet: Fleet) -> Cost:
    """Measure a fleet in this process, which should have measured nothing else before: memory is not given back."""
    answer(fleet, 1)
    gc.collect()
    before = _resident()
    followed = Followed(fleet)
    followed.fill()
    gc.collect()
    memory = _resident() - before
    tick = statistics.median(followed.tick() for _ in range(TICKS))
    return Cost(tick, followed.judge(), memory)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def apart(fleet: Fleet) -> Cost:
    """Measure a fleet in a process of its own."""
    command = [sys.executable, "-m", "bench.monitors", "--one", json.dumps(asdict(fleet))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def fleets(base: Fleet) -> dict[str, Fleet]:
    """What is compared with the base."""
    return {
        BASE: base,
        "hundredfold traffic": replace(base, traffic=100 * base.traffic),
        "twice the features": replace(base, features=2 * base.features),
        "twice the Monitors": replace(base, monitors=2 * base.monitors),
        "one slot to a window (1m)": replace(base, size="1m"),
    }


def goals(found: Mapping[str, Cost]) -> list[Goal]:
    """Judge ratios to the base: what may rise with what."""
    return [
        _goal("traffic costs nothing", found, "hundredfold traffic", LEVEL),
        _goal("features cost in proportion at most", found, "twice the features", TWICE),
        _goal("Monitors cost in proportion at most", found, "twice the Monitors", TWICE),
        Goal(
            "fewer slots take less memory",
            found["one slot to a window (1m)"].memory < found[BASE].memory,
            f"memory x {found['one slot to a window (1m)'].memory / found[BASE].memory:.2f}",
        ),
    ]


def _goal(name: str, found: Mapping[str, Cost], other: str, most: float) -> Goal:
    ratios = [_ratio(found[other], found[BASE], part) for part in ("tick", "judging", "memory")]
    told = ", ".join(f"{part} x {one:.2f}" for part, one in zip(("tick", "judging", "memory"), ratios, strict=True))
    return Goal(name, max(ratios) <= most, f"{told}; at most x {most:g}")


def _ratio(one: Cost, other: Cost, part: str) -> float:
    return float(getattr(one, part)) / float(getattr(other, part))


def rows(found: Mapping[str, Cost]) -> list[Sequence[str]]:
    """Write what was measured as rows of a table."""
    head = ("fleet", "a tick", "judging all windows", "memory")
    return [
        head,
        *(
            (name, f"{one.tick:,.0f} ms", f"{one.judging:,.0f} ms", f"{one.memory / 2**20:,.0f} MiB")
            for name, one in found.items()
        ),
    ]


def main(arguments: Sequence[str]) -> int:
    """Measure all fleets, print tables, and end with a verdict; 1 where a goal is missed."""
    # This program itself, for one fleet in a process of its own.
    if arguments[:1] == ["--one"]:
        print(json.dumps(asdict(measured(Fleet(**json.loads(arguments[1]))))))
        return 0
    quick, publish = asked("bench.monitors", __doc__, arguments)
    found = {name: apart(one) for name, one in fleets(Fleet(monitors=20) if quick else Fleet()).items()}
    judged = goals(found)
    text = f"{written(rows(found))}\n\n{written(goal_rows(judged))}"
    print(text)
    if publish:
        put_into(PAGE, text)
    line, code = verdict("bench-monitors", judged)
    print(f"\n{line}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
