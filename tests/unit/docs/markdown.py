"""Reading the project's own pages: tables, code blocks, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
DOCS: Final = ROOT / "docs"
REFERENCE: Final = DOCS / "reference"
FRONT: Final = tuple(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))

_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> tuple[Path, ...]:
    """Every page that is a user's or a contributor's to read."""
    return (*FRONT, *sorted(DOCS.rglob("*.md")))


def blocks(text: str, language: str) -> tuple[str, ...]:
    """The code blocks of a language."""
    return tuple(content for found, content in _FENCE.findall(text) if found == language)


def prose(text: str) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> tuple[str, ...]:
    """The targets of all links."""
    return tuple(_LINK.findall(prose(text)))


def anchors(text: str) -> frozenset[str]:
    """The anchors that headings give, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def rows(text: str) -> Iterator[tuple[str, ...]]:
    """The lines of all tables, their cells stripped."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])


def codes(cell: str) -> tuple[str, ...]:
    """What stands between backticks in a cell."""
    return tuple(re.findall(r"`([^`]+)`", cell))
