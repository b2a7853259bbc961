"""The benchmark's own decisions: what it holds against goals, refuses, and shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bench.server.__main__ import _verdict
from bench.server.answers import Answers, compare
from bench.server.cases import BOUNDS, CASES, Case
from bench.server.chart import chart
from bench.server.contenders import CEILING, OURS
from bench.server.errors import BenchError, Disagreement
from bench.server.load import Run
from bench.server.models import Fitted
from bench.server.profiling import shares
from bench.server.publish import publish
from bench.server.results import Report, hold, judge, within
from bench.server.table import table

CASE = Case("iris-1", "iris, 1 row", "iris", 1, 12, p99=1 / 3)


def runs(*rates: float, p99: float = 1000.0, cpu: float = 100.0) -> list[Run]:
    return [Run(rate, 500.0, p99, cpu) for rate in rates]


def report(ours: list[Run], theirs: list[Run] | None) -> Report:
    found = {OURS: ours, **({"MLServer": theirs} if theirs else {}), CEILING: runs(*[40_000] * len(ours))}
    return Report({"MLServer": "1.7.1"}, "A machine.", [judge(CASE, found)], [])


@pytest.mark.parametrize(
    ("ours", "theirs", "exit_code"),
    [
        pytest.param(runs(130, 120, 240, p99=300), runs(10, 10, 10), 0, id="met by the median round"),
        pytest.param(runs(130, 110, 110, p99=300), runs(10, 10, 10), 1, id="missed in most rounds"),
        pytest.param(runs(130, 130, 130, p99=400), runs(10, 10, 10), 1, id="p99 missed"),
        pytest.param(runs(130, 130, 130, p99=300), None, 3, id="the peer is missing"),
    ],
)
def test_fails_when_a_goal_is_missed_and_says_when_none_could_be_held(
    ours: list[Run], theirs: list[Run] | None, exit_code: int
) -> None:
    assert _verdict(report(ours, theirs)) == exit_code


def test_a_ratio_pairs_what_was_disturbed_together() -> None:
    result = judge(CASE, {OURS: runs(120, 12, 120), "MLServer": runs(10, 1, 10)})
    assert result.rates["MLServer"].least == result.rates["MLServer"].most == 12


@pytest.mark.parametrize(
    ("name", "figures", "met"),
    [
        ("packages", {OURS: 229.0}, True),
        ("packages", {OURS: 231.0, "MLServer": 400.0}, False),
        ("memory", {OURS: 50.0, "MLServer": 100.0}, True),
        ("memory", {OURS: 61.0, "MLServer": 100.0}, False),
        ("memory", {OURS: 50.0}, None),
    ],
)
def test_bounds_are_of_ours_or_of_its_share(name: str, figures: dict[str, float], *, met: bool | None) -> None:
    assert hold(next(bound for bound in BOUNDS if bound.name == name), figures).goal.met is met


@pytest.mark.parametrize(
    ("figures", "met"),
    [([1.0, 1.1, 0.9, 1.0], True), ([9.0, 9.1, 8.9, 9.0], False), ([-75.0, 137.0, -252.0, 2.0], None)],
)
def test_noise_neither_meets_nor_misses_a_bound(figures: list[float], met: bool | None) -> None:  # noqa: FBT001  a case
    assert within(next(bound for bound in BOUNDS if bound.name == "bookkeeping"), OURS, figures).goal.met is met


def fitted() -> Fitted:
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    return Fitted("iris", LogisticRegression().fit(rows, [0, 0, 1, 1]), rows, Path(), Path())


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        pytest.param({}, False, id="the same"),
        pytest.param({"predict": [[0], [0], [1], [1]]}, False, id="a column instead of a vector"),
        pytest.param({"predict": [0, 1, 1, 1]}, True, id="another class"),
        pytest.param({"predict_proba": 5e-7}, False, id="probabilities within the tolerance"),
        pytest.param({"predict_proba": 5e-6}, True, id="probabilities beyond it"),
    ],
)
def test_a_wrong_answer_does_not_count(change: dict[str, Any], *, refused: bool) -> None:
    model = fitted()
    wanted: Answers = {name: getattr(model.estimator, name)(model.rows) for name in ("predict", "predict_proba")}
    given = {**wanted, **{name: np.asarray(value) for name, value in change.items()}}
    if "predict_proba" in change:
        given["predict_proba"] = wanted["predict_proba"] + change["predict_proba"]
    if not refused:
        compare("a server", model, wanted, given)
        return
    with pytest.raises(Disagreement, match="a server answers"):
        compare("a server", model, wanted, given)


def test_table_and_picture_show_every_case_with_its_goal() -> None:
    all_runs = {OURS: runs(300, 300), "MLServer": runs(10, 10), "KServe": runs(10, 10), CEILING: runs(900, 900)}
    shown = Report({}, "A machine.", [judge(case, all_runs) for case in CASES], [])
    text, picture = table(shown), chart(shown)
    ET.fromstring(picture)  # noqa: S314  our own
    for case in CASES:
        assert f"≥ {case.goal:g}x {case.peer}" in text
        assert case.title in picture
    assert "30 [30 to 30]x" in text
    assert "33% of 900/s" in text


def test_samples_are_parted_by_the_module_that_ran() -> None:
    stacks = (
        "main (a.py:1);read (/x/site-packages/weirkeeper_server/decode.py:4) 30",
        "main (a.py:1);dot (/x/site-packages/numpy/_core/multiarray.py:9) 50",
        "main (a.py:1);_run_once (/usr/lib/python3.11/asyncio/base_events.py:1) 20",
    )
    assert shares("\n".join(stacks)) == {"weirkeeper_server/decode": 0.3, "numpy": 0.5, "Python's asyncio": 0.2}


def test_publishing_replaces_what_stands_between_the_marks_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: written by make -->\nold\n<!-- end of table -->\nafter\n")
    publish("table", "new", page)
    publish("table", "newer", page)
    assert page.read_text() == "before\n<!-- table: written by make -->\nnewer\n<!-- end of table -->\nafter\n"
    with pytest.raises(BenchError, match="lacks the marks"):
        publish("profile", "new", page)
