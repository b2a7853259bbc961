"""Choosing golden requests: a few ordinary rows, and the rows at the edges of every column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from weirkeeper_server.tensors import Array

ORDINARY = 4
MOST = 12


def chosen_rows(tensors: Mapping[str, Array]) -> dict[str, int]:
    """Name up to 12 rows by what they show: ordinary ones, rows with nothing in a column, extremes, rare categories."""
    count = len(next(iter(tensors.values())))
    chosen = {f"row {row}": row for row in range(min(ORDINARY, count))}
    for name, row in _edges(tensors):
        if len(chosen) == MOST:
            break
        if row not in chosen.values():
            chosen[name] = row
    return chosen


def _edges(tensors: Mapping[str, Array]) -> Iterator[tuple[str, int]]:
    """Go around the columns for one kind of edge after the other, so that many columns get their share of few rows."""
    columns = {f"{n}[{i}]" if a.ndim > 1 else n: c for n, a in tensors.items() for i, c in enumerate(_columns(a))}
    for edge in (_lacking, _rarest, _least, _most):
        for name, column in columns.items():
            if (row := edge(column)) is not None:
                yield f"{edge.__name__.strip('_')} {name}", row


def _columns(array: Array) -> list[Array]:
    return [array] if array.ndim == 1 else list(array.T)


def _lacking(column: Array) -> int | None:
    absent = pd.isna(column)
    return int(np.argmax(absent)) if absent.any() else None


def _rarest(column: Array) -> int | None:
    if column.dtype.kind in "iuf":
        return None
    present = pd.Series(column).dropna()
    if present.empty:
        return None
    rarest = present.value_counts().index[-1]
    return int(present.index[(present == rarest).to_numpy()][0])


def _least(column: Array) -> int | None:
    return _extreme(column, -1)


def _most(column: Array) -> int | None:
    return _extreme(column, 1)


def _extreme(column: Array, sign: int) -> int | None:
    if column.dtype.kind not in "iuf" or not np.isfinite(column.astype(np.float64)).any():
        return None
    return int(np.nanargmax(sign * column.astype(np.float64)))
