"""The reference of one column: which bins its values fall into, and how many reference rows fell into each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.joint import Projection
from weirkeeper.statistics.views import View

FeatureType = Literal["numeric", "discrete", "boolean", "categorical", "class", "probability"]

Counts = Mapping[str, Any]
"""Live counts of one feature, as integers: `counts` (a bin each), `missing`, `invalid`, `unseen`, `posInf`, `negInf`,
`sum` (of the finite values, as offsets from the reference mean in units of SUM_UNIT reference deviations), and, where
the feature has a range, `outOfRange` (finite values outside of it). Infinite values and those out of range are also in
the outer bins."""

SUM_UNIT = 1e-4
"""Sums are kept as integers, so that they merge exactly in any order."""


@dataclass(frozen=True)
class FeatureProfile:
    """One column of the reference.

    With `values` the bins are those values and, last, every other one that the reference had (`others`; where there
    were too many to list, `open` says that an unknown value counts as one of them). Otherwise the bins are intervals
    closed on the right, cut at `edges`, and then one for each of `atoms`: single values with a large share, which are
    not counted in their interval. `counts` holds the reference rows of each bin. `mean`, `std`, `least` and `most`
    are of the finite values, None for text or where there are none.

    `expected` are the least and the most that live values may be, where somebody said so; `unit` is that of the values;
    `importance` weighs the feature among the others, in any unit. Of a `sensitive` column nothing is kept that would
    tell a value: its values are counted in groups or between round limits. `view` tells that not the values of the
    column of that name are counted but what is made of one or several.
    """

    name: str
    type: FeatureType
    counts: tuple[int, ...]
    missing: int = 0
    edges: tuple[float, ...] = ()
    atoms: tuple[float, ...] = ()
    values: tuple[str, ...] | tuple[float, ...] = ()
    others: tuple[str, ...] = ()
    open: bool = False
    pos_inf: int = 0
    neg_inf: int = 0
    least: float | None = None
    most: float | None = None
    mean: float | None = None
    std: float | None = None
    invalid: int = 0
    expected: tuple[float, float] | None = None
    unit: str = ""
    importance: float | None = None
    sensitive: bool = False
    view: View | Projection | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is counted from: its own, unless it is a view of others."""
        return (self.name,) if self.view is None else self.view.columns

    @property
    def textual(self) -> bool:
        """Whether values are text; a number is invalid then, as text is in a number."""
        return self.type == "categorical" or (self.type == "class" and isinstance((*self.values, "")[0], str))

    @property
    def enumerated(self) -> bool:
        """Whether the bins are single values rather than intervals."""
        return self.type in ("discrete", "boolean", "categorical", "class")

    @property
    def bins(self) -> int:
        """The number of bins."""
        return len(self.values) + 1 if self.enumerated else len(self.edges) + 1 + len(self.atoms)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The least and the most that is not out of range: what is expected, else what the reference had."""
        if self.enumerated or self.sensitive:
            return None
        if self.expected is not None or self.least is None or self.most is None:
            return self.expected
        return self.least, self.most

    @property
    def count(self) -> int:
        """Valid reference values."""
        return sum(self.counts)

    @property
    def scale(self) -> float:
        """The unit in which offsets from the mean are summed up."""
        return self.std or 1.0

    def to_json(self) -> dict[str, Any]:
        """Write it as profile.json has it; what does not apply is absent."""
        written: dict[str, Any] = {
            "name": self.name, "type": self.type, "count": self.count, "missing": self.missing,
            "counts": list(self.counts), "edges": list(self.edges), "atoms": list(self.atoms),
            "values": list(self.values), "others": list(self.others), "open": self.open,
            "posInf": self.pos_inf, "negInf": self.neg_inf,
            "min": self.least, "max": self.most, "mean": self.mean, "std": self.std,
            "invalid": self.invalid, "unit": self.unit, "importance": self.importance, "sensitive": self.sensitive,
            "expected": self.expected and {"min": self.expected[0], "max": self.expected[1]},
            "view": self.view and self.view.to_json(),
        }  # fmt: skip
        always = ("name", "type", "count", "missing", "counts", "mean", "std", "min", "max", "importance")
        return {key: value for key, value in written.items() if value or (key in always and value is not None)}

    @classmethod
    def from_json(cls, found: object) -> FeatureProfile:
        """Read what `to_json` wrote.

        Raises:
            ProfileError: it is not the profile of a feature; the message says what is wrong with which.
        """
        if not isinstance(found, Mapping):
            raise ProfileError(f"profile of a feature is {found!r:.80}, expected an object; make the bundle anew")
        try:
            feature = _read(found)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            name = found.get("name", "?")
            raise ProfileError(
                f"profile of feature {name!r} cannot be read: {error!r}; make the bundle anew"
            ) from error
        _check(feature)
        return feature


def _read(found: Mapping[str, Any]) -> FeatureProfile:
    values = found.get("values", ())
    textual = any(isinstance(value, str) for value in values)
    return FeatureProfile(
        name=str(found["name"]), type=found["type"], counts=tuple(int(n) for n in found["counts"]),
        missing=int(found.get("missing", 0)),
        edges=_numbers(found.get("edges", ())), atoms=_numbers(found.get("atoms", ())),
        values=tuple(str(value) for value in values) if textual else _numbers(values),
        others=tuple(str(value) for value in found.get("others", ())), open=bool(found.get("open", False)),
        pos_inf=int(found.get("posInf", 0)), neg_inf=int(found.get("negInf", 0)),
        least=_number(found.get("min")), most=_number(found.get("max")),
        mean=_number(found.get("mean")), std=_number(found.get("std")),
        invalid=int(found.get("invalid", 0)), expected=_range(found.get("expected")), unit=str(found.get("unit", "")),
        importance=_number(found.get("importance")), sensitive=bool(found.get("sensitive", False)),
        view=_view(found.get("view")),
    )  # fmt: skip


def _numbers(found: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in found)


def _number(found: Any) -> float | None:
    return None if found is None else float(found)


def _range(found: Any) -> tuple[float, float] | None:
    return None if found is None else (float(found["min"]), float(found["max"]))


def _view(found: Any) -> View | Projection | None:
    if found is None:
        return None
    return Projection.from_json(found) if found["kind"] == "projection" else View.from_json(found)


def _check(feature: FeatureProfile) -> None:
    wrong = None
    if feature.type not in get_args(FeatureType):
        wrong = f"has type {feature.type!r}, expected one of {', '.join(get_args(FeatureType))}"
    elif len(feature.counts) != feature.bins:
        wrong = f"has {len(feature.counts)} counts for {feature.bins} bins"
    elif min((*feature.counts, feature.missing, feature.invalid, feature.pos_inf, feature.neg_inf)) < 0:
        wrong = "has a negative count"
    elif not all(map(math.isfinite, _told_numbers(feature))):
        wrong = "has edges, values or moments that are not finite"
    elif not all(low < high for low, high in pairwise(feature.edges)):
        wrong = "has edges that do not ascend"
    elif not feature.textual and any(isinstance(value, str) for value in feature.values):
        wrong = f"has values that are text, and type {feature.type!r}"
    elif feature.sensitive and feature.view is None and _told_values(feature):
        wrong = "is sensitive and holds values"
    if wrong:
        raise ProfileError(f"profile of feature {feature.name!r} {wrong}; make the bundle anew")


def _told_values(feature: FeatureProfile) -> bool:
    """Whether a profile holds values of its column: edges of a sensitive one are beside round numbers."""
    ends = (feature.least, feature.most, feature.mean, feature.std, feature.expected)
    return bool(feature.values or feature.others or feature.atoms) or any(one is not None for one in ends)


def _told_numbers(feature: FeatureProfile) -> list[float]:
    known = (feature.least, feature.most, feature.mean, feature.std, feature.importance, *(feature.expected or ()))
    numeric = [value for value in feature.values if not isinstance(value, str)]
    return [*feature.edges, *feature.atoms, *numeric, *(number for number in known if number is not None)]
