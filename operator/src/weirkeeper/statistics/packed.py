"""Counts of all columns as one vector of integers: windows of hundreds of models fit into little memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import Counts

Integers = npt.NDArray[np.int64] | npt.NDArray[np.int32]
Side = Literal["inputs", "outputs"]
SIDES: Final[tuple[Side, ...]] = ("inputs", "outputs")

KINDS: Final = ("missing", "invalid", "unseen", "posInf", "negInf", "sum")
"""What follows the bins of a column; `outOfRange` is last, where the column has a range."""

UNSEEN: Final = KINDS.index("unseen")
SUM: Final = KINDS.index("sum")
WHOLE: Final = 3
"""Kinds which, with the bins, make up all rows."""

MOST_IN_32_BITS: Final = 2**31 - 1


class Column(NamedTuple):
    """One column of a layout: its counts take `bins` numbers, those of KINDS, and one more where it is `ranged`."""

    side: Side
    name: str
    bins: int
    ranged: bool

    @property
    def width(self) -> int:
        """How many numbers it takes."""
        return self.bins + len(KINDS) + self.ranged


@dataclass(frozen=True)
class Layout:
    """Which number stands for what; two vectors add up only where they have the same."""

    columns: tuple[Column, ...]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(column.width for column in self.columns)


class _Places(NamedTuple):
    """Where the columns of a layout begin, the rows of its inputs (begin and end, in turns), and its sums."""

    starts: tuple[int, ...]
    rows: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]


@lru_cache(maxsize=4096)
def layout(columns: tuple[Column, ...]) -> Layout:
    """Give the one Layout of these columns."""
    return Layout(columns)


@lru_cache(maxsize=4096)
def _places(found: Layout) -> _Places:
    starts, rows, sums, place = [], [], [], 0
    for column in found.columns:
        starts.append(place)
        sums.append(place + column.bins + SUM)
        if column.side == "inputs":
            rows += [place, place + column.bins + WHOLE]
        place += column.width
    return _Places(tuple(starts), np.array(rows, dtype=np.int64), np.array(sums, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class PackedCounts:
    """Counts of inputs and outputs; `numbers` must not be written to."""

    layout: Layout
    numbers: Integers

    @classmethod
    def of(cls, inputs: Mapping[str, Counts], outputs: Mapping[str, Counts] | None = None) -> Self:
        """Pack ProfileCounters' `inputs` and `outputs`."""
        sides = {"inputs": inputs, "outputs": outputs or {}}
        columns = tuple(
            Column(side, name, len(counts["counts"]), "outOfRange" in counts)
            for side in SIDES
            for name, counts in sorted(sides[side].items())
        )
        numbers = np.fromiter(
            (number for column in columns for number in _flat(sides[column.side][column.name], ranged=column.ranged)),
            dtype=np.int64,
            count=sum(column.width for column in columns),
        )
        return cls(layout(columns), _tight(numbers))

    @property
    def inputs(self) -> dict[str, Counts]:
        """The counts of the inputs, by name."""
        return self._side("inputs")

    @property
    def outputs(self) -> dict[str, Counts]:
        """The counts of the outputs, by name."""
        return self._side("outputs")

    @property
    def rows(self) -> int:
        """How many rows were counted: every input counts each of them, whatever its value."""
        places = _places(self.layout).rows
        if not places.size:
            return 0
        # The last end may be the end of all, which is no place.
        return int(np.add.reduceat(np.append(self.numbers, 0), places)[::2].max())

    def plus(self, other: PackedCounts) -> PackedCounts:
        """Add counts of the same layout; where either has no columns, the other is the sum.

        Raises:
            ProfileMismatch: the layouts differ.
        """
        if not self.layout.columns or not other.layout.columns:
            return self if self.layout.columns else other
        self._check(other)
        return PackedCounts(self.layout, _tight(self.numbers.astype(np.int64) + other.numbers))

    def minus(self, other: PackedCounts) -> PackedCounts:
        """Tell what was counted since `other`, an earlier look at the same counter.

        Raises:
            ProfileMismatch: the layouts differ, or a count fell, which is a restart: begin a new series.
        """
        if not other.layout.columns:
            return self
        self._check(other)
        rest = self.numbers.astype(np.int64) - other.numbers
        counts = rest.copy()
        counts[_places(self.layout).sums] = 0
        if counts.min(initial=0) < 0:
            raise ProfileMismatch("a count fell between two looks: a restarted counter is a new series")
        return PackedCounts(self.layout, _tight(rest))

    def with_unseen_among_others(self, columns: AbstractSet[tuple[str, str]]) -> PackedCounts:
        """The same counts where unseen values of these columns, by side and name, are in the last bin."""
        numbers = self.numbers.astype(np.int64)
        for column, start in zip(self.layout.columns, _places(self.layout).starts, strict=True):
            if (column.side, column.name) in columns:
                unseen = start + column.bins + UNSEEN
                numbers[start + column.bins - 1] += numbers[unseen]
                numbers[unseen] = 0
        return PackedCounts(self.layout, _tight(numbers))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, PackedCounts)
            and self.layout == other.layout
            and bool(np.array_equal(self.numbers, other.numbers))
        )

    def __hash__(self) -> int:
        return hash((self.layout, self.numbers.tobytes()))

    def _check(self, other: PackedCounts) -> None:
        if self.layout is not other.layout and self.layout != other.layout:
            raise ProfileMismatch(
                f"counts of {len(self.layout.columns)} columns, {self.layout.size} numbers, and of"
                f" {len(other.layout.columns)}, {other.layout.size}, are of two profiles: they cannot be joined"
            )

    def _side(self, side: Side) -> dict[str, Counts]:
        starts = _places(self.layout).starts
        return {
            column.name: _counts(self.numbers[start : start + column.width].tolist(), column)
            for column, start in zip(self.layout.columns, starts, strict=True)
            if column.side == side
        }


NOTHING: Final = PackedCounts(layout(()), np.zeros(0, dtype=np.int64))


def total(parts: Iterable[PackedCounts]) -> PackedCounts:
    """Add up; nothing at all gives counts without columns.

    Raises:
        ProfileMismatch: layouts differ.
    """
    found = NOTHING
    for part in parts:
        found = found.plus(part)
    return found


def checked(columns: tuple[Column, ...], numbers: Iterable[int]) -> PackedCounts:
    """Read counts that anybody may have written.

    Raises:
        ValueError: there are too many or too few numbers, or one is no count.
    """
    found = layout(columns)
    packed = np.fromiter(numbers, dtype=np.int64)
    counts = packed.copy()
    if packed.size == found.size:
        counts[_places(found).sums] = 0
    if packed.size != found.size or counts.min(initial=0) < 0:
        raise ValueError(f"{packed.size} numbers, the least {counts.min(initial=0)}, for a layout of {found.size}")
    return PackedCounts(found, _tight(packed))


def _flat(counts: Counts, *, ranged: bool) -> list[int]:
    return [*counts["counts"], *(counts[kind] for kind in KINDS), *([counts["outOfRange"]] if ranged else [])]


def _counts(numbers: list[int], column: Column) -> dict[str, Any]:
    kinds = (*KINDS, "outOfRange")[: column.width - column.bins]
    return {"counts": numbers[: column.bins], **dict(zip(kinds, numbers[column.bins :], strict=True))}


def _tight(numbers: npt.NDArray[np.int64]) -> Integers:
    """Half the memory, where nothing is too large for it."""
    if numbers.size and (numbers.max() > MOST_IN_32_BITS or numbers.min() < -MOST_IN_32_BITS):
        return numbers
    return numbers.astype(np.int32)
