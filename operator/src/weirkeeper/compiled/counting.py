"""Values counted by the bins of a reference, and columns projected, by compiled code."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

KINDS: Final = 5
"""Numbers that are told of values before those of edges and points."""
LARGE_BITS: Final = 62
"""Sums of 64 bits are cut there, and what is above is told apart: one that runs for months would not hold them."""
MOST_UNITS: Final = 2.0**40
"""In one offset: the sum of a part, in double precision, stays exact."""


class Scale(NamedTuple):
    """How offsets are summed: from `mean` in units of `scale`, at most `farthest` of them, to whole `unit`s."""

    mean: float
    scale: float
    farthest: float
    unit: float


class _Feature(ctypes.Structure):
    _fields_ = [
        ("edges", ctypes.c_void_p),
        ("edge_count", ctypes.c_int64),
        ("points", ctypes.c_void_p),
        ("point_count", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("low", "high", *Scale._fields)),
        ("summed", ctypes.c_int64),
    ]


class CompiledTallies:
    """Counts values: missing, infinite, negative infinite, out of range, and the sum of the finite ones' offsets.

    Behind those how many are at most each of `edges`, then how many are each of `points`. Without `offsets` their sum
    is 0, without `bounds` nothing is out of range. Not thread-safe: the interpreter's lock is let go while it counts.

    Raises:
        ValueError: offsets cannot be summed exactly in such units.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        edges: Sequence[float],
        points: Sequence[float],
        bounds: tuple[float, float] | None,
        offsets: Scale | None,
    ) -> None:
        if offsets is not None and not _is_exact(offsets):
            raise ValueError(f"{offsets}, expected finite numbers, a scale and at most {MOST_UNITS:g} units")
        self._edges, self._points = np.array(edges, dtype=np.float64), np.array(points, dtype=np.float64)
        self._told = np.zeros(KINDS + len(edges) + len(points) + 1, dtype=np.int64)
        self._feature = _Feature(
            self._edges.ctypes.data, len(edges), self._points.ctypes.data, len(points),
            *(bounds or (-np.inf, np.inf)), *(offsets or Scale(0.0, 1.0, 1.0, 1.0)), offsets is not None,
        )  # fmt: skip
        self.told_at = self._told.ctypes.data
        """The address of what is told, for compiled code that counts as `add` does."""
        self.feature_at = ctypes.addressof(self._feature)
        """The address of what is counted by."""
        self._tally = library.weirkeeper_tally
        self._tally.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(_Feature), ctypes.c_void_p)
        self._tally.restype = None

    def add(self, values: Floats) -> None:
        """Count values, one dimension and side by side."""
        self._tally(address_of(values), values.size, self._feature, self.told_at)

    def told(self) -> list[int]:
        """Tell what was counted so far."""
        told: list[int] = self._told.tolist()
        told[KINDS - 1] += told.pop() << LARGE_BITS
        return told


class Projecting:
    """Columns along a direction, as `weirkeeper.statistics.joint` says."""

    def __init__(self, library: ctypes.CDLL, limit: float, steps: float) -> None:
        self._limit, self._steps = limit, steps
        doubles = ctypes.c_double
        self._standardise = library.weirkeeper_standardise
        self._standardise.argtypes = (ctypes.c_void_p, ctypes.c_int64, doubles, doubles, doubles, ctypes.c_void_p)
        self._standardise.restype = None
        self._project = library.weirkeeper_project
        self._project.argtypes = (
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, doubles, ctypes.c_void_p,
        )  # fmt: skip
        self._project.restype = None

    def standardised(self, values: Floats, center: float, scale: float) -> Floats:
        """Tell how many `scale` each value lies from `center`, at most the limit; NaN stays."""
        values = np.ascontiguousarray(values)
        found = np.empty(values.size)
        self._standardise(address_of(values), values.size, center, scale, self._limit, found.ctypes.data)
        return found

    def projected(self, terms: Sequence[Floats], weights: Sequence[float]) -> Floats:
        """Add up terms of one size, each by its weight, and round the sums."""
        columns = [np.ascontiguousarray(term) for term in terms]
        found = np.empty(columns[0].size)
        if {column.size for column in columns} != {found.size} or len(weights) != len(columns):
            raise ValueError("terms of different sizes, or not a weight for each")
        addresses = np.array([address_of(column) for column in columns], dtype=np.uintp)
        factors = np.array(weights, dtype=np.float64)
        self._project(
            addresses.ctypes.data, factors.ctypes.data, len(terms), found.size, self._steps, found.ctypes.data
        )
        return found


def _is_exact(offsets: Scale) -> bool:
    return (
        all(map(math.isfinite, offsets))
        and offsets.scale != 0.0
        and offsets.unit > 0.0
        and 0.0 <= offsets.farthest / offsets.unit <= MOST_UNITS
    )


def address_of(values: Floats) -> int:
    """Give the address of doubles that lie side by side.

    Raises:
        ValueError: they do not.
    """
    # Compiled code would read beyond other arrays, or between their values.
    if values.dtype != np.float64 or values.ndim != 1 or not values.flags.c_contiguous:
        raise ValueError(f"values of type {values.dtype} and shape {values.shape}, expected doubles side by side")
    return values.ctypes.data
