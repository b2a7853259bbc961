"""Rows that the gates of a running attempt judge: of the sides that they ask for, and of no other."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from weirkeeper.delivery.evidence import AnswerSlot, ProfiledBlock
from weirkeeper.observe.answers import AnswerBook
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.profiled import ProfiledBlocks
from weirkeeper.observe.readings import PodReading


class AskedRows:
    """Blocks of inputs and slots of answers of one Model's revisions and their arms. Pure."""

    def __init__(self, sides: AbstractSet[str]) -> None:
        self.sides = frozenset(sides)
        self._profiled = ProfiledBlocks() if "inputs" in sides else None
        self._answers = AnswerBook() if "outputs" in sides else None

    def book(self, end: int, revision: str, process: Process, reading: PodReading) -> None:
        """Take what a process has counted as of `end` (Unix seconds, a tick's end)."""
        counted = {revision: (reading.inputs, reading.outputs)}
        counted |= {arm: (one.inputs, one.outputs) for arm, one in reading.arms.items()}
        for arm, (inputs, outputs) in counted.items():
            if self._profiled:
                self._profiled.book(end, arm, process, inputs)
            if self._answers:
                self._answers.book(end, arm, process, outputs)

    def close(self, end: int, present: AbstractSet[str]) -> None:
        """Everything up to `end` is booked; pods that are not `present` are no more."""
        for book in (self._profiled, self._answers):
            if book:
                book.close(end, present)

    def blocks(self) -> Mapping[str, tuple[ProfiledBlock, ...]]:
        """The blocks of inputs by revision or arm, oldest first."""
        return self._profiled.blocks() if self._profiled else {}

    def slots(self) -> Mapping[str, tuple[AnswerSlot, ...]]:
        """The slots of answers by revision or arm, oldest first."""
        return self._answers.slots() if self._answers else {}
