"""The report of a comparison: `weirkeeper drift --report`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import weirkeeper
from tests.unit.comparison.people import people
from tests.unit.report.reading import check_it_loads_nothing
from weirkeeper.comparison.report import page_of, report
from weirkeeper.report.page import Figures
from weirkeeper.runtime.cli import main
from weirkeeper.statistics import ReferenceProfile
from weirkeeper.statistics.building import Described

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
MEGABYTE = 1_000_000
HOSTILE = "<img src=x onerror=\"alert('name')\">"


def wide(rows: int, seed: int, moved: float = 0.0) -> pd.DataFrame:
    """Thirty columns of every kind."""
    random = np.random.default_rng(seed)
    numbers = {f"sensor {place}": random.normal(place + moved, 1.0, rows) for place in range(22)}
    texts = {f"text {place}": random.choice([f"a long category {i}" for i in range(50)], rows) for place in range(3)}
    return people(rows, seed, poorer=moved).assign(**numbers, **texts)


def test_it_says_in_a_sentence_what_came_of_it_and_shows_why() -> None:
    compared = weirkeeper.drift(people(3000, 1), people(3000, 2, poorer=0.5))
    page = page_of(compared, NOW)
    assert page.verdict.badge.text == "Drifting"
    assert page.verdict.sentence.startswith("Drift in 1 of 14 features over 3,000 rows; furthest income: median 4")
    assert [section.title for section in page.sections] == [
        "Features that drift", "All features", "Quality", "Features that do not drift",
    ]  # fmt: skip
    told = check_it_loads_nothing(report(compared, NOW)).text
    for part in (
        "24 November 2026, 12:30 UTC",
        "3,000 rows",
        "PSI up to 0.1",
        "1.0 % of comparisons",
        "9 correlations",
    ):
        assert part in told


def test_pictures_have_the_numbers_that_were_counted() -> None:
    compared = weirkeeper.drift(people(3000, 1), people(3000, 2, north=0.4), ignore=["income"])
    figures = page_of(compared, NOW).sections[0].blocks[0]
    assert isinstance(figures, Figures)
    (region,) = figures.figures
    assert region.title == "region"
    assert region.numbers is not None
    north = next(row for row in region.numbers.rows if row[0] == "north")
    assert float(str(north[1])) == pytest.approx(10, abs=2)
    assert float(str(north[2])) == pytest.approx(40, abs=3)


def test_without_an_answer_it_says_what_is_lacking_and_shows_nothing() -> None:
    page = page_of(weirkeeper.drift(people(3000, 1), people(300, 2)), NOW)
    assert page.verdict.badge.text == "Insufficient"
    assert "200 more" in page.verdict.sentence
    assert page.sections == ()
    check_it_loads_nothing(report(weirkeeper.drift(people(3000, 1), people(300, 2)), NOW))


def test_thirty_features_take_less_than_a_megabyte() -> None:
    for moved in (0.0, 3.0):
        compared = weirkeeper.drift(wide(2000, 1), wide(2000, 2, moved))
        page = page_of(compared, NOW)
        drawn = [
            figure
            for section in page.sections
            for block in section.blocks
            if isinstance(block, Figures)
            for figure in block.figures
        ]
        assert len(drawn) == 30
        assert len(report(compared, NOW).encode()) < MEGABYTE


def test_names_and_categories_stay_text() -> None:
    before = people(1000, 1).assign(**{HOSTILE: np.random.default_rng(3).choice([HOSTILE, "</svg>", "'\""], 1000)})
    after = before.assign(**{HOSTILE: HOSTILE})
    told = check_it_loads_nothing(report(weirkeeper.drift(before, after), NOW))
    assert told.text.count(HOSTILE) > 5


def test_of_sensitive_columns_no_value_is_told(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    before, after = (
        {
            "faith": random.choice(["pastafari", "jedi"], 2000, p=[often, 1.0 - often]).astype(object),
            "code": random.choice([4711, 815], 2000, p=[often, 1.0 - often]),
        }
        for often in (0.9, 0.1)
    )
    sensitive = dict.fromkeys(before, Described(sensitive=True))
    profile = ReferenceProfile.from_columns(before, {}, described=sensitive)
    pd.DataFrame(after).to_csv(tmp_path / "after.csv", index=False)
    for current in (after, tmp_path / "after.csv"):
        compared = weirkeeper.drift(profile, current)
        assert [(feature.name, feature.state) for feature in compared.features if not feature.joint] == [
            ("faith", "Drifting"),
            ("code", "Drifting"),
        ]
        told = report(compared, NOW)
        assert "faith has no picture" in told
        assert not [value for value in ("pastafari", "jedi", "4711", "815") if value in told]


def test_the_command_writes_it_beside_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    people(1000, 1).to_csv("a.csv", index=False)
    people(1000, 2, poorer=0.8).to_csv("b.csv", index=False)
    assert main(["drift", "a.csv", "b.csv", "--report", "report.html"]) == 3
    assert capsys.readouterr().out.startswith("FEATURE")
    assert "<title>b.csv against a.csv: Drift" in Path("report.html").read_text(encoding="utf-8")
    assert main(["drift", "a.csv", "b.csv", "--report", "nowhere/report.html"]) == 1
    assert "nowhere/report.html" in capsys.readouterr().err
