"""Columns counted by all their features in one call of compiled code, and so are what is projected of them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from weirkeeper.compiled.counting import CompiledTallies, Floats, address_of

AT_ONCE: Final = 512
"""Rows that are counted by every feature before the next ones: a hundred columns of them stay in a cache."""


class Term(NamedTuple):
    """A column by its place, in units of `scale` from `center`."""

    column: int
    center: float
    scale: float


class Direction(NamedTuple):
    """Terms, each by its weight, and what counts their rounded sums."""

    terms: Sequence[Term]
    weights: Sequence[float]
    tallies: CompiledTallies


class _Single(ctypes.Structure):
    _fields_ = [("feature", ctypes.c_void_p), ("told", ctypes.c_void_p), ("column", ctypes.c_int64)]


class _Term(ctypes.Structure):
    _fields_ = [("column", ctypes.c_int64), ("center", ctypes.c_double), ("scale", ctypes.c_double)]


class _Projected(ctypes.Structure):
    _fields_ = [
        ("feature", ctypes.c_void_p),
        ("told", ctypes.c_void_p),
        ("terms", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("term_count", ctypes.c_int64),
    ]


class _Table(ctypes.Structure):
    _fields_ = [
        ("singles", ctypes.POINTER(_Single)),
        ("single_count", ctypes.c_int64),
        ("terms", ctypes.POINTER(_Term)),
        ("term_count", ctypes.c_int64),
        ("projected", ctypes.POINTER(_Projected)),
        ("projected_count", ctypes.c_int64),
        ("limit", ctypes.c_double),
        ("steps", ctypes.c_double),
        ("room", ctypes.c_void_p),
        ("at_once", ctypes.c_int64),
    ]


class CompiledTable:
    """Counts so many `columns`: `singles` are places of columns with what counts them.

    It tells as if each had been given to its tallies' `add`, what is projected as `Projecting` does so with `limit` and
    `rounding` steps. Not thread-safe, as its tallies.

    Raises:
        ValueError: a place where no column is, or not a weight for each term; compiled code would not look again.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        columns: int,
        singles: Sequence[tuple[int, CompiledTallies]],
        directions: Sequence[Direction],
        limit: float,
        rounding: float,
    ) -> None:
        terms = list(dict.fromkeys(term for direction in directions for term in direction.terms))
        _check(columns, [*(place for place, _ in singles), *(term.column for term in terms)], directions)
        self._columns = columns
        self._room = np.empty((len(terms) + 1) * AT_ONCE)
        place_of = {term: place for place, term in enumerate(terms)}
        room, width = self._room.ctypes.data, AT_ONCE * self._room.itemsize
        # Kept, because the compiled code knows their addresses alone.
        self._weights = [np.array(direction.weights, dtype=np.float64) for direction in directions]
        self._places = [
            np.array([room + place_of[term] * width for term in direction.terms], dtype=np.uintp)
            for direction in directions
        ]
        self._tallies = [*(one for _, one in singles), *(direction.tallies for direction in directions)]
        counted = [_Single(one.feature_at, one.told_at, place) for place, one in singles]
        projected = [
            _Projected(one.tallies.feature_at, one.tallies.told_at, at.ctypes.data, by.ctypes.data, len(by))
            for one, at, by in zip(directions, self._places, self._weights, strict=True)
        ]
        self._table = _Table(
            (_Single * len(counted))(*counted), len(counted),
            (_Term * len(terms))(*(_Term(*term) for term in terms)), len(terms),
            (_Projected * len(projected))(*projected), len(projected),
            limit, rounding, room, AT_ONCE,
        )  # fmt: skip
        self._count = library.weirkeeper_count
        self._count.argtypes = (ctypes.POINTER(_Table), ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self._count.restype = None

    def steps(self, columns: Sequence[Floats], size: int) -> Iterator[None]:
        """Count rows, so many in a step: of each column as many values, side by side, that nobody writes to meanwhile.

        Raises:
            ValueError: there is another number of columns, or they have different sizes.
        """
        sizes = sorted({column.size for column in columns})
        if len(columns) != self._columns or len(sizes) != 1:
            raise ValueError(f"{len(columns)} columns of sizes {sizes}, expected {self._columns} of one size")
        addresses = np.array([address_of(column) for column in columns], dtype=np.uintp)
        for start in range(0, sizes[0], size):
            self._count(self._table, addresses.ctypes.data, start, min(sizes[0], start + size))
            yield


def _check(columns: int, places: Sequence[int], directions: Sequence[Direction]) -> None:
    if not all(0 <= place < columns for place in places):
        raise ValueError(f"columns {sorted(set(places))}, expected less than {columns}")
    if any(not direction.terms or len(direction.weights) != len(direction.terms) for direction in directions):
        raise ValueError("not a weight for each term, or none")
