"""What a diagnosis is made from, whoever gathered it. Times are Unix seconds, durations seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

HOUR: Final = 3600.0

State = Literal["OK", "Drifting", "Insufficient", "Error"]
"""The states of a Monitor's condition; `Drifting` stands for bad, whatever is watched."""


@dataclass(frozen=True)
class Seen:
    """What one condition of a Monitor says, and since when it has been in its state, where that is known.

    `well_until` is until when it is known to have been well before it became bad.
    """

    state: State
    message: str = ""
    since: float | None = None
    well_until: float | None = None


@dataclass(frozen=True)
class Moved:
    """An input that drifts, and since when."""

    name: str
    told: str = ""
    since: float | None = None


@dataclass(frozen=True)
class Measured:
    """A metric of labelled predictions of one `segment` (`region=north`), or of all rows where that is empty.

    `low` and `high` end its 95 % interval; `expected` is what the answers alone let expect, `offline` what it was when
    the bundle was made, `bound` what is asked. Of losses less is better (`lower_is_better`).
    """

    metric: str
    state: State
    segment: str = ""
    realised: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    expected: float | None = None
    offline: float | None = None
    lower_is_better: bool = False


@dataclass(frozen=True)
class Pod:
    """A pod of the Model's: how it is, and what it answered while it was watched.

    `requests`, `failed` and `seconds` (the mean time of an answer) are None where nobody could read them. `trouble` is
    what Kubernetes says of a pod that is not ready, or of its last end; `ended` when that was.
    """

    name: str
    revision: str
    node: str
    ready: bool = True
    restarts: int = 0
    trouble: str = ""
    ended: float | None = None
    requests: int | None = None
    failed: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Change:
    """Something that was done: a promotion, a step, a scaling, a change of the spec."""

    at: float
    kind: Literal["Promotion", "Step", "Scaling", "Spec", "Card", "Verb", "Retraining"]
    told: str


@dataclass(frozen=True)
class Dependency:
    """How long something takes that the Model asks, in seconds: `now`, and `before` (an hour before it went wrong)."""

    name: str
    now: float
    before: float | None


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of one Model at the moment `now`.

    `conditions` are the worst that its Monitors say, by type, and empty where it has none. `labels` are labelled rows
    and predictions, where they are known. `unread` says what could not be read, and what it takes.
    """

    model: str
    now: float
    stable: str = ""
    stable_since: float | None = None
    candidate: str = ""
    not_ready: str = ""
    conditions: dict[str, Seen] = field(default_factory=dict)
    monitored: bool = True
    moved: tuple[Moved, ...] = ()
    measured: tuple[Measured, ...] = ()
    labels: tuple[int, int | None] | None = None
    pods: tuple[Pod, ...] = ()
    changes: tuple[Change, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    unread: tuple[str, ...] = ()

    def state(self, kind: str) -> State | None:
        """The state of a condition, None where it is not watched."""
        found = self.conditions.get(kind)
        return found.state if found else None

    def bad(self, kind: str) -> bool:
        """Whether a condition is bad."""
        return self.state(kind) == "Drifting"

    @property
    def onset(self) -> float:
        """When it began to be bad, as far as is known; now where nothing tells."""
        said = [one.since for one in self.conditions.values() if one.state == "Drifting" and one.since is not None]
        inputs = [one.since for one in self.moved if one.since is not None]
        ended = [pod.ended for pod in self.pods if pod.trouble and pod.ended is not None]
        return min([*said, *inputs, *ended], default=self.now)

    def began_with_promotion(self, kind: str) -> bool:
        """Whether a condition became bad within an hour of the stable revision's promotion, and was not well since."""
        found = self.conditions.get(kind)
        if found is None or found.since is None or self.stable_since is None:
            return False
        if found.well_until is not None and found.well_until > self.stable_since:
            return False
        return 0.0 <= found.since - self.stable_since <= HOUR
