"""How an attempt ends under a rule."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Ended(NamedTuple):
    """Fail (rolled back), Pass (promoted) or Inconclusive, after so many slots of the attempt."""

    verdict: Literal["Pass", "Fail", "Inconclusive"]
    slots: int
