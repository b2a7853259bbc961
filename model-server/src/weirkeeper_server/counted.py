"""What a server process counted, as one value: several processes of one server add up to what one would have counted.

Everything but the sum of durations is a whole number, so it adds up to the bit, in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from weirkeeper.statistics.counters import add

KEPT_SECONDS: Final = 600
"""Slots of durations are kept so long after they began."""

Slots = list[list[Any]]
"""`[slot, {bin: count}, active]`, oldest first; bins are written as text, as JSON has them."""


class CountedDurations(NamedTuple):
    """A histogram of seconds by bucket, and for each the last duration of a trace: trace, seconds, Unix seconds."""

    counts: Sequence[int]
    sum: float
    exemplars: Sequence[tuple[str, float, float] | None]

    def plus(self, other: CountedDurations) -> CountedDurations:
        """Add another; of two exemplars the later one stays."""
        return CountedDurations(
            [one + another for one, another in zip(self.counts, other.counts, strict=True)],
            self.sum + other.sum,
            [_later(one, another) for one, another in zip(self.exemplars, other.exemplars, strict=True)],
        )


class CountedArm(NamedTuple):
    """What was counted of the requests of one arm: durations by slot, and values by feature and by output."""

    latency: Slots
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def plus(self, other: CountedArm) -> CountedArm:
        """Add another."""
        return CountedArm(
            _joined(self.latency, other.latency), add(self.inputs, other.inputs), add(self.outputs, other.outputs)
        )

    def ended(self) -> CountedArm:
        """Give it as its process left it: what was active there will not end."""
        return self._replace(latency=[[start, bins, 0] for start, bins, _ in self.latency])

    def since(self, start: float) -> CountedArm:
        """Give it without slots that began before `start` (Unix seconds)."""
        return self._replace(latency=[slot for slot in self.latency if slot[0] >= start])


NOTHING: Final = CountedArm([], {}, {})


class Counted(NamedTuple):
    """All counts of a process since its start; `split` is of requests that belong to no arm of their own."""

    outcomes: Mapping[str, int]
    rows: int
    invalid_outputs: Mapping[str, int]
    durations: CountedDurations
    split: CountedArm
    arms: Mapping[str, CountedArm]

    def plus(self, other: Counted) -> Counted:
        """Add what another process of the same server counted."""
        arms = sorted({*self.arms, *other.arms})
        return Counted(
            add(self.outcomes, other.outcomes),
            self.rows + other.rows,
            add(self.invalid_outputs, other.invalid_outputs),
            self.durations.plus(other.durations),
            self.split.plus(other.split),
            {arm: self.arms.get(arm, NOTHING).plus(other.arms.get(arm, NOTHING)) for arm in arms},
        )

    def ended(self) -> Counted:
        """Give it as its process left it: what was active there will not end."""
        return self._replace(split=self.split.ended(), arms={arm: one.ended() for arm, one in self.arms.items()})

    def since(self, start: float) -> Counted:
        """Give it without slots that began before `start` (Unix seconds)."""
        return self._replace(
            split=self.split.since(start), arms={arm: one.since(start) for arm, one in self.arms.items()}
        )

    @classmethod
    def read(cls, told: Sequence[Any]) -> Self:
        """Read what JSON made of one."""
        outcomes, rows, invalid_outputs, durations, split, arms = told
        return cls(
            outcomes,
            rows,
            invalid_outputs,
            CountedDurations(durations[0], durations[1], [tuple(one) if one else None for one in durations[2]]),
            CountedArm(*split),
            {arm: CountedArm(*one) for arm, one in arms.items()},
        )


def _later(
    one: tuple[str, float, float] | None, other: tuple[str, float, float] | None
) -> tuple[str, float, float] | None:
    return max((found for found in (one, other) if found), key=lambda found: found[2], default=None)


def _joined(one: Slots, other: Slots) -> Slots:
    """Add slots that began together; those that one process would have forgotten by now are let go."""
    if not one or not other:
        return one or other
    found: dict[int, tuple[Mapping[str, int], int]] = {start: (bins, active) for start, bins, active in one}
    for start, bins, active in other:
        known, also_active = found.get(start, ({}, 0))
        found[start] = (add(known, bins), active + also_active)
    oldest = max(found) - KEPT_SECONDS
    return [
        [start, {i: bins[i] for i in sorted(bins, key=int)}, active]
        for start, (bins, active) in sorted(found.items())
        if start >= oldest
    ]
