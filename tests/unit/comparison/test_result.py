"""What a comparison shows: as text, in a notebook, as JSON; names and values are shown, never obeyed."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

import weirkeeper
from tests.unit.comparison.people import people
from weirkeeper.comparison.conclusion import Side, conclude
from weirkeeper.comparison.result import Comparison
from weirkeeper.comparison.tabular import as_text
from weirkeeper.statistics import FeatureDrift, WindowReport
from weirkeeper.statistics.wording import printable

SCRIPT = "<script>alert('x')</script>"
QUOTE = """" onmouseover="alert('x')"""


@pytest.fixture(scope="module")
def drifting() -> Comparison:
    return weirkeeper.drift(people(3000, 1), people(3000, 2, poorer=0.5, north=0.3).assign(note="new"))


@pytest.fixture(scope="module")
def hostile() -> Comparison:
    reference = {SCRIPT: np.array([QUOTE, "b"] * 400), "esc\x1b[2Jape": np.arange(800.0)}
    current = {SCRIPT: np.array([QUOTE] * 800), "esc\x1b[2Jape": np.arange(800.0), QUOTE: np.arange(800)}
    return weirkeeper.drift(reference, current)


def test_the_worst_feature_comes_first_with_its_change_and_threshold(drifting: Comparison) -> None:
    lines = str(drifting).splitlines()
    assert lines[0].split() == ["FEATURE", "CHANGE", "MISSING", "PSI", "THRESHOLD", "STATE"]
    assert [line.split()[0] for line in lines[1:3]] == ["income", "region"]
    assert lines[1].endswith("Drifting")
    assert " → " in lines[1]
    assert "PSI" not in lines[1]
    assert lines[3].endswith("OK")
    assert lines[-3:] == [
        "drift in 2 of 14 features over 3,000 rows",
        "9 correlations of columns do not drift",
        "not in the reference, and not compared: 'note'",
    ]
    assert repr(drifting) == "<Comparison Drifting: drift in 2 of 14 features over 3,000 rows>"


def test_what_drifts_is_listed(drifting: Comparison) -> None:
    assert (drifting.state, [feature.name for feature in drifting.drifting]) == ("Drifting", ["income", "region"])


def test_all_of_it_is_json(drifting: Comparison) -> None:
    told = json.loads(json.dumps(drifting.to_dict(), allow_nan=False))
    assert told["state"] == "Drifting"
    assert told["current"] == {"name": "the current rows", "rows": 3000}
    assert told["reference"]["profileSha256"] == drifting.profile.sha256
    assert told["notCompared"] == ["note"]
    worst = told["features"][0]
    assert (worst["name"], worst["type"], worst["state"], worst["invalid"]) == ("income", "numeric", "Drifting", 0)
    assert worst["psi"] > worst["threshold"] > 0.1
    assert 0.005 < worst["missing"] < 0.04
    assert 0.005 < worst["referenceMissing"] < 0.04


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_notebook_shows_names_and_values_as_they_are(hostile: Comparison) -> None:
    tags = Tags()
    tags.feed(hostile._repr_html_())
    assert tags.seen == {"div", "p", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.attributes == {"style"}
    assert SCRIPT in tags.text
    assert QUOTE in tags.text
    assert "\x1b" not in tags.text


def test_a_terminal_obeys_no_name(hostile: Comparison) -> None:
    assert "esc\\x1b[2Jape" in str(hostile)
    assert "\x1b" not in str(hostile)
    assert printable("a\nb\u202ec d") == "a\\nb\\u202ec d"


def test_columns_line_up() -> None:
    assert as_text(("A", "BB"), [("long", "x"), ("s", "y")], ["done"]) == "A      BB\nlong   x\ns      y\n\ndone"
    assert as_text(("A", "BB"), [], ["nothing"]) == "nothing"


def test_without_enough_rows_there_is_a_number_and_no_table() -> None:
    result = weirkeeper.drift(people(3000, 1), people(300, 2, poorer=2.0), min_rows=1500)
    assert (result.state, result.rows_needed, result.features, result.drifting) == ("Insufficient", 1200, (), ())
    told = "not enough rows: 1,200 more in the current rows (it has 300); 1,500 are needed"
    assert str(result) == told
    assert result._repr_html_() == f"<div><p>{told}</p></div>"


def test_both_sides_need_rows() -> None:
    result = weirkeeper.drift(people(100, 1), people(300, 2))
    assert result.rows_needed == 400
    assert "400 more in the reference (it has 100) and 200 more in the current rows (it has 300)" in result.message


def test_rows_without_values_say_how_many_more_it_takes() -> None:
    numbers = np.random.default_rng(3).normal(size=2000)
    rare = {"x": np.where(np.arange(2000) % 100 == 0, numbers, np.nan)}
    result = weirkeeper.drift(rare, rare)
    assert (result.state, result.rows_needed) == ("Insufficient", 3000)
    assert "about 3,000 more in the current rows" in result.message
    nothing = {"x": np.full(2000, np.nan)}
    empty = weirkeeper.drift(nothing, nothing)
    assert (empty.state, empty.rows_needed) == ("Insufficient", 0)
    assert "no column of the current rows has a value" in empty.message


def test_a_reference_without_values_says_so() -> None:
    feature = FeatureDrift("x", "Insufficient", 2000, 0.0, "x: not judged")
    report = WindowReport("Insufficient", 2000, (feature,), "")
    told = conclude(Side("a.csv", 2000), Side("b.csv", 2000), report, 500)
    assert (told.state, told.rows_needed) == ("Insufficient", 0)
    assert told.message == "not enough rows: no column of a.csv has a value"


def test_a_feature_with_too_few_values_is_said_not_to_be_judged() -> None:
    rows = {"x": np.arange(1000.0), "y": np.where(np.arange(1000) < 10, 1.5, np.nan)}
    result = weirkeeper.drift(rows, rows)
    assert result.state == "OK"
    assert result.message == "no drift in 1 feature over 1,000 rows; 1 had too few values to be judged"
    assert [feature.state for feature in result.features] == ["OK", "Insufficient"]
