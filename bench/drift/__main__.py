"""`make bench-drift`: run every detector on the same rows, print tables, and end with a verdict.

A first look takes a few minutes, all of it an hour or more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.asking import asked
from bench.drift import judging, tables
from bench.drift.environments import PACKAGES, ROOT, environment, python_of
from bench.drift.kept import forget_others, made_by
from bench.drift.ours import BUDGET, TOOL
from bench.drift.scenarios import Scenario, scenarios
from bench.drift.scores import SECONDS_ALLOWED, Scores, load
from bench.pictures import Bar, bars
from bench.tables import goal_rows, put_into, verdict, written

PAGE = ROOT / "docs" / "explanation" / "drift-compared.md"
TOOL_SECONDS = 900
"""Processor time that a tool may take for all its scenarios; for its SPEED_ROWS rows it gets less."""

SPEED_SECONDS = 90
BUSY = 10
"""How many times as long a tool may take on a machine that does other things too."""

SPEED_ROWS = 1_000_000
MODULES = {TOOL: "bench.drift.ours", "evidently": "bench.drift.evidently_peer", "nannyml": "bench.drift.nannyml_peer"}


def main(arguments: Sequence[str]) -> int:
    """Run all of it; 1 where a goal is missed."""
    quick, publish = asked("bench.drift", __doc__, arguments)
    folder = ROOT / "build" / ("bench-drift-quick" if quick else "bench-drift")
    folder.mkdir(parents=True, exist_ok=True)
    pythons = {TOOL: Path(sys.executable), **_peers()}
    missing = [tool for tool in PACKAGES if tool not in pythons]
    for tool in pythons:
        forget_others(folder, tool, made_by(tool))
    # NannyML brings the set, so it comes first.
    for tool in ("nannyml", TOOL, "evidently") if "nannyml" in pythons else ():
        if tool in pythons:
            _started(pythons[tool], tool, str(folder), "car_loan")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        judged = pool.map(lambda pair: _judged(pair[0], pair[1], folder, quick=quick), pythons.items())
        failed = [tool for tool in judged if tool]
    measured = {tool: _speed(python, tool) for tool, python in pythons.items()}
    chosen = scenarios(quick=quick)
    said = {tool: read for tool in (TOOL, *PACKAGES) if (read := _read(folder, tool, chosen))} | {
        "dummy": _dummy(chosen)
    }
    speeds = {tool: one for tool, one in measured.items() if one}
    return _told(said, chosen, speeds, [*missing, *failed], PAGE if publish else folder / PAGE.name)


def _peers() -> dict[str, Path]:
    """The interpreters of the peers that can be had."""
    return {tool: python for tool in PACKAGES if (python := python_of(tool)) is not None}


def _read(folder: Path, tool: str, chosen: Sequence[Scenario]) -> dict[str, Mapping[str, Scores]]:
    """What a tool said, by scenario."""
    names = [*(scenario.name for scenario in chosen), "car_loan"]
    return {name: found for name in names if (found := load(folder, tool, name))}


def _started(python: Path, tool: str, *arguments: str, seconds: int = TOOL_SECONDS) -> str | None:
    """Run a tool's module in its environment; its standard output, None where it failed or took too long."""
    command = [str(python), "-m", MODULES[tool], *arguments]
    limits = {**environment(), SECONDS_ALLOWED: str(seconds)}
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=limits, check=True, timeout=BUSY * seconds, stdout=subprocess.PIPE, text=True
        )
    except subprocess.SubprocessError as error:
        print(f"bench-drift: {tool} {arguments[-1]}: {error}", file=sys.stderr, flush=True)
        return None
    return ended.stdout


def _judged(tool: str, python: Path, folder: Path, *, quick: bool) -> str | None:
    """Let a tool judge every scenario; tell its name where it did not get through."""
    return None if _started(python, tool, str(folder), *(["quick"] if quick else [])) is not None else tool


def _speed(python: Path, tool: str) -> dict[str, float] | None:
    said = _started(python, tool, "speed", str(SPEED_ROWS), seconds=SPEED_SECONDS)
    found: dict[str, float] | None = json.loads(said.strip().splitlines()[-1]) if said else None
    return found


def _dummy(chosen: Sequence[Scenario]) -> dict[str, Mapping[str, Scores]]:
    """A detector that alarms at random, as often as ours may."""
    rng = np.random.default_rng(0)
    drawn = {scenario.name: rng.random((scenario.windows, len(scenario.units))) for scenario in chosen}
    return {name: {"default": Scores(values, values > 1.0 - BUDGET)} for name, values in drawn.items()}


def _told(
    said: judging.Said, chosen: Sequence[Scenario], speeds: Mapping[str, Any], missing: Sequence[str], page: Path
) -> int:
    """Print everything, keep it beside `page`, and tell the exit code."""
    rates, powers = judging.false_alarms(said, chosen), judging.all_powers(said, chosen)
    goals = [
        *judging.budget_goals(rates), *judging.power_goals(powers), judging.car_loan_goal(said),
        *judging.speed_goals(speeds),
    ]  # fmt: skip
    tools = list(said)
    rows = [
        tables.false_alarm_rows(rates, chosen, tools), tables.power_rows(powers, chosen, tools),
        tables.speed_rows(speeds, tools, SPEED_ROWS), goal_rows(goals),
    ]  # fmt: skip
    text = "\n\n".join(written(one) for one in rows)
    print(text)
    found = {"rates": rates, "powers": powers, "speeds": speeds, "goals": [goal.to_json() for goal in goals]}
    _kept(page, text, found, _pictures(rates, powers, chosen))
    line, code = verdict("bench-drift", goals, missing)
    print(f"\n{line}")
    return code


def _pictures(rates: Mapping[str, Any], powers: Mapping[str, Any], chosen: Sequence[Scenario]) -> dict[str, str]:
    titles = {scenario.name: scenario.title for scenario in chosen}
    alarms = {
        titles[name]: [Bar(tool, one.share, one.upper) for tool, one in found.items()] for name, found in rates.items()
    }
    power = {
        titles[name]: [Bar(tool, one[0].share) for tool, one in found.items() if one] for name, found in powers.items()
    }
    return {
        "false-alarms": bars("False alarms a window and column, with the upper 95 % bound", alarms, BUDGET),
        "power": bars(f"Changed windows seen, at {judging.EQUAL:.0%} false alarms each", power),
    }


def _kept(page: Path, text: str, found: Mapping[str, Any], pictures: Mapping[str, str]) -> None:
    """Keep figures and pictures beside a page, and put the tables into it where it is that of the documentation."""
    page.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    for name, picture in pictures.items():
        page.with_name(f"{page.stem}-{name}.svg").write_text(picture)
    if page == PAGE:
        put_into(page, text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
