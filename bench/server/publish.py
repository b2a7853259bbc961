"""Results into the documentation: between marks, so that the words around them stay."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.server.errors import BenchError
from bench.server.places import CHECKOUT

PAGE: Final = CHECKOUT / "docs" / "explanation" / "server-performance.md"
PICTURE: Final = PAGE.with_suffix(".svg")


def publish(name: str, text: str, page: Path = PAGE) -> None:
    """Replace what stands between the page's marks of this name.

    Raises:
        BenchError: the page has no such marks.
    """
    begin, end = f"<!-- {name}: written by make -->", f"<!-- end of {name} -->"
    before, found, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise BenchError(f"{page} lacks the marks {begin} and {end}; put them where the result belongs")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}")
