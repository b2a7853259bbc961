"""Refuses counts and columns that do not belong to a profile, and says what was given, expected and to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weirkeeper.statistics.cleaning import Column, is_absent
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.errors import ColumnMismatch, ProfileMismatch
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import Projection
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.views import View

_KINDS = {
    "str": "text",
    "bytes": "text",
    "float": "numbers",
    "int": "numbers",
    "bool": "numbers",
    "datetime": "moments",
}
"""What values of a type are called; others are called by the name of their type."""

LARGEST_COUNT = 2**63
"""No counter counts so many."""

KINDS = ("missing", "invalid", "unseen", "posInf", "negInf")


def check_totals(profile: ReferenceProfile, totals: Mapping[str, Any]) -> None:
    """Check what ProfileCounters' `totals` gave, or a sum of such.

    Raises:
        ProfileMismatch: they were counted by another profile, lack a feature or bins, or are no counts.
    """
    told = totals.get("profileSha256")
    if told != profile.sha256:
        raise ProfileMismatch(
            f"counts are of the profile {told!r:.80}, expected {profile.sha256}; compare them with the profile by which"
            " they were counted"
        )
    for side, features in (("inputs", profile.features), ("outputs", profile.outputs)):
        given = totals.get(side)
        counted = given if isinstance(given, Mapping) else {}
        for feature in features:
            if feature.name not in counted:
                raise ProfileMismatch(
                    f"counts of {side} lack {feature.name!r}, they have {_listed(counted)}; count by the same profile"
                )
            check_feature_counts(feature, counted[feature.name])


def check_feature_counts(feature: FeatureProfile, counts: object) -> None:
    """Check the counts of one feature.

    Raises:
        ProfileMismatch: they are of other bins, or no counts.
    """
    told: Mapping[str, Any] = counts if isinstance(counts, Mapping) else {"counts": counts}
    bins = told.get("counts")
    if not isinstance(bins, (list, tuple)) or len(bins) != feature.bins:
        found = f"{len(bins)} bins" if isinstance(bins, (list, tuple)) else f"{bins!r:.40} for bins"
        raise ProfileMismatch(
            f"feature {feature.name!r} was counted in {found}, its profile has {feature.bins}: the counts are of"
            " another profile"
        )
    numbers = [*bins, *(told.get(kind) for kind in KINDS), told.get("outOfRange", 0)]
    if wrong := [one for one in numbers if type(one) is not int or not 0 <= one < LARGEST_COUNT]:
        raise ProfileMismatch(
            f"feature {feature.name!r} has the count {wrong[0]!r:.40}, expected whole numbers of at least 0, less than"
            f" 2**63, for its bins and {', '.join(KINDS)}; give what a counter told"
        )


def check_columns(profile: ReferenceProfile, inputs: Mapping[str, Column]) -> frozenset[str]:
    """Check that columns are those that the profile's inputs were made of, and hold values of the same type.

    Tells which of them do; the others have no value at all, of which nothing can be said.

    Raises:
        ColumnMismatch: one is missing, or none of its values is of the type that the profile has.
    """
    singles = [feature for feature in profile.features if not isinstance(feature.view, Projection)]
    needed = {column for feature in singles for column in feature.columns}
    if missing := sorted(needed - inputs.keys()):
        raise ColumnMismatch(
            f"columns {_listed(missing)} are missing, given were {_listed(inputs)}; give every column that the profile"
            " was made of"
        )
    return frozenset(feature.columns[0] for feature in singles if _holds_type(feature, inputs[feature.columns[0]]))


def _holds_type(feature: FeatureProfile, column: Column) -> bool:
    counter = FeatureCounter(feature)
    counter.ingest(column)
    totals = counter.totals()
    nothing = totals["invalid"] + totals["missing"] == column.size
    if totals["invalid"] and nothing:
        name = feature.columns[0]
        raise ColumnMismatch(
            f"column {name!r} holds {_kind_in(column)}, but {kind_of(feature)} in the reference, whose type is"
            f" {_type_of(feature)}: convert it, or make the profile anew",
            name,
        )
    return not nothing


def _kind_in(column: Column) -> str:
    if column.dtype.kind in "mM":
        return "moments"
    held = next(type(value).__name__ for value in column.tolist() if not is_absent(value))
    return _KINDS.get(held, held)


def kind_of(feature: FeatureProfile) -> str:
    """Tell what the values are that a feature is counted from: numbers, text, or moments."""
    kind = feature.view.kind if isinstance(feature.view, View) else ""
    if kind in ("hour", "weekday"):
        return "moments"
    return "text" if feature.textual or kind in ("length", "characters", "textGroup") else "numbers"


def _type_of(feature: FeatureProfile) -> str:
    return feature.type if feature.view is None else f"{feature.type} ({feature.name})"


def _listed(names: Iterable[str]) -> str:
    found = [repr(name) for name in names]
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "") or "none"  # noqa: PLR2004  of some hundred
