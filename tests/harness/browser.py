"""A real browser in which a page is opened from its file, and checked for what hinders people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

Scheme = Literal["light", "dark"]

HEIGHT: Final = 900
GRAVE: Final = ("serious", "critical")


@contextmanager
def browser(program: Path) -> Iterator[Browser]:
    """Start it, without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield started
        finally:
            started.close()


@dataclass
class Seen:
    """A page that was opened: what the browser complained of, and what it asked for beside the file."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    @property
    def cut_off(self) -> list[str]:
        """Texts that reach out of the window on either side."""
        return list(self.page.evaluate(_CUT_OFF))


_CUT_OFF: Final = """() => [...document.querySelectorAll("main *, header *")]
    .filter(one => one.children.length === 0 && one.textContent.trim() && !one.closest("thead, title"))
    .filter(one => { const box = one.getBoundingClientRect();
                     return box.width > 0 && (box.left < -1 || box.right > window.innerWidth + 1); })
    .map(one => one.textContent)"""


@contextmanager
def opened(by: Browser, file: Path, width: int, scheme: Scheme = "light") -> Iterator[Seen]:
    """Open a file in a window of this width, in CSS pixels."""
    context = by.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    seen = Seen(context.new_page())
    seen.page.on("console", lambda message: seen.complaints.append(message.text))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(file.as_uri())
    try:
        yield seen
    finally:
        context.close()


def hindrances(by: Browser, file: Path, width: int, scheme: Scheme) -> list[str]:
    """List what axe-core finds serious or critical; its script must run, so the page's policy does not hold here."""
    context = by.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(file.as_uri())
        found: list[dict[str, Any]] = Axe().run(page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in GRAVE]
    finally:
        context.close()
