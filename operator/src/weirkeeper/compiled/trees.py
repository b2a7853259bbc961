"""Ensembles of shallow complete trees, walked by compiled code."""

from __future__ import annotations

import ctypes
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

MOST_LEVELS: Final = 6
"""A leaf's number is that many bits, and each level doubles the questions that are asked of every row."""

_COUNTS: Final = ("levels", "trees", "questions", "used", "width", "sums", "columns", "may_lack")
_LISTS: Final = ("used", "features", "places", "thresholds", "lacking_right", "asked", "leaves", "targets")

Floats = npt.NDArray[np.float64]


class Questions(NamedTuple):
    """Questions that differ, shape (questions,) each: a row goes to the right where its `feature` is above `threshold`.

    A row that lacks the value goes to the right where `lacking_right`. The type of `threshold` is that in which rows
    are compared, single or double precision.
    """

    feature: npt.NDArray[np.intp]
    threshold: npt.NDArray[Any]
    lacking_right: npt.NDArray[np.bool_]


class CompleteTrees(NamedTuple):
    """What trees of `levels` levels ask, and what they add.

    `asked`, (trees, 2**levels - 1), numbers their questions level by level, and `leaves`, (trees, 2**levels, columns),
    are added to the sums from `targets`, (trees,), on.
    """

    asked: npt.NDArray[np.intp]
    leaves: Floats
    targets: npt.NDArray[np.intp]


class _Trees(ctypes.Structure):
    _fields_ = [
        *((f"{name}_count", ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_void_p) for name in _LISTS),
    ]


class Walk:
    """Adds up the leaves that rows of `width` numbers reach, for so many `sums`; from several threads, if need be.

    Raises:
        ValueError: the arrays do not fit to each other; compiled code reads where they say, without looking again.
    """

    def __init__(self, library: ctypes.CDLL, width: int, sums: int, questions: Questions, trees: CompleteTrees) -> None:
        _check(width, sums, questions, trees)
        count, leaves, columns = trees.leaves.shape
        used, places = np.unique(questions.feature, return_inverse=True)
        self._width, self._sums = width, sums
        self._dtype = questions.threshold.dtype
        # Copies, for nobody may change what was checked; kept, because the compiled code knows their addresses alone.
        self._arrays = (
            used.astype(np.int32), questions.feature.astype(np.int32), places.astype(np.int32),
            np.array(questions.threshold), questions.lacking_right.astype(np.uint8),
            np.array(trees.asked, dtype=np.int32, order="C"),
            np.array(trees.leaves, order="C"), trees.targets.astype(np.int32),
        )  # fmt: skip
        levels, may_lack = leaves.bit_length() - 1, bool(questions.lacking_right.any())
        counts = (levels, count, len(questions.feature), len(used), width, sums, columns, may_lack)
        self._trees = _Trees(*counts, *(array.ctypes.data for array in self._arrays))
        name = "weirkeeper_walk_single" if self._dtype == np.float32 else "weirkeeper_walk_double"
        self._walk = getattr(library, name)
        self._walk.argtypes = (ctypes.POINTER(_Trees), ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
        self._walk.restype = ctypes.c_int64

    def sums(self, rows: npt.NDArray[Any]) -> Floats:
        """Give the sums of rows, (rows, width), as (rows, sums).

        Raises:
            ValueError: rows are not as wide as was said.
            MemoryError: there is none for what is asked of 64 rows, some dozen megabytes at most.
        """
        if rows.ndim != 2 or rows.shape[1] != self._width:  # noqa: PLR2004  a matrix
            raise ValueError(f"rows of shape {rows.shape}, expected {self._width} columns")
        rows = np.ascontiguousarray(rows, dtype=self._dtype)
        found = np.empty((len(rows), self._sums))
        if self._walk(self._trees, rows.ctypes.data, len(rows), found.ctypes.data):
            raise MemoryError
        return found


def _check(width: int, sums: int, questions: Questions, trees: CompleteTrees) -> None:
    _check_shapes(questions, trees)
    number, (count, _, columns) = len(questions.feature), trees.leaves.shape
    if not all(0 < size < 2**31 for size in (width, sums, number, count + 1)):
        raise ValueError(f"{number} questions, {count} trees, {width} columns and {sums} sums: too many, or none")
    for name, places, most in (
        ("feature", questions.feature, width),
        ("question", trees.asked, number),
        ("target", trees.targets, sums - columns + 1),
    ):
        if places.size and not 0 <= places.min() <= places.max() < most:
            raise ValueError(f"a {name} from {places.min()} to {places.max()}, expected less than {most}")


def _check_shapes(questions: Questions, trees: CompleteTrees) -> None:
    count, leaves, columns = trees.leaves.shape
    number = len(questions.feature)
    if not number or {part.shape for part in questions} != {(number,)}:
        raise ValueError("questions of different numbers")
    if questions.threshold.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"thresholds of type {questions.threshold.dtype}, expected single or double precision")
    if trees.leaves.dtype != np.float64:
        raise ValueError(f"leaves of type {trees.leaves.dtype}, expected double precision")
    if leaves not in [2**level for level in range(1, MOST_LEVELS + 1)] or trees.asked.shape != (count, leaves - 1):
        raise ValueError(f"trees of {leaves} leaves and questions of shape {trees.asked.shape}")
    if trees.targets.shape != (count,) or not columns:
        raise ValueError("targets of another number than trees")
