"""What every report must be in a real browser; pictures of it are kept in build/report."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tests.harness.browser import Scheme, hindrances, opened

PICTURES: Final = Path(__file__).parents[3] / "build" / "report"
NARROW: Final = 380
WIDE: Final = 1400
DRESSES: Final[tuple[tuple[int, Scheme], ...]] = (
    (WIDE, "light"),
    (WIDE, "dark"),
    (NARROW, "light"),
    (NARROW, "dark"),
    (1040, "light"),
    (768, "light"),
    (768, "dark"),
)


def check(browser: Browser, file: Path) -> None:
    """See that it fits, loads nothing, and hinders nobody, in each dress."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width, scheme in DRESSES:
        with opened(browser, file, width, scheme) as seen:
            seen.page.screenshot(path=PICTURES / f"{file.stem}-{width}-{scheme}.png", full_page=True)
            assert seen.complaints == []
            assert seen.requests == [file.as_uri()]
            assert seen.overflow <= 0
            assert seen.cut_off == []
    for width, scheme in ((WIDE, "light"), (NARROW, "dark")):
        assert hindrances(browser, file, width, scheme) == []
    _print(browser, file)


def _print(browser: Browser, file: Path) -> None:
    with opened(browser, file, WIDE) as seen:
        seen.page.pdf(path=PICTURES / f"{file.stem}.pdf", format="A4", print_background=True)
        seen.page.emulate_media(media="print")
        seen.page.set_viewport_size({"width": 720, "height": 1000})
        seen.page.screenshot(path=PICTURES / f"{file.stem}-print.png", full_page=True)
        assert seen.overflow <= 0
