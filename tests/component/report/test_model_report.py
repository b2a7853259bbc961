"""The report of a Model in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.cluster.packaged import chromium
from tests.component.report.checking import check
from tests.harness.browser import browser as started
from tests.harness.browser import opened
from tests.harness.programs import or_skip
from tests.unit.model_report.world import HOSTILE, NOW, followed, found
from weirkeeper.model_report.page import page_of
from weirkeeper.report.html import html


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started(or_skip(chromium)) as running:
        yield running


def test_it_fits_loads_nothing_and_hinders_nobody(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "model.html"
    file.write_text(html(page_of(followed(), NOW)), encoding="utf-8")
    check(browser, file)
    with opened(browser, file, 1400) as seen:
        assert seen.page.get_by_text(HOSTILE).count() == 1
        assert seen.page.get_by_role("img", name="Windows along time: inputs drift in 4 of 22 windows").count() == 1
        condition = seen.page.get_by_role("rowheader", name="InputDrift")
        assert condition.evaluate("one => getComputedStyle(one).whiteSpace") == "nowrap"
        assert seen.page.get_by_role("img", name="Accuracy along time: realised 0.900, then 0.750").count() == 1


def test_of_a_model_without_anything_it_is_as_good(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "model-without-monitor.html"
    file.write_text(html(page_of(found(monitors=[], config_maps=None, rollout=None), NOW)), encoding="utf-8")
    check(browser, file)
