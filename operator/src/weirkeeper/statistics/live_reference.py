"""Live rows as a reference: the bins are the profile's, what fell into them is what was counted.

Values that the profile does not know are no drift where the live reference had them too: they count among the others
of their feature then, there as in every window.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.packed import PackedCounts
from weirkeeper.statistics.profile import ReferenceProfile


@dataclass(frozen=True)
class LiveReference:
    """A profile whose counts are live, and the columns whose unknown values count among their others."""

    profile: ReferenceProfile
    pooled: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, profile: ReferenceProfile, counts: PackedCounts) -> LiveReference:
        """Take `counts`, which were counted by `profile`; features that were not counted stay as they are."""
        sides = (("inputs", profile.features, counts.inputs), ("outputs", profile.outputs, counts.outputs))
        pooled = frozenset(
            (side, feature.name)
            for side, features, counted in sides
            for feature in features
            if feature.enumerated and counted.get(feature.name, {}).get("unseen")
        )
        inputs, outputs = (
            tuple(_live(one, counted[one.name]) if one.name in counted else one for one in features)
            for _, features, counted in sides
        )
        return cls(replace(profile, rows=counts.rows, features=inputs, outputs=outputs), pooled)

    def seen(self, counts: PackedCounts) -> PackedCounts:
        """The counts of a window as this reference has them."""
        return counts.with_unseen_among_others(self.pooled) if self.pooled else counts


def _live(feature: FeatureProfile, counts: Counts) -> FeatureProfile:
    bins = list(counts["counts"])
    if feature.enumerated:
        bins[-1] += counts["unseen"]
    return replace(
        feature,
        counts=tuple(bins),
        missing=counts["missing"],
        invalid=counts["invalid"],
        pos_inf=counts["posInf"],
        neg_inf=counts["negInf"],
    )
