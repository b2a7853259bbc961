"""What was observed of a Model's revisions, as counts that a planner can fold: no clients, no clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from weirkeeper.statistics.error_budget import Tally
from weirkeeper.statistics.feature import Counts
from weirkeeper.statistics.labels import LabelCounts


@dataclass(frozen=True)
class Outcomes:
    """Requests of one revision that ended within one slot, over all routers.

    `bad` counts for the comparison with stable (5xx, 4xx except 401, 403, 413 and 429, gRPC status other than OK,
    time-outs, resets, no host); `failed` is the server-side part of it, for the absolute objective.
    """

    requests: int = 0
    bad: int = 0
    failed: int = 0


@dataclass(frozen=True)
class OutcomeSlot:
    """One tick of the collector.

    `start` is in Unix seconds, UTC-aligned to the slot length; `span` is the number of slots that it covers, more
    than 1 after a gap in which nobody looked. `observed` says that every router that counts answered at both ends.
    """

    start: int
    revisions: Mapping[str, Outcomes]
    observed: bool = True
    span: int = 1


@dataclass(frozen=True)
class LatencySlot:
    """Durations of one revision's requests that started (or, `by_router`, ended) within one slot.

    `counts` maps a bin (weirkeeper.statistics.latency) to requests; `active` were started in it and have not ended.
    Routers measure in whole milliseconds of two digits; what never ends is one of theirs after the route's time-out.
    """

    start: int
    counts: Mapping[int, int]
    active: int = 0
    by_router: bool = False


@dataclass(frozen=True)
class PodEvidence:
    """What one model pod says of itself on its evidence port.

    `state` is Loading, Ready, Failed or Draining; `signature` and `profile` are as the bundle has them.
    """

    pod: str
    uid: str
    state: str
    reason: str = ""
    message: str = ""
    sha256: str | None = None
    signature: Mapping[str, Any] | None = None
    profile: Mapping[str, Any] | None = None
    profile_sha256: str | None = None


@dataclass(frozen=True)
class RouterEvidence:
    """One router pod whose endpoint is ready or serving: the decision in force there, None where it did not answer."""

    pod: str
    acknowledged: int | None
    age: float


@dataclass(frozen=True)
class LabelSlots:
    """Labels by the slot of their prediction, as far as they have come.

    `revisions` maps a revision, and the start of a slot (Unix seconds, oldest first), to counts by segment; those of
    all rows stand under the empty name. Slots have `slot_seconds`, but for those whose start is in `longer`, which
    gives their length: the same for all revisions, so that what is compared was predicted in the same time. A slot
    without labels is absent.
    """

    slot_seconds: int = 3_600
    revisions: Mapping[str, Mapping[int, Mapping[str, LabelCounts]]] = field(default_factory=dict)
    longer: Mapping[int, int] = field(default_factory=dict)

    def start_of(self, moment: float) -> int:
        """The start of the slot that a moment lies in (Unix seconds, as `moment`)."""
        for seconds in self._lengths:
            start = int(moment // seconds) * seconds
            if self.longer.get(start) == seconds:
                return start
        return int(moment // self.slot_seconds) * self.slot_seconds

    @property
    def longest(self) -> int:
        """Seconds of the longest slots: every other is a whole part of them."""
        return max(self.longer.values(), default=self.slot_seconds)

    @cached_property
    def _lengths(self) -> list[int]:
        """The lengths of longer slots, the longest first: a slot within another's time is part of that."""
        return sorted(set(self.longer.values()), reverse=True)

    def end_of(self, start: int) -> int:
        """The end of the slot that begins at `start`."""
        return start + self.longer.get(start, self.slot_seconds)

    def starts(self, begin: int, end: int) -> list[int]:
        """The starts of the slots that hold something of `[begin, end)`, in order."""
        found, start = list[int](), self.start_of(begin)
        while start < end:
            found.append(start)
            start = self.end_of(start)
        return found


