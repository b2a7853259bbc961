"""The worst features first, and none that only repeats what another one says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import Projection


class Judged(Protocol):
    """What is known of a judged feature: whether it drifts, and how far above its threshold it is, as a factor."""

    @property
    def name(self) -> str:
        """The feature's name in the profile."""

    @property
    def drifting(self) -> bool:
        """Whether it drifts."""

    @property
    def severity(self) -> float:
        """Its distance, as a multiple of its threshold."""


J = TypeVar("J", bound=Judged)


def ranked(profile: Sequence[FeatureProfile], judged: Iterable[J]) -> list[J]:
    """Sort features: those that drift first, then by severity times importance.

    The importance of a feature is relative to the mean of all that have one; it is 1 for those that have none. What
    several columns do together is left out where one of them drifts by itself: then it cannot be as before.
    """
    features = {feature.name: feature for feature in profile}
    found = list(judged)
    moved: set[str] = set()
    for one in found:
        if one.drifting and not is_joint(features[one.name]):
            moved.update(features[one.name].columns)
    kept = [one for one in found if not _repeats(features[one.name], moved)] if moved else found
    weights = _weights(features)
    return sorted(kept, key=lambda one: (one.drifting, one.severity * weights.get(one.name, 1.0)), reverse=True)


def is_joint(feature: FeatureProfile) -> bool:
    """Tell whether a feature is about several columns together."""
    return isinstance(feature.view, Projection)


def _repeats(feature: FeatureProfile, moved: set[str]) -> bool:
    return is_joint(feature) and not moved.isdisjoint(feature.columns)


def _weights(features: Mapping[str, FeatureProfile]) -> dict[str, float]:
    told = {name: feature.importance for name, feature in features.items() if feature.importance is not None}
    mean = sum(told.values()) / len(told) if told else 0.0
    return {name: importance / mean for name, importance in told.items()} if mean else {}
