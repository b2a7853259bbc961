"""A uniform sample of rows that come in batches, so that a reference of any length takes bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pyarrow as pa

MOST_ROWS: Final = 100_000
"""Rows that a profile is made of. With the reference this long, a threshold at delta 0.1 is within 0.01 of the one that
an endless reference would give (N = nm/(n+m) in `psi_threshold`)."""

SEED: Final = 20_260_101
"""Fixed: the same rows give the same profile."""


class RowSample:
    """Keeps `most` of the rows that it is shown, each subset of that size with the same probability, in their order.

    Every row gets a random key, and those with the least keys stay (bottom-k sampling; Cohen and Kaplan, PODC 2007).
    """

    def __init__(self, most: int = MOST_ROWS, seed: int = SEED) -> None:
        self.rows = 0
        self._most = most
        self._random = np.random.default_rng(seed)
        self._keys: list[np.typing.NDArray[np.float64]] = []
        self._kept: list[Any] = []
        self._limit = 1.0

    def add(self, batches: Iterable[Any]) -> None:
        """Show it Arrow's record batches."""
        for batch in batches:
            self.rows += batch.num_rows
            keys = self._random.random(batch.num_rows)
            chosen = keys < self._limit
            self._keys.append(keys[chosen])
            self._kept.append(pa.Table.from_batches([batch]).filter(pa.array(chosen)))
            if sum(map(len, self._keys)) > 2 * self._most:
                self._shrink()

    def table(self) -> Any:
        """Give the sample as one table of Arrow's; it must have been shown rows.

        Raises:
            pyarrow.ArrowTypeError: a column has types that have no common one, in different batches.
        """
        self._shrink()
        return self._kept[0]

    def _shrink(self) -> None:
        keys = np.concatenate(self._keys)
        joined = pa.concat_tables(self._kept, promote_options="permissive")
        if keys.size > self._most:
            self._limit = float(np.partition(keys, self._most)[self._most])
            chosen = keys < self._limit
            keys, joined = keys[chosen], joined.filter(pa.array(chosen)).combine_chunks()
        self._keys, self._kept = [keys], [joined]
