"""A shift along the order of a feature's values: the part of its PSI that lies in one direction.

Bins get normal scores of their mid-ranks in the reference (van der Waerden 1952): the direction in which a normal
distribution moves when its mean does, and a good one for other distributions. With p and q the shares of a bin in the
reference and in the window and h their mean, `(sum s (q - p))^2 / var_h(s)` is at most `sum (q - p)^2 / h` (Cauchy and
Schwarz), and that at most the PSI, since the logarithmic mean of p and q is at most h. So whoever is sure that this
part is above a `delta` is sure of the PSI, with one degree of freedom in the place of one for every bin.
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.distances import CountsLike, smoothed
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.ordered import limits_of
from weirkeeper.statistics.views import View

Floats = npt.NDArray[np.float64]

LEAST_PLACES = 3
"""With fewer values in order, a shift is all that can happen, and the PSI says it already."""

MIDDLE = 0.5


@lru_cache(maxsize=4096)
def scores_of(feature: FeatureProfile) -> Floats | None:
    """Score a feature's bins, and last the unseen values, along the order of its values.

    Values that the reference never had, and others than those listed, have no place in the order and score 0. None
    where values have no order, as groups by a digest have none, or too few of them.
    """
    if (feature.enumerated and feature.type != "discrete") or (isinstance(feature.view, View) and feature.view.grouped):
        return None
    places = _places(feature)
    if places.size < LEAST_PLACES:
        return None
    shares = smoothed(feature.counts)[: places.size]
    ascending = np.argsort(places, kind="stable")
    ranks = np.cumsum(shares[ascending]) - shares[ascending] / 2.0
    scores = np.zeros(feature.bins + 1)
    scores[ascending] = [NormalDist().inv_cdf(rank / float(shares.sum())) for rank in ranks]
    scores.flags.writeable = False
    return scores


def shift(reference: CountsLike, live: CountsLike, scores: Floats) -> float:
    """Tell how much of the PSI is a shift along `scores` (one a bin); 0 where all rows lie in one bin."""
    p, q = smoothed(reference), smoothed(live)
    h = (p + q) / 2.0
    centred = scores - h @ scores
    spread = float(h @ centred**2)
    return float(centred @ (q - p)) ** 2 / spread if spread > 0.0 else 0.0


def _places(feature: FeatureProfile) -> Floats:
    """Where each bin stands in the order of values: intervals by number, and atoms before or after their interval."""
    if feature.enumerated:
        return np.asarray(feature.values, dtype=np.float64)
    intervals = np.arange(len(feature.edges) + 1, dtype=np.float64)
    # The difference of two numbers may be larger than any float.
    ends, atoms = np.array(limits_of(feature)) / 2.0, np.asarray(feature.atoms, dtype=np.float64) / 2.0
    inside = np.searchsorted(np.asarray(feature.edges), feature.atoms, side="left")
    late = atoms - ends[inside] > MIDDLE * (ends[inside + 1] - ends[inside])
    return np.concatenate((intervals, inside + np.where(late, 0.5, -0.5)))
