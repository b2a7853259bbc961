"""Which revision was in production when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from weirkeeper.model_report.attempts import promotions
from weirkeeper.model_report.found import Found

FOREVER: Final = float("inf")


class Reign(NamedTuple):
    """A revision that was stable from `since` until `until`, Unix seconds."""

    revision: str
    since: float
    until: float


def reigns(found: Found) -> Iterator[Reign]:
    """Give which revision was stable from when to when, as far as the attempts tell, the earliest first."""
    known = sorted({*promotions(found), (found.stable_since, found.stable)})
    for (since, revision), (until, _) in pairwise([*known, (FOREVER, "")]):
        yield Reign(revision, since, until)
