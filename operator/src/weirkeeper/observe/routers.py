"""The routers of one namespace: who answered, what they acknowledged, and the outcomes that they counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from weirkeeper.delivery.evidence import RouterEvidence
from weirkeeper.observe.outcomes import OutcomeBook
from weirkeeper.observe.readings import RouterReading
from weirkeeper.observe.router_latencies import RouterLatencies
from weirkeeper.observe.targets import RouterTarget

FORGOTTEN_SLOTS: Final = 3
"""After so many slots without an answer, what a router acknowledged is not known any more."""


@dataclass(frozen=True)
class _Answer:
    """What a router said last, and when (Unix seconds)."""

    at: float
    acknowledged: Mapping[str, int]


class NamespaceRouters:
    """One namespace's routers. Pure: told who was asked and what they answered. `touched` is the last slot's end."""

    def __init__(self, slot_seconds: int, touched: int) -> None:
        self.touched = touched
        self.outcomes = OutcomeBook(slot_seconds)
        self.latencies = RouterLatencies(slot_seconds)
        self._patience = FORGOTTEN_SLOTS * slot_seconds
        self._answers: dict[str, _Answer] = {}
        self._since: dict[str, float] = {}
        self.unavailable_since: float | None = None

    def answered(
        self, now: float, asked: Iterable[RouterTarget], readings: Mapping[str, RouterReading]
    ) -> AbstractSet[str]:
        """Take the answers (by UID) of the routers that were asked; gives the Models acknowledged differently now."""
        targets = {target.uid for target in asked}
        before = self._acknowledged()
        for uid, reading in readings.items():
            self._answers[uid] = _Answer(now, reading.acknowledged)
        self._answers = {uid: answer for uid, answer in self._answers.items() if uid in targets}
        self._since = {uid: self._since.get(uid, now) for uid in targets}
        if readings:
            self.unavailable_since = None
        elif self.unavailable_since is None:
            self.unavailable_since = now
        return {model for model, _ in before ^ self._acknowledged()}

    def evidence(self, model: str, targets: Iterable[RouterTarget], now: float) -> tuple[RouterEvidence, ...]:
        """What each router that counts acknowledged for `model`; 0 where it answers and does not know the Model."""
        return tuple(self._evidence(target, model, now) for target in targets)

    def _evidence(self, target: RouterTarget, model: str, now: float) -> RouterEvidence:
        answer = self._answers.get(target.uid)
        if answer is None:
            return RouterEvidence(target.name, None, now - self._since.get(target.uid, now))
        age = max(0.0, now - answer.at)
        known = answer.acknowledged.get(model, 0) if age <= self._patience else None
        return RouterEvidence(target.name, known, age)

    def _acknowledged(self) -> AbstractSet[tuple[str, tuple[str, int]]]:
        return {
            (model, (uid, decision))
            for uid, answer in self._answers.items()
            for model, decision in answer.acknowledged.items()
        }
