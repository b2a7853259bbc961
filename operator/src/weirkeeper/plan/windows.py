"""Windows of Monitors: tumbling, UTC-aligned, sums of slots, reaching back where there are too few rows.

A window ends at a multiple of its size. It is the sum of the slots since the window before; where they hold fewer rows
than `min_rows` it reaches back, slot by slot, to `max_age`. Sums are exact, so it does not matter which pod or which
replica of the operator counted what.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import MonitorSpec, parse_monitor
from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.statistics.packed import NOTHING, PackedCounts, total

CHECKPOINT_KEY: Final = "windows"
"""The key of the checkpoint in a Model's ConfigMap of windows."""

SLOTS: Final = 12
SHORTEST_SLOT: Final = 60

PAST: Final = 24
"""Windows before the one that is judged of which the sums are kept, to find drift that is slow."""


@dataclass(frozen=True)
class WindowRule:
    """What a Monitor asks of its windows: `size` and `max_age` in seconds, `min_rows` in rows.

    `warm_up` is for how many seconds live rows are gathered to compare with; 0 where the bundle has the reference.
    """

    size: int
    min_rows: int
    max_age: int
    warm_up: int = 0

    @property
    def slot(self) -> int:
        """Seconds of a slot: a twelfth of the window or more, at least a minute, a whole number of them in a window."""
        most = max(1, min(SLOTS, self.size // SHORTEST_SLOT))
        return next(self.size // count for count in range(most, 0, -1) if self.size % count == 0)

    def end_before(self, until: int) -> int:
        """The end of the last window that ended at or before `until` (Unix seconds)."""
        return until // self.size * self.size


@dataclass(frozen=True)
class CountedSlot:
    """Rows of one revision that were counted in one slot, and the counts of their inputs and outputs."""

    start: int
    rows: int
    counts: PackedCounts


class WarmUpRule(NamedTuple):
    """How long rows are gathered, and how many at least: in whole slots of `slot` seconds."""

    slot: int
    seconds: int
    min_rows: int

    @classmethod
    def of(cls, rule: WindowRule) -> WarmUpRule:
        """What a Monitor asks of live rows."""
        return cls(rule.slot, rule.warm_up, rule.min_rows)


@dataclass(frozen=True)
class WarmUp:
    """Rows of `revision`, stable since `since`, from `start` until `end` (Unix seconds; 0 while it goes on)."""

    revision: str
    since: int
    start: int
    end: int = 0
    rows: int = 0
    counts: PackedCounts = NOTHING


@dataclass(frozen=True, eq=False)
class CountedSlots:
    """What the collector counted of a Model for one Monitor up to the end of a window; oldest slots first.

    It is made once for each window, whoever looks how often. Everything is booked up to `until`. `mixed` are revisions
    whose pods count by different profiles: they do not add up. `checkpoint` is what the collector wants kept over a
    restart, None while nothing is due. `past` are sums of whole windows whose slots are gone. `labels` are those that
    had come at `labelled_at`, soon after the end of the window, unless nobody looked then. `judged` keeps what was
    found, since judging is the dear part. `warm_up` are the live rows to compare with, where the Monitor asks for them.
    Nothing from before `since` is counted.
    """

    revisions: Mapping[str, Sequence[CountedSlot]] = field(default_factory=dict)
    until: int = 0
    mixed: frozenset[str] = frozenset()
    checkpoint: bytes | None = None
    past: Mapping[str, Sequence[CountedSlot]] = field(default_factory=dict)
    labels: LabelSlots = field(default_factory=LabelSlots)
    labelled_at: int = 0
    warm_up: WarmUp | None = None
    since: int = 0
    judged: dict[Hashable, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Window:
    """The rows of one revision in `[start, end)`, Unix seconds, and the counts of their inputs and outputs.

    `slots` are the counts that they are the sum of, `past` those of windows before, the oldest first.
    """

    start: int
    end: int
    rows: int
    counts: PackedCounts = NOTHING
    slots: tuple[PackedCounts, ...] = ()
    past: tuple[PackedCounts, ...] = ()


def rule_of(spec: MonitorSpec) -> WindowRule:
    """The rule that a Monitor's spec asks for."""
    window = spec.window
    size = int(window.size.seconds)
    return WindowRule(size, window.min_rows, int(window.max_age.seconds), spec.reference.warm_up_seconds(size))


def window_rules(monitors: Iterable[Mapping[str, Any]]) -> dict[str, WindowRule]:
    """The rules of Monitors (raw objects), by name; of those that cannot be understood there are none."""
    rules: dict[str, WindowRule] = {}
    for monitor in monitors:
        try:
            rules[monitor["metadata"]["name"]] = rule_of(parse_monitor(monitor))
        except InvalidSpec:
            # The planner tells its author.
            continue
    return rules


def checkpoint_name(model: str) -> str:
    """The name of the ConfigMap that keeps a Model's windows over a restart of the operator."""
    return f"{model}-windows"


def window_of(
    slots: Sequence[CountedSlot], rule: WindowRule, end: int, since: float, past: Sequence[CountedSlot] = ()
) -> Window:
    """The window that ends at `end`, of slots that began at or after `since` (the revision's promotion).

    `past` are sums of windows whose slots are gone.
    """
    reached = _reach([slot for slot in slots if since <= slot.start < end], rule, end)
    start = min([end - rule.size, *(slot.start for slot in reached)])
    before = [*past, *(slot for slot in slots if slot.start < start)]
    earlier = by_window([one for one in before if one.start >= since], rule.size)
    return Window(
        start,
        end,
        sum(slot.rows for slot in reached),
        total(slot.counts for slot in reached),
        slots=tuple(slot.counts for slot in reversed(reached)),
        past=tuple(one.counts for one in earlier if one.start + rule.size <= start)[-PAST:],
    )


def by_window(slots: Iterable[CountedSlot], size: int) -> list[CountedSlot]:
    """Add slots up by the windows of `size` seconds that they lie in; the oldest first."""
    sums: dict[int, CountedSlot] = {}
    for slot in slots:
        start = slot.start // size * size
        found = sums.get(start)
        counts = slot.counts if found is None else found.counts.plus(slot.counts)
        sums[start] = CountedSlot(start, slot.rows + (found.rows if found else 0), counts)
    return [sums[start] for start in sorted(sums)]


def needed_from(slots: Sequence[CountedSlot], rule: WindowRule, until: int) -> int:
    """The start of the oldest slot that a window can still need; what is older may go."""
    end = rule.end_before(until)
    reached = _reach([slot for slot in slots if slot.start < end], rule, end)
    return min([end - rule.size, *(slot.start for slot in reached)])


def _reach(slots: Sequence[CountedSlot], rule: WindowRule, end: int) -> list[CountedSlot]:
    """The slots of the window itself, newest first, and further back while there are too few rows."""
    reached: list[CountedSlot] = []
    rows = 0
    for slot in reversed(slots):
        if slot.start < end - rule.size and (rows >= rule.min_rows or slot.start < end - rule.max_age):
            break
        reached.append(slot)
        rows += slot.rows
    return reached