@dataclass(frozen=True, eq=False)
class ServedRequests:
    """What became of a Model's requests in the windows that end at `until`, whichever revision answered.

    Windows are by their length in seconds, those of statistics.error_budget and its period. Of `answered`, those are
    bad that failed on the server's side; `in_time` has, by the latency bin above which a request is slow, the slow
    ones. Counting began at `since`, of a latency bin at its `slow_since`; all times are in Unix seconds. `silent` are
    those of the `routers` that have not answered for long: what they count comes with their next answer.
    """

    until: int
    since: int
    answered: Mapping[int, Tally]
    in_time: Mapping[int, Mapping[int, Tally]] = field(default_factory=dict)
    slow_since: Mapping[int, int] = field(default_factory=dict)
    routers: int = 0
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryAnswer:
    """What Prometheus said to a gate's query asked at `at` (Unix seconds).

    `value` is the number; where there is none, `problem` says why and `without_since` since when. `refused` says that
    the query itself cannot be read.
    """

    at: float
    value: float | None = None
    problem: str = ""
    refused: bool = False
    without_since: float | None = None


@dataclass(frozen=True)
class JobSeen:
    """A gate's Job in the running attempt; `running_step` says whether it is that of the step that runs now.

    `outcome` is None while it has not ended; it is `broken` where it ended without a verdict of its own.
    """

    outcome: Literal["Pass", "Fail", "Inconclusive"] | None
    message: str
    running_step: bool = True
    broken: bool = False


@dataclass(frozen=True)
class ProfiledBlock:
    """Rows of one revision that were counted by the bins of its profile, in slots from `start` until `end`.

    Times are in Unix seconds; `inputs` are the counts by feature.
    """

    start: int
    end: int
    inputs: Mapping[str, Counts]


@dataclass(frozen=True)
class AnswerSlot:
    """Answers of one revision that were counted by the bins of its profile from `start` until `end` (Unix seconds)."""

    start: int
    end: int
    outputs: Mapping[str, Counts]

    @property
    def rows(self) -> int:
        """How many rows were answered."""
        return max((sum(one["counts"]) + one["unseen"] for one in self.outputs.values()), default=0)


@dataclass(frozen=True)
class Evidence:
    """Everything observed of one Model, newest last.

    `cursors` are the counters up to which `outcomes` reach, to be kept in the Model's memory with what was folded;
    after a restart the collector continues from there. Latency slots are absolute and need no cursor: `latency` is as
    the servers measured it, `router_latency` as the routers did. `windows` maps a Monitor's name to its current window
    (owned by the monitor's planner). `labels` are those that came back of the last 31 days' predictions.
    `queries` are the answers of Prometheus and `jobs` what there is of Jobs, by the gate's name. `profiled` are
    blocks of the inputs of answered rows by revision, `answers` slots of their outputs, while an attempt is running.
    `served` is what became of all requests, while a Monitor has objectives.
    """

    outcomes: tuple[OutcomeSlot, ...] = ()
    latency: Mapping[str, tuple[LatencySlot, ...]] = field(default_factory=dict)
    router_latency: Mapping[str, tuple[LatencySlot, ...]] = field(default_factory=dict)
    pods: Mapping[str, tuple[PodEvidence, ...]] = field(default_factory=dict)
    routers: tuple[RouterEvidence, ...] = ()
    cursors: Mapping[str, Any] = field(default_factory=dict)
    windows: Mapping[str, Any] = field(default_factory=dict)
    labels: LabelSlots = field(default_factory=LabelSlots)
    queries: Mapping[str, QueryAnswer] = field(default_factory=dict)
    jobs: Mapping[str, tuple[JobSeen, ...]] = field(default_factory=dict)
    profiled: Mapping[str, tuple[ProfiledBlock, ...]] = field(default_factory=dict)
    answers: Mapping[str, tuple[AnswerSlot, ...]] = field(default_factory=dict)
    unavailable_since: float | None = None
    served: ServedRequests | None = None
