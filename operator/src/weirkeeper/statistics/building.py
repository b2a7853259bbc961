"""From a column of reference rows to its profile: what type it is, what of it is counted, and in which bins."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from weirkeeper.statistics.binning import (
    DISCRETE_LIMIT,
    binned,
    categorical,
    categories_of,
    described,
    distinct,
    enumerated,
    round_limits,
)
from weirkeeper.statistics.cleaning import (
    PLAIN,
    Column,
    Floats,
    Texts,
    is_absent,
    is_number,
    moment_of,
    numbers_of,
    texts_of,
)
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import FeatureProfile, FeatureType
from weirkeeper.statistics.views import GROUPS, SALTS, WEEKDAYS, View, group_of, text_of_number

Content = Literal["numbers", "text", "moments"]

REPEATED: Final = 0.5
"""Text of which less than this share of the rows repeats one of the frequent values is free text."""


@dataclass(frozen=True)
class Described:
    """What the maker of a profile says of a column beyond its values.

    `sensitive`: no value of it may be kept or told. `unit`: that of its numbers, for people. `importance`: its weight
    among the other columns, at least 0. `expected`: the least and the most that its numbers may be.
    """

    sensitive: bool = False
    unit: str = ""
    importance: float | None = None
    expected: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Types:
    """The types of a side's features: of text, and of few whole numbers."""

    text: FeatureType
    few: FeatureType


_INPUT: Final = _Types("categorical", "discrete")
_OUTPUT: Final = _Types("class", "class")


def profile_input(name: str, column: Column, said: Described | None = None) -> tuple[FeatureProfile, ...]:
    """Profile a column that a model is given; free text and moments have several features.

    Raises:
        ProfileError: the column is not one value a row, or mixes numbers and text, or what is said of it cannot be.
    """
    return _profiled(name, column, said or Described(), _INPUT)


def profile_output(name: str, column: Column, said: Described | None = None) -> tuple[FeatureProfile, ...]:
    """Profile a column that a model answers with: a class, a probability or a number.

    Raises:
        ProfileError: as in `profile_input`.
    """
    return tuple(_as_output(feature) for feature in _profiled(name, column, said or Described(), _OUTPUT))


def _as_output(feature: FeatureProfile) -> FeatureProfile:
    if feature.type == "boolean":
        return replace(feature, type="class")
    in_unit = feature.least is not None and feature.most is not None and 0.0 <= feature.least <= feature.most <= 1.0
    return replace(feature, type="probability") if feature.type == "numeric" and in_unit else feature


def _profiled(name: str, column: Column, said: Described, types: _Types) -> tuple[FeatureProfile, ...]:
    _check(name, column, said)
    content = _content_of(name, column)
    if said.expected is not None and content != "numbers":
        raise ProfileError(f"column {name!r} holds {content} and has no range; expect a range of numbers only")
    makers = {"numbers": _of_numbers, "text": _of_text, "moments": _of_moments}
    features = makers[content](name, column, said, types)
    return tuple(_counted(_with(feature, said), column) for feature in features)


def _with(feature: FeatureProfile, said: Described) -> FeatureProfile:
    return replace(
        feature,
        sensitive=said.sensitive,
        unit=said.unit if feature.view is None else "",
        importance=None if said.importance is None else float(said.importance),
        expected=None if said.sensitive or feature.enumerated else _floats(said.expected),
    )


