"""Every relative link leads somewhere, and every page is found from the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.docs.markdown import DOCS, ROOT, anchors, links, pages


def targets(page: Path) -> list[tuple[Path, str]]:
    found = []
    for link in links(page.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target, anchor in targets(page):
        assert target.exists(), f"{page.name} links to {target}"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(target.read_text()), f"{page.name} links to {target.name}#{anchor}"


def test_every_page_is_found_from_the_readme() -> None:
    waiting, seen = [ROOT / "README.md"], set()
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [target for target, _ in targets(page) if target.is_file()]
    assert set(DOCS.rglob("*.md")) - seen == set()
