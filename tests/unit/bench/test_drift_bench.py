"""The comparison of drift detectors: the same rows every time, and figures that are what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bench import tables, verdicts
from bench.drift import environments, judging
from bench.drift.environments import ROOT
from bench.drift.kept import forget_others, made_by
from bench.drift.ours import TOOL, judge
from bench.drift.scenarios import CHANGE_AT, Scenario, scenarios
from bench.drift.scores import SECONDS_ALLOWED, Scores, joined, load, peer_windows, save
from bench.pictures import Bar, bars

CHOSEN = {scenario.name: scenario for scenario in scenarios(quick=True)}
PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "drift-compared.md"


@pytest.mark.parametrize("name", ["size-500", "burst-clusters", "abrupt-0.2", "share", "new", "missing", "correlation"])
def test_rows_are_the_same_wherever_they_are_made(name: str) -> None:
    scenario = CHOSEN[name]
    pairs = [
        (scenario.window(CHANGE_AT + 1), scenario.window(CHANGE_AT + 1)),
        (scenario.reference_columns(), scenario.reference_columns()),
    ]
    for once, again in pairs:
        assert all(np.array_equal(once[column], again[column], equal_nan=column[0] != "c") for column in once)


@pytest.mark.parametrize("scenario", [one for one in CHOSEN.values() if one.change], ids=lambda one: one.name)
def test_changes_begin_when_they_should(scenario: Scenario) -> None:
    assert scenario.changed.start == CHANGE_AT
    assert len(peer_windows(scenario)) == scenario.windows - CHANGE_AT


def test_a_correlation_that_goes_leaves_every_column_as_it_was() -> None:
    before, after = (CHOSEN["correlation"].window(index) for index in (0, CHANGE_AT))
    assert np.corrcoef(before["t0c0"], before["t0c1"])[0, 1] == pytest.approx(0.6, abs=0.12)
    assert np.corrcoef(after["t0c0"], after["t0c1"])[0, 1] == pytest.approx(0.0, abs=0.15)
    assert after["t0c1"].std() == pytest.approx(1.0, abs=0.15)


def test_a_table_alarms_where_one_of_its_columns_does() -> None:
    quiet = Scores(np.zeros(2), np.zeros(2, dtype=bool))
    loud = Scores(np.array([0.0, 5.0]), np.array([False, True]))
    scenario = Scenario("t", "t", "null", "table", windows=2, columns=2)
    of_column = {name: quiet for unit in scenario.units for name in unit} | {"t1c3": loud}
    found = joined(scenario, of_column)
    assert found.alarms.tolist() == [[False, False], [False, True]]
    assert found.values.tolist() == [[0.0, 0.0], [0.0, 5.0]]


def test_scores_are_read_as_they_were_kept(tmp_path: Path) -> None:
    scores = Scores(np.array([[1.5]]), np.array([[True]]))
    save(tmp_path, "tool", "scenario", {"a_method": scores})
    assert load(tmp_path, "tool", "scenario") == {"a_method": scores}
    assert load(tmp_path, "tool", "another") == {}


def test_scores_are_made_again_where_what_made_them_has_changed(tmp_path: Path) -> None:
    scores = {"a": Scores(np.array([[1.5]]), np.array([[True]]))}
    forget_others(tmp_path, "nannyml", "as it is")
    for tool in ("nannyml", "evidently"):
        save(tmp_path, tool, "x", scores)
    forget_others(tmp_path, "nannyml", "as it is")
    assert load(tmp_path, "nannyml", "x") == scores
    forget_others(tmp_path, "nannyml", "as it is now")
    assert load(tmp_path, "nannyml", "x") == {}
    assert load(tmp_path, "evidently", "x") == scores
    assert len({made_by("nannyml"), made_by("evidently"), made_by(TOOL)}) == 3


def test_a_tool_may_use_so_much_processor_time() -> None:
    looping = "import os, sys; sys.argv = ['x', 'y', 'quick']; from bench.drift.scores import main\n"
    looping += "def spin(*_):\n    while True: pass\nmain('t', spin, spin, spin)"
    ended = subprocess.run(
        [sys.executable, "-c", looping], env={**os.environ, SECONDS_ALLOWED: "1"}, cwd=ROOT, check=False
    )
    assert ended.returncode == -signal.SIGXCPU


def test_rates_have_an_upper_bound() -> None:
    found = verdicts.rate([False] * 300)
    assert (found.share, found.trials) == (0.0, 300)
    assert found.upper == pytest.approx(1 - 0.05 ** (1 / 300))
    assert verdicts.rate([True]).upper == 1.0


def test_power_is_at_equal_false_alarms_and_delay_counts_windows() -> None:
    null = {"a": Scores(np.arange(100.0)[:, None], np.zeros((100, 1), dtype=bool))}
    changed = {"a": Scores(np.array([[50.0], [98.0], [99.0], [200.0]]), np.zeros((4, 1), dtype=bool))}
    (found,) = judging.powers(changed, null)
    assert (found.share, found.delay) == (0.5, 3.0)
    (never,) = judging.powers({"a": Scores(np.zeros((4, 1)), np.zeros((4, 1), dtype=bool))}, null)
    assert (never.share, never.delay) == (0.0, 5.0)


def test_goals_that_are_missed_are_said_and_those_without_figures_too() -> None:
    def power(share: float) -> list[judging.Power]:
        return [judging.Power("default", share, 1.0)]

    behind = {"x": {TOOL: power(0.90), "nannyml": power(0.94)}, "y": {TOOL: power(0.9), "nannyml": power(0.5)}}
    anywhere, whole = judging.power_goals(behind)
    assert (anywhere.met, whole.met) == (False, True)
    assert "x: +4.0 points" in anywhere.told
    sizes, bursts = judging.budget_goals(
        {"size-100": {TOOL: verdicts.Rate(0.0, 0.02, 100)}, "burst-day": {TOOL: verdicts.Rate(0.0, 0.02, 100)}}
    )
    assert (sizes.met, bursts.met) == (False, True)
    assert judging.car_loan_goal({TOOL: {}}).met is None
    speed = {"fit": 3.5, "seconds": 0.9, "check": 2e-3, "checkpoint": 70_000}
    assert [goal.met for goal in judging.speed_goals({TOOL: speed})] == [True, True, False, False]
    assert [goal.met for goal in judging.speed_goals({})] == [None]


@pytest.mark.parametrize(("first", "late", "met"), [(24, True, False), (25, True, True), (26, True, False)])
def test_car_loan_must_be_seen_at_once_and_not_before(first: int, *, late: bool, met: bool) -> None:
    alarms = np.zeros((50, 7), dtype=bool)
    alarms[first:, 3] = late
    said = {TOOL: {"car_loan": {"default": Scores(alarms.astype(float), alarms)}}}
    assert judging.car_loan_goal(said).met is met


def test_our_own_scores_tell_a_shift_from_none() -> None:
    small = Scenario("abrupt-0.5", "t", "power", "numeric", 12, 4, change=CHOSEN["abrupt-0.5"].change)
    null = Scenario("null-numeric", "t", "null", "numeric", 4, 4)
    changed, same = (judge(one)["default"] for one in (small, null))
    assert changed.values.shape == (2, 4)
    assert changed.values.min() > same.values.max()


def test_pictures_and_tables_hold_every_tool() -> None:
    picture = ET.fromstring(bars("t", {"g & h": [Bar("weirkeeper", 0.5, 0.6), Bar("dummy", 0.01)]}, 0.01))  # noqa: S314
    assert "weirkeeper" in "".join(picture.itertext())
    assert tables.written([("a", "bb"), ("ccc", "d")]) == "| a   | bb |\n|-----|----|\n| ccc | d  |"


def test_the_page_has_a_place_for_the_tables() -> None:
    page = PAGE.read_text()
    assert page.index(tables.BEGINS) < page.index(tables.ENDS)


def test_an_environment_that_is_there_is_used_and_one_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **how: Any) -> None:
        commands.append(command)
        if "install" in command:
            raise subprocess.TimeoutExpired(command, how["timeout"])
        Path(command[-1]).mkdir(parents=True)

    monkeypatch.setattr(environments, "HOME", tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    assert environments.python_of("nannyml") is None
    assert "nannyml==0.13.1 cannot be installed" in capsys.readouterr().err
    (made,) = tmp_path.iterdir()
    (made / ".complete").touch()
    assert environments.python_of("nannyml") == made / "bin" / "python"
    assert len(commands) == 2


def test_peers_run_without_telemetry() -> None:
    found = environments.environment()
    assert (found["DO_NOT_TRACK"], found["NML_DISABLE_USAGE_LOGGING"]) == ("1", "1")
