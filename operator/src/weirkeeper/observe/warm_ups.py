"""Gathers live rows to compare with: those of the stable revision, from its promotion on, as long as a Monitor asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from weirkeeper.plan.windows import WarmUp, WarmUpRule, WindowRule
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.packed import PackedCounts


class WarmUpBook:
    """Pure: told what is booked to slots, and when slots are over. A promotion begins every warm-up anew."""

    def __init__(self, kept: Mapping[WarmUpRule, WarmUp]) -> None:
        self._found = dict(kept)

    def follow(self, rules: Iterable[WindowRule], revision: str, since: int, now: int) -> None:
        """Gather for these Monitors rows of `revision`, stable since `since`; of what is new from `now` on at most."""
        asked = {WarmUpRule.of(rule) for rule in rules if rule.warm_up}
        known = {
            rule: one
            for rule, one in self._found.items()
            if rule in asked and (one.revision, one.since) == (revision, since)
        }
        begun = max(since, now)
        fresh = {rule: WarmUp(revision, since, -(-begun // rule.slot) * rule.slot) for rule in asked - known.keys()}
        self._found = known | fresh

    def add(self, slot: int, revision: str, start: int, counts: PackedCounts) -> None:
        """Take what was booked to the slot of `slot` seconds that began at `start`."""
        for rule, one in self._found.items():
            if rule.slot != slot or one.revision != revision or one.end or start < one.start:
                continue
            try:
                self._found[rule] = replace(one, rows=one.rows + counts.rows, counts=one.counts.plus(counts))
            except ProfileMismatch:
                # Pods of one revision count by one profile; whoever does not is not counted.
                continue

    def close(self, until: int) -> None:
        """Everything up to `until` is booked: end what has gone on for long enough and has its rows."""
        for rule, one in self._found.items():
            over = until // rule.slot * rule.slot
            if not one.end and over >= one.start + rule.seconds and one.rows >= rule.min_rows:
                self._found[rule] = replace(one, end=over)

    def of(self, rule: WindowRule) -> WarmUp | None:
        """What there is for a Monitor; None where it does not ask, or nothing is stable yet."""
        return self._found.get(WarmUpRule.of(rule)) if rule.warm_up else None

    def kept(self) -> dict[WarmUpRule, WarmUp]:
        """Everything that a restart must not lose."""
        return dict(self._found)
