"""Names of columns: those that are meant are found, or the nearest are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from weirkeeper.comparison.errors import UnfitColumns

MOST_NAMED: Final = 10
CURRENT_ROWS: Final = "the current rows"
"""What rows that are compared are called where they come from no file."""


def listed(names: Sequence[str]) -> str:
    """List names, the first of them."""
    told = ", ".join(map(repr, names[:MOST_NAMED]))
    return told if len(names) <= MOST_NAMED else f"{told} and {len(names) - MOST_NAMED} more"


def check_known(named: Iterable[str], known: Sequence[str], where: str) -> None:
    """See that everything that is named is known.

    Raises:
        UnfitColumns: something is not; the message has the nearest names.
    """
    for name in named:
        if name not in known:
            raise UnfitColumns(f"there is no column {name!r} in {where}{nearest(name, known)}")


def nearest(name: str, known: Sequence[str]) -> str:
    """Ask whether one of the names that look alike was meant, else tell which there are."""
    alike = get_close_matches(name, dict.fromkeys(known), n=3)
    return f"; is it {' or '.join(map(repr, alike))}?" if alike else f"; it has {listed(known) or 'none'}"


def check_each_once(names: Sequence[object], where: str) -> None:
    """See that every column has a name of its own.

    Raises:
        UnfitColumns: a name is there twice, or is no string.
    """
    if unnamed := [name for name in names if not isinstance(name, str)]:
        raise UnfitColumns(f"column {unnamed[0]!r} of {where} has a name that is no string; rename it")
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise UnfitColumns(f"column {doubled[0]!r} is there twice in {where}; give each its own name")
