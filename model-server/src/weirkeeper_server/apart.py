"""What is counted of requests that are not of the split, each arm by itself, from its first request on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.arms import Arm
from weirkeeper_server.counting import LatencySlots, TrafficProfile


class CountedApart:
    """Durations and rows by arm; that of the split is not among them."""

    def __init__(self, slot_seconds: int) -> None:
        self._slot_seconds = slot_seconds
        self._latency: dict[Arm, LatencySlots] = {}
        self._traffic: dict[Arm, TrafficProfile] = {}
        self._profile: tuple[ReferenceProfile, Callable[[Callable[[], None]], object]] | None = None

    def use(self, profile: ReferenceProfile, later: Callable[[Callable[[], None]], object]) -> None:
        """Count rows by a profile, as `TrafficProfile` does."""
        self._profile = (profile, later)

    def latency(self, arm: Arm) -> LatencySlots:
        """Give the slots of an arm's durations."""
        if arm not in self._latency:
            self._latency[arm] = LatencySlots(self._slot_seconds)
        return self._latency[arm]

    def traffic(self, arm: Arm) -> TrafficProfile | None:
        """Give the counts of an arm's rows; None for the split, and before there is a profile."""
        if arm and self._profile and arm not in self._traffic:
            self._traffic[arm] = TrafficProfile(*self._profile)
        return self._traffic.get(arm)

    def told(self, latency_from: float) -> dict[str, Any]:
        """Tell of each arm what the evidence tells of the split."""
        return {arm: self._told(arm, slots, latency_from) for arm, slots in self._latency.items()}

    def _told(self, arm: Arm, slots: LatencySlots, latency_from: float) -> dict[str, Any]:
        latency = {"slotSeconds": slots.slot_seconds, "slots": slots.told(latency_from)}
        traffic = self._traffic.get(arm)
        totals = traffic.totals() if traffic else {"inputs": {}, "outputs": {}}
        return {"latency": latency, "inputs": totals["inputs"], "outputs": totals["outputs"]}
