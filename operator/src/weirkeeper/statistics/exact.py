"""Sums of floating-point numbers without rounding: parts add up to the last bit, whatever the order.

A sum is kept as parts that do not overlap, after Shewchuk, "Adaptive Precision Floating-Point Arithmetic", Discrete &
Computational Geometry 18, 1997, by way of Python's `math.fsum`. Two or three parts are usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Self

from weirkeeper.statistics.errors import StatisticsError

MOST_PARTS: Final = 40
"""So many parts of 53 bits reach from the largest double to the smallest."""

_WAITING: Final = 16
"""Numbers wait until there are so many: adding them one by one costs ten times as much."""


class ExactSum:
    """The sum of the numbers that were added; equal sums are equal, however they came about."""

    __slots__ = ("_parts", "_waiting")

    def __init__(self, numbers: Iterable[float] = ()) -> None:
        self._parts: tuple[float, ...] = ()
        self._waiting: list[float] = []
        for number in numbers:
            self.add(number)

    def add(self, number: float) -> None:
        """Add a number.

        Raises:
            StatisticsError: it is infinite or not a number.
        """
        if not math.isfinite(number):
            raise StatisticsError(f"a sum was given {number}; give finite numbers, and leave out what is none")
        self._waiting.append(number)
        if len(self._waiting) >= _WAITING:
            self._settle()

    def merge(self, other: ExactSum) -> None:
        """Add another sum."""
        for part in other.parts:
            self.add(part)

    def to_json(self) -> float | list[float]:
        """Write it: one number where one holds it, else its parts."""
        return self.parts[0] if len(self.parts) == 1 else list(self.parts)

    @classmethod
    def from_json(cls, told: float | list[float]) -> Self:
        """Read what `to_json` wrote."""
        return cls(told if isinstance(told, list) else [float(told)])

    @property
    def parts(self) -> tuple[float, ...]:
        """Numbers whose exact sum it is: the first is the sum rounded once, each further what is still left."""
        self._settle()
        return self._parts

    @property
    def total(self) -> float:
        """The sum, rounded once."""
        return self.parts[0] if self.parts else 0.0

    def _settle(self) -> None:
        if not self._waiting:
            return
        left, found = [*self._parts, *self._waiting], []
        while part := math.fsum(left):
            found.append(part)
            left.append(-part)
        self._parts, self._waiting = tuple(found), []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExactSum) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"ExactSum({list(self.parts)})"
