"""How many more requests a process needs to reach its goal if things go on as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weirkeeper.statistics.sequential import Floats, log_e

FURTHEST = 10_000_000
"""More requests than this are not told: nobody waits for them."""


def requests_to_reach(goal: float, log_sums: Sequence[float], gain: Floats | None) -> int | None:
    """Project the log e-value of `log_sums` (one number a grid point) that grow by `gain` with every request.

    Returns the fewest further requests after which it is at least `goal`, 0 where it is now; None where that is
    further away than FURTHEST, or `gain` is not known.
    """
    if log_e(log_sums) >= goal:
        return 0
    if gain is None:
        return None
    pairs = list(zip(map(float, log_sums), gain.tolist(), strict=True))

    def short_after(requests: int) -> bool:
        return log_e([log_sum + requests * more for log_sum, more in pairs]) < goal

    if short_after(FURTHEST):
        return None
    short, enough = 0, FURTHEST
    while enough - short > 1:
        middle = (short + enough) // 2
        if short_after(middle):
            short = middle
        else:
            enough = middle
    return enough


def gain_so_far(log_sums: Sequence[float], requests: int) -> Floats | None:
    """Tell what each of `requests` added to every grid point, on average; None before the first request."""
    return np.asarray(log_sums, dtype=np.float64) / requests if requests else None
