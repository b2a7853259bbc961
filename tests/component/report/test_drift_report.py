"""The report of a comparison in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser

import weirkeeper
from tests.cluster.packaged import chromium
from tests.component.report.checking import check
from tests.harness.browser import browser as started
from tests.harness.browser import opened
from tests.harness.programs import or_skip
from tests.unit.comparison.people import people
from weirkeeper.comparison.report import report

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
LONG = "a_name_without_any_space_that_is_longer_than_a_narrow_page_is_wide"
NAMES = ('<img src=x onerror="alert(1)">', "</script><script>alert(2)</script>", "'\" onload=alert(3) x")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started(or_skip(chromium)) as running:
        yield running


def rows(count: int, seed: int, moved: float = 0.0) -> pd.DataFrame:
    """Thirty columns: every kind, hostile names, a name and categories that are long."""
    random = np.random.default_rng(seed)
    cities = [f"city of the number {place}" for place in range(40)]
    debt = np.where(random.random(count) < 0.4, 0.0, np.exp(random.normal(8 + moved, 1, count)))
    hostile = {name: random.choice(NAMES, count, p=[0.2 + moved, 0.5 - moved, 0.3]) for name in NAMES}
    long = {LONG: random.random(count) + moved}
    sensors = {f"sensor {place}": random.normal(place, 1.0, count) for place in range(18)}
    return people(count, seed, poorer=moved, north=0.1 + moved).assign(
        debt=debt,
        city=random.choice(cities, count),
        **hostile,
        **sensors,
        **long,
        joined=pd.Timestamp("2026-03-01") + pd.to_timedelta(random.integers(0, 10**7, count), unit="s"),
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("report") / "drift.html"
    compared = weirkeeper.drift(rows(4000, 1), rows(3000, 2, moved=0.3))
    assert len(compared.drifting) > 5
    written.write_text(report(compared, NOW), encoding="utf-8")
    return written


def test_it_fits_loads_nothing_and_hinders_nobody(browser: Browser, file: Path) -> None:
    check(browser, file)


def test_without_an_answer_it_is_as_good(browser: Browser, tmp_path: Path) -> None:
    written = tmp_path / "drift-without-answer.html"
    written.write_text(report(weirkeeper.drift(rows(4000, 1), rows(100, 2)), NOW), encoding="utf-8")
    check(browser, written)


def test_names_and_categories_are_shown_and_never_obeyed(browser: Browser, file: Path) -> None:
    with opened(browser, file, 1400) as seen:
        titles = seen.page.locator("h3 .name").all_text_contents()
        categories = seen.page.locator("details tbody th").all_text_contents()
        labels = [label.rstrip("…") for label in seen.page.locator("svg .label").all_text_contents()]
        assert set(NAMES) <= set(titles)
        assert set(NAMES) <= set(categories)
        assert all(any(name.startswith(label) for label in labels) for name in NAMES)
        assert seen.page.locator("img, script").count() == 0
        assert seen.complaints == []


def test_keys_alone_reach_sections_and_numbers(browser: Browser, file: Path) -> None:
    with opened(browser, file, 1400) as seen:
        seen.page.keyboard.press("Tab")
        assert seen.page.locator(":focus").text_content() == "Skip to the report"
        seen.page.keyboard.press("Enter")
        seen.page.keyboard.press("Tab")
        assert seen.page.locator(":focus").text_content() == "Numbers"
        hidden = seen.page.locator("details table").first
        assert not hidden.is_visible()
        seen.page.keyboard.press("Enter")
        assert hidden.is_visible()


def test_a_screen_reader_gets_the_picture_in_words(browser: Browser, file: Path) -> None:
    with opened(browser, file, 1400) as seen:
        assert seen.page.get_by_role("img", name="income: median").count() == 1
        assert seen.page.get_by_role("navigation", name="Sections").get_by_role("link").count() == 4
        table = seen.page.get_by_role("table", name="Features, the worst first")
        assert table.get_by_role("rowheader").count() == 31
        seen.page.set_viewport_size({"width": 380, "height": 900})
        assert table.get_by_role("rowheader").count() == 31
        assert table.get_by_role("columnheader").count() == 6
