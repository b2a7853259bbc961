"""Several numeric columns looked at along one direction, so that a changed correlation shows where no column moved.

A projection is the weighted sum of columns, each centred on its median, in units of its spread, and cut at LIMIT of
them, so that one absurd value does not hide the rest. Its distribution follows the correlation of its columns: for two
of unit variance, that of their difference has the variance 2(1 - correlation) (principal axes of a pair; for many, the
axes of largest and least variance: Jolliffe, Principal Component Analysis, 2002, ch. 3 and 10.1). It is computed term
by term, in the order of the columns, so that every machine gets the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from weirkeeper.compiled.counting import Projecting
from weirkeeper.compiled.library import LIBRARY
from weirkeeper.statistics.cleaning import Floats

LIMIT: Final = 4.0
STEPS: Final = 1024.0
"""Projections are rounded to so many steps of a column's spread."""

_COMPILED: Final = None if LIBRARY is None else Projecting(LIBRARY, LIMIT, STEPS)


@dataclass(frozen=True)
class Projection:
    """A direction through `columns`.

    `centers` and `scales` are in the columns' units. `correlation` is that of the reference where there are two
    columns, and None otherwise.
    """

    columns: tuple[str, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    correlation: float | None = None

    def of(self, columns: Mapping[str, Floats], standardised: dict[tuple[str, float, float], Floats]) -> Floats:
        """Project rows, shape (rows,) each; NaN where a row lacks one of the columns.

        `standardised` keeps what several projections of the same rows have in common.
        """
        terms = []
        for name, center, scale in zip(self.columns, self.centers, self.scales, strict=True):
            key = (name, center, scale)
            if key not in standardised:
                standardised[key] = standardise(columns[name], center, scale)
            terms.append(standardised[key])
        # Columns that depend on each other leave rounding errors alone, which are no distribution.
        return _projected(terms, self.weights)

    def to_json(self) -> dict[str, Any]:
        """Write it as profile.json has it."""
        return {
            "kind": "projection",
            "columns": list(self.columns),
            "centers": list(self.centers),
            "scales": list(self.scales),
            "weights": list(self.weights),
            **({} if self.correlation is None else {"correlation": self.correlation}),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Projection:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it has not one center, scale and weight for each column.
        """
        columns = tuple(str(name) for name in found["columns"])
        centers, scales, weights = (
            tuple(float(number) for number in found[part]) for part in ("centers", "scales", "weights")
        )
        if not columns or {len(centers), len(scales), len(weights)} != {len(columns)}:
            raise ValueError(f"projection of {len(columns)} columns without a center, scale and weight for each")
        if not np.isfinite([centers, scales, weights]).all() or min(scales) <= 0.0:
            raise ValueError("projection with numbers that are not finite, or scales that are not above 0")
        correlation = found.get("correlation")
        return cls(columns, centers, scales, weights, None if correlation is None else float(correlation))


def standardise(values: Floats, center: float, scale: float) -> Floats:
    """Tell how many `scale` each value lies from `center`, at most LIMIT; NaN stays."""
    if _COMPILED is not None:
        return _COMPILED.standardised(values, center, scale)
    with np.errstate(over="ignore"):
        found = values - center
        found /= scale
    np.maximum(found, -LIMIT, out=found)
    return np.minimum(found, LIMIT, out=found)


def _projected(terms: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Add up terms by their weights, and round the sums; compiled code does so to the bit as numpy does."""
    if _COMPILED is not None:
        return _COMPILED.projected(terms, weights)
    total = terms[0] * weights[0]
    for term, weight in zip(terms[1:], weights[1:], strict=True):
        total += term * weight
    total *= STEPS
    np.rint(total, out=total)
    total *= 1.0 / STEPS  # exact, as STEPS is a power of two
    return total
