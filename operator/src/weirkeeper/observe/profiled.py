"""Blocks of rows counted by the bins of a profile, while an attempt is running: what gates judge inputs by."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from weirkeeper.delivery.evidence import ProfiledBlock
from weirkeeper.observe.latencies import Process
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import Counts
from weirkeeper.statistics.packed import NOTHING, PackedCounts

BLOCK_ROWS: Final = 200
"""A block is over with the slot in which it has so many rows."""

BLOCKS: Final = 12
"""Blocks of a revision that are kept: a gate takes each in within a slot or two."""


class ProfiledBlocks:
    """The blocks of one Model's revisions. Pure: told what processes count, cumulatively.

    What a process counted before it was first seen belongs to no block. Where pods of one revision count by unlike
    profiles, the second one's rows are left out.
    """

    def __init__(self) -> None:
        self._counted: dict[tuple[str, Process], PackedCounts] = {}
        self._open: dict[str, PackedCounts] = {}
        self._since: dict[str, int] = {}
        self._blocks: dict[str, tuple[ProfiledBlock, ...]] = {}
        self._until = 0

    def book(self, end: int, revision: str, process: Process, inputs: Mapping[str, Counts]) -> None:
        """Take what a process has counted of a revision, or of an arm of it, as of `end` (a slot's end)."""
        counts = PackedCounts.of(inputs)
        before = self._counted.get((revision, process))
        self._counted[revision, process] = counts
        if before is None:
            return
        try:
            added = counts.minus(before)
            together = self._open.get(revision, NOTHING).plus(added)
        except ProfileMismatch:
            return
        if added.rows:
            self._since.setdefault(revision, min(self._until, end) or end)
            self._open[revision] = together

    def close(self, end: int, present: AbstractSet[str]) -> None:
        """Everything up to `end` is booked: end the blocks that are large enough, and forget pods that are no more."""
        for revision in [revision for revision, counts in self._open.items() if counts.rows >= BLOCK_ROWS]:
            block = ProfiledBlock(self._since.pop(revision), end, self._open.pop(revision).inputs)
            self._blocks[revision] = (*self._blocks.get(revision, ()), block)[-BLOCKS:]
        self._counted = {key: counts for key, counts in self._counted.items() if key[1].pod in present}
        self._until = end

    def blocks(self) -> Mapping[str, tuple[ProfiledBlock, ...]]:
        """The blocks that are over, by revision, oldest first."""
        return dict(self._blocks)
