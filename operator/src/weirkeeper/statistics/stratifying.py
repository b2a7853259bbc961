"""Strata of rows that are compared between two sides: bins in order, joined until they can be compared."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST_HELD_OUT: Final = 20
"""Held-out rows of a stratum: neighbouring bins are joined until they have so many."""


def joined(held_out: Floats, live: Floats) -> tuple[Floats, Floats]:
    """Join neighbouring bins, by held-out rows alone.

    Both sides are [bins, numbers] in order, of which the first number is the rows; so are the strata that come out.
    """
    sides = np.stack([held_out, live])
    strata, waiting = [], np.zeros_like(sides[:, 0])
    for place in range(sides.shape[1]):
        waiting = waiting + sides[:, place]
        if waiting[0, 0] >= LEAST_HELD_OUT:
            strata.append(waiting)
            waiting = np.zeros_like(waiting)
    if strata:
        strata[-1] = strata[-1] + waiting
    found = np.stack(strata or [waiting])
    return found[:, 0], found[:, 1]