def _floats(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """Whole numbers are read back as floats, and a digest tells 0 from 0.0."""
    return None if bounds is None else (float(bounds[0]), float(bounds[1]))


def _counted(feature: FeatureProfile, column: Column) -> FeatureProfile:
    """Count by the same rules as live values, so that the reference against itself has no distance."""
    counter = FeatureCounter(feature)
    counter.ingest(column)
    totals = counter.totals()
    return replace(
        feature,
        counts=tuple(totals["counts"]),
        missing=totals["missing"],
        invalid=totals["invalid"],
        pos_inf=totals["posInf"],
        neg_inf=totals["negInf"],
    )


def _check(name: str, column: Column, said: Described) -> None:
    if column.ndim != 1:
        raise ProfileError(
            f"column {name!r} has shape {column.shape}, expected one value a row: give each of its columns a name"
        )
    if column.size == 0:
        raise ProfileError(f"column {name!r} has no rows; give the rows that the model was trained or validated on")
    if said.importance is not None and not (math.isfinite(said.importance) and said.importance >= 0.0):
        raise ProfileError(f"column {name!r} has importance {said.importance}, expected a number of at least 0")
    if said.expected is not None and not (
        all(map(math.isfinite, said.expected)) and said.expected[0] <= said.expected[1]
    ):
        raise ProfileError(f"column {name!r} is expected within {said.expected}; give the least first, both finite")


def _content_of(name: str, column: Column) -> Content:
    kind = column.dtype.kind
    if kind in "biuf":
        return "numbers"
    if kind == "M":
        return "moments"
    if kind in "US":
        return "moments" if _are_moments(texts_of(column)) else "text"
    if kind == "O" and set(map(type, column.tolist())) <= PLAIN:
        return "numbers"
    return _content_of_objects(name, column)


def _content_of_objects(name: str, column: Column) -> Content:
    texts = texts_of(column)
    if texts.counts and not texts.invalid:
        return "moments" if _are_moments(texts) else "text"
    rows = [value for value in column.tolist() if not is_absent(value)]
    numbers = sum(map(is_number, rows))
    if texts.counts and numbers:
        raise ProfileError(
            f"column {name!r} mixes {numbers} numbers with {sum(texts.counts.values())} texts; make it one of them"
        )
    if texts.counts:
        return "text"
    if rows and not numbers:
        if all(moment_of(value) is not None for value in rows):
            return "moments"
        raise ProfileError(
            f"column {name!r} holds {type(rows[0]).__name__}, neither numbers nor text nor dates; convert it to one"
        )
    return "numbers"


def _are_moments(texts: Texts) -> bool:
    """Tell whether every text is a date, or a date and time, by ISO 8601."""
    return bool(texts.counts) and not texts.invalid and all(map(moment_of, texts.counts))


def _of_text(name: str, column: Column, said: Described, types: _Types) -> tuple[FeatureProfile, ...]:
    texts = texts_of(column)
    kept = categories_of(texts)
    if said.sensitive:
        return (_grouped(name, View("textGroup", name, _best_salt(kept[:GROUPS]))),)
    if not _is_free(texts, kept):
        return (categorical(name, types.text, texts),)
    return (
        _viewed(f"length of {name}", View("length", name), column, _lengths),
        _viewed(f"characters of {name}", View("characters", name), column, _kinds_of_characters),
    )


def _is_free(texts: Texts, kept: tuple[str, ...]) -> bool:
    """Tell free text from categories: most values occur once, or are too long to be kept."""
    repeated = sum(count for value in kept if (count := texts.counts[value]) > 1)
    few = len(texts.counts) <= DISCRETE_LIMIT and bool(kept)
    return not few and repeated < REPEATED * sum(texts.counts.values())


def _of_moments(name: str, column: Column, _: Described, __: _Types) -> tuple[FeatureProfile, ...]:
    clock = View("hour", name)
    hours = enumerated(f"hour of {name}", "discrete", map(float, range(24)))
    days = FeatureProfile(f"weekday of {name}", "categorical", (0,) * (len(WEEKDAYS) + 1), values=WEEKDAYS)
    weekdays = replace(days, view=View("weekday", name))
    # Dates alone are all at midnight, which tells nothing.
    timed = bool(np.any(clock.of(column).values))
    return (replace(hours, view=clock), weekdays) if timed else (weekdays,)


def _of_numbers(name: str, column: Column, said: Described, types: _Types) -> tuple[FeatureProfile, ...]:
    values = numbers_of(column).values
    ascending = _ascending(values)
    if _is_boolean(column):
        feature = enumerated(name, "boolean", (0.0, 1.0))
    elif _is_whole(column) and _all_finite(values) and distinct(ascending)[0].size <= DISCRETE_LIMIT:
        feature = enumerated(name, types.few, distinct(ascending)[0].tolist())
    elif said.sensitive:
        return (round_limits(name, ascending),)
    else:
        feature = binned(name, ascending)
    if said.sensitive:
        known = tuple(text_of_number(value) for value in feature.values if not isinstance(value, str))
        return (_grouped(name, View("numberGroup", name, _best_salt(known))),)
    return (described(feature, ascending),)


def _ascending(values: Column) -> Floats:
    """Sort the finite numbers of a column."""
    with np.errstate(over="ignore"):
        floats = values.astype(np.float64)
    return np.sort(floats[np.isfinite(floats)])


def _all_finite(values: Column) -> bool:
    """Tell whether no number is infinite, as whole numbers are that no float holds."""
    return values.dtype.kind in "biu" or not np.isinf(values).any()


def _is_boolean(column: Column) -> bool:
    if column.dtype.kind != "O":
        return column.dtype.kind == "b"
    present = _number_types(column)
    return bool(present) and present <= {bool, np.bool_}


def _is_whole(column: Column) -> bool:
    """Tell whether the column holds whole numbers by type, not by chance."""
    if column.dtype.kind != "O":
        return column.dtype.kind in "iu"
    present = _number_types(column)
    return bool(present) and all(issubclass(one, (int, np.integer)) for one in present)


def _number_types(column: Column) -> set[type]:
    return {type(value) for value in column.tolist() if is_number(value) and not is_absent(value)}


def _grouped(name: str, view: View) -> FeatureProfile:
    return replace(enumerated(name, "discrete", map(float, range(GROUPS))), view=view)


def _best_salt(values: tuple[str, ...]) -> int:
    """Choose the salt that sorts the frequent values into the most groups; the first of equal ones."""
    return max(range(SALTS), key=lambda salt: len({group_of(value, salt) for value in values}))


def _viewed(name: str, view: View, column: Column, make: Callable[[str, Column], FeatureProfile]) -> FeatureProfile:
    return replace(make(name, view.of(column).values), view=view)


def _lengths(name: str, values: Column) -> FeatureProfile:
    ascending = np.sort(values)
    return described(binned(name, ascending), ascending)


def _kinds_of_characters(name: str, values: Column) -> FeatureProfile:
    return categorical(name, "categorical", texts_of(values))
