"""What is counted of requests that are not of the split, each arm by itself, from its first request on."""

from __future__ import annotations

from collections.abc import Callable

from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.arms import Arm
from weirkeeper_server.counted import CountedArm
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

    def counted(self, latency_from: float) -> dict[str, CountedArm]:
        """Give the counts of each arm."""
        return {arm: counted_arm(slots, self._traffic.get(arm), latency_from) for arm, slots in self._latency.items()}


def counted_arm(latency: LatencySlots, traffic: TrafficProfile | None, latency_from: float) -> CountedArm:
    """Give what was counted of one arm, or of the split; no values where there is no profile yet."""
    totals = traffic.totals() if traffic else {"inputs": {}, "outputs": {}}
    return CountedArm(latency.told(latency_from), totals["inputs"], totals["outputs"])
