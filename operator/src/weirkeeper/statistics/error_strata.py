"""Held-out errors of a regression by the bins that its profile has of the prediction: what to expect follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.feature import FeatureProfile

Floats = npt.NDArray[np.float64]

POWERS: Final = (1, 2, 4)
"""Powers of an error's size that are summed: means and their variances follow from them."""


class ErrorSums(NamedTuple):
    """The rows of one bin, and the sums over them of the size of the error, its square and its fourth power."""

    rows: int
    absolute: float
    squared: float
    fourth: float


@dataclass(frozen=True)
class ErrorStrata:
    """Held-out errors by bin of the profile's `output`, as the counters of live rows have the bins."""

    output: str
    bins: Mapping[int, ErrorSums]

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        return {"output": self.output, "bins": {str(place): list(sums) for place, sums in sorted(self.bins.items())}}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ErrorStrata:
        """Read what `to_json` wrote.

        Raises:
            ValueError: a bin has no four numbers, or one that is negative or not finite.
        """
        read = cls(str(found["output"]), {int(place): ErrorSums(*sums) for place, sums in found["bins"].items()})
        for place, sums in read.bins.items():
            if place < 0 or type(sums.rows) is not int or not all(0.0 <= one < math.inf for one in sums):
                raise ValueError(f"bin {place} of errors has {sums!r:.80}; expected rows and sums of at least 0")
        return read


def error_strata_of(output: FeatureProfile, predicted: Floats, actual: Floats) -> ErrorStrata:
    """Sum errors up by the bin of `output`, a number in the profile that is no view, into which the prediction falls.

    `predicted` and `actual` are finite, shape [rows]. Predictions that the profile has no bin for are left out.
    """
    places, errors = _places(output, predicted), np.abs(predicted - actual)
    bins = {}
    for place in np.unique(places[places >= 0]).tolist():
        mine = errors[places == place]
        bins[place] = ErrorSums(int(mine.size), *(float((mine**power).sum()) for power in POWERS))
    return ErrorStrata(output.name, bins)


def _places(output: FeatureProfile, values: Floats) -> npt.NDArray[np.intp]:
    """Tell the bin of each value, as `FeatureCounter` counts it; -1 where there is none."""
    if output.enumerated:
        places = np.full(values.size, -1, dtype=np.intp)
        listed, first = output.values, 0
    else:
        # Intervals are closed on the right.
        places = np.searchsorted(np.asarray(output.edges, dtype=np.float64), values, side="left")
        listed, first = output.atoms, len(output.edges) + 1
    for place, value in enumerate(listed, first):
        places[values == value] = place
    return places
