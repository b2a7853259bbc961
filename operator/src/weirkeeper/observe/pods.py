"""The model pods of one Model: what each says of itself, and the latencies that they counted."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.observe.latencies import LatencyBook, Process
from weirkeeper.observe.readings import LatencySlots, PodReading
from weirkeeper.observe.targets import PodTarget

SILENT_SECONDS: Final = 60.0
"""After so long without an answer, nothing is known of a pod."""

LATENCY_BACK_SECONDS: Final = 60
"""Slots so far back are asked for again: their requests may have ended since."""

CLOCK_SECONDS: Final = 60
"""Where a pod's clock is not ours its slots are moved by a multiple of this; what is left makes them a little late."""

MOST_AHEAD: Final = 86_400


class Loss(NamedTuple):
    """What was counted by servers that ended without telling: for how many seconds nobody had looked, all together.

    `seconds` ends where they had ended for sure, `rows` is how many rows they answered in as much time just before:
    at an even rate they answered no more than that since.
    """

    servers: int = 0
    seconds: float = 0.0
    rows: float = 0.0

    def plus(self, other: Loss) -> Loss:
        """Add another loss."""
        return Loss(self.servers + other.servers, self.seconds + other.seconds, self.rows + other.rows)


@dataclass(frozen=True)
class _Answer:
    """What a pod said last, when (Unix seconds), and how many rows a second it answered since the look before.

    `ahead` is by how many seconds its slots are moved because its clock is ahead of ours.
    """

    at: float
    revision: str
    reading: PodReading
    pace: float = 0.0
    ahead: int = 0

    def lost(self, end: float) -> Loss:
        """What its server may have counted until it ended; nothing where it had drained."""
        reading = self.reading
        idle = not any(active for _, active in reading.latency.values())
        if reading.evidence.state == "Draining" and idle:
            return Loss()
        seconds = max(0.0, end - self.at)
        return Loss(1, seconds, self.pace * seconds)


class ModelPods:
    """One Model's pods. Pure: told who is there and what they answered."""

    def __init__(self) -> None:
        self.latency = LatencyBook()
        self._answers: dict[str, _Answer] = {}
        self._loss = Loss()

    def known(self, uid: str) -> PodEvidence | None:
        """What the pod said last."""
        answer = self._answers.get(uid)
        return answer.reading.evidence if answer else None

    @property
    def ahead(self) -> int:
        """By how many seconds the clock of any of them is ahead of ours: tokens of that pod come to the others too."""
        return min(MOST_AHEAD, max((0, *(answer.ahead for answer in self._answers.values()))))

    def query(self, uid: str, end: int) -> dict[str, str]:
        """What an answer may leave out, because it was told before."""
        answer = self._answers.get(uid)
        if answer is None or answer.at < end - LATENCY_BACK_SECONDS / 2:
            return {}
        reading = answer.reading
        arms = [one.latency for one in reading.arms.values()]
        active = [start for slots in (reading.latency, *arms) for start, (_, n) in slots.items() if n]
        oldest = min(active, default=end + answer.ahead) - LATENCY_BACK_SECONDS
        query = {"latencyFrom": str(max(0, oldest))}
        if answer.reading.evidence.profile is not None and answer.reading.evidence.profile_sha256:
            query["profile"] = answer.reading.evidence.profile_sha256
        if answer.reading.labels.cursor:
            query["labels"] = answer.reading.labels.cursor
        return query

    def answered(self, now: float, end: int, target: PodTarget, reading: PodReading) -> bool:
        """Take an answer; tells whether a planner must see it: another state, reason, digest, signature or profile."""
        last = self._answers.get(target.uid)
        if last is not None and last.reading.started != reading.started:
            # The container was restarted: the former process had ended before this one began.
            began = reading.started - reading.ahead(now)
            self._loss = self._loss.plus(last.lost(min(now, began) if began > last.at else now))
            last = None
        if last is not None:
            self._loss = self._loss.plus(_lost_within(last.reading, reading))
        before = self.known(target.uid)
        ahead = _ahead(last, now, reading)
        self._answers[target.uid] = _Answer(now, target.revision, reading, _pace(last, now, reading), ahead)
        process = Process(target.uid, reading.started)
        self.latency.book(end, target.revision, process, _by_our_clock(reading.latency, ahead))
        for arm, one in reading.arms.items():
            self.latency.book(end, arm, process, _by_our_clock(one.latency, ahead))
        return before != reading.evidence

    def keep(self, now: float, present: AbstractSet[str]) -> bool:
        """Let go of pods that are no more, or silent for long; tells whether one went that had spoken."""
        lost = {uid for uid, one in self._answers.items() if uid not in present or one.at < now - SILENT_SECONDS}
        for uid in lost:
            if uid not in present:
                self._loss = self._loss.plus(self._answers[uid].lost(now))
            del self._answers[uid]
            self.latency.gone(uid)
        return bool(lost)

    def take_loss(self) -> Loss:
        """What was lost since it was asked for last."""
        taken, self._loss = self._loss, Loss()
        return taken

    def evidence(self, targets: Iterable[PodTarget]) -> dict[str, tuple[PodEvidence, ...]]:
        """What the pods say, by revision."""
        found: dict[str, list[PodEvidence]] = {}
        for target in targets:
            evidence = self.known(target.uid)
            if evidence is not None:
                found.setdefault(target.revision, []).append(evidence)
        return {revision: tuple(pods) for revision, pods in found.items()}

    def readings(self) -> Iterable[tuple[str, Process, PodReading]]:
        """The last answers: revision, process, reading."""
        for uid, answer in self._answers.items():
            yield answer.revision, Process(uid, answer.reading.started), answer.reading


def _lost_within(before: PodReading, now: PodReading) -> Loss:
    """What a pod says was lost since its answer before, with processes of its server."""
    new, old = now.lost, before.lost
    more = new.seconds - old.seconds, new.rows - old.rows
    return Loss(max(0, new.workers - old.workers), *(max(0.0, one) for one in more))


def _pace(last: _Answer | None, now: float, reading: PodReading) -> float:
    """Rows a second since the answer before; since its start where it has none."""
    rows = reading.rows - (last.reading.rows if last else 0)
    since = last.at if last else reading.started - reading.ahead(now)
    return max(0.0, rows / (now - since)) if now > since else 0.0


def _ahead(last: _Answer | None, now: float, reading: PodReading) -> int:
    """By how much a pod's slots are to be moved: as before, unless its clock went on otherwise than ours."""
    ahead = reading.ahead(now)
    if last is not None and abs(ahead - last.ahead) <= CLOCK_SECONDS:
        return last.ahead
    return round(ahead / CLOCK_SECONDS) * CLOCK_SECONDS


def _by_our_clock(slots: LatencySlots, ahead: int) -> LatencySlots:
    return {start - ahead: said for start, said in slots.items()} if ahead else slots
