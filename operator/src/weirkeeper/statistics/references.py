"""The references of many features side by side, as arrays: what windows are compared with by a few operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.ordering import scores_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class References:
    """Features in their order, a row each; beyond a feature's own bins, and last for unseen values, its row holds 0."""

    features: tuple[FeatureProfile, ...]

    @cached_property
    def widest(self) -> int:
        """The number of bins of the feature that has most of them."""
        return max((feature.bins for feature in self.features), default=0)

    @cached_property
    def counts(self) -> Floats:
        """[features, widest + 1]: reference rows by bin."""
        return self.table([feature.counts for feature in self.features])

    @cached_property
    def bins(self) -> Bools:
        """[features, widest + 1]: which places are bins of the feature."""
        return self.table([[1] * feature.bins for feature in self.features]) > 0.0

    @cached_property
    def rows(self) -> Floats:
        """[features]: reference values."""
        return np.asarray(self.counts.sum(axis=1), dtype=np.float64)

    @cached_property
    def missing(self) -> Floats:
        """[features]: reference rows without a value."""
        return np.array([feature.missing for feature in self.features], dtype=np.float64)

    @cached_property
    def ordered(self) -> Bools:
        """[features]: whether values have an order along which they can shift."""
        return np.array([scores_of(feature) is not None for feature in self.features], dtype=bool)

    @cached_property
    def scores(self) -> Floats:
        """[features, widest + 1]: places of the bins in the order of values; unseen values have none."""
        found = [scores_of(feature) for feature in self.features]
        return self.table([[] if scores is None else scores[:-1].tolist() for scores in found])

    def table(self, rows: Sequence[Sequence[float]]) -> Floats:
        """[features, widest + 1]: put a row of each feature's bins below the other."""
        wide = self.widest + 1
        return np.array([[*row, *[0] * (wide - len(row))] for row in rows], dtype=np.float64).reshape(-1, wide)
