"""Trainings by the clock: which are due, and which were missed.

The Model's memory says up to when each schedule was heeded, in the same write with the training that it asked for. So
no time comes twice, whoever is killed when and however clocks jump; a schedule that is new, or was edited, has no times
before that. Where a training cannot begin in time, for want of an operator, of a thaw or because another one goes on,
its time is waited for an hour, and then given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from cronsim import CronSim

from weirkeeper.delivery.memory import ScheduleMark

if TYPE_CHECKING:
    from weirkeeper.api.monitor_actions import Action
    from weirkeeper.delivery.memory import Memory

GRACE_SECONDS: Final = 3600.0


class Scheduled(NamedTuple):
    """An action by the clock; `key` names it in the memory."""

    monitor: str
    action: Action

    @property
    def key(self) -> str:
        """Its Monitor and its CronJob."""
        return f"{self.monitor}/{self.action.retrain.cron_job_ref.name}" if self.action.retrain else self.monitor

    @property
    def expression(self) -> str:
        """Its cron expression."""
        return self.action.schedule or ""


def noted(memory: Memory, scheduled: tuple[Scheduled, ...], now: float) -> Memory:
    """The memory with a mark for each schedule; what is new counts from `now`, what is suspended leaves no times."""
    marks = {one.key: _mark(memory.schedules.get(one.key), one, now) for one in scheduled}
    return memory if marks == memory.schedules else memory.model_copy(update={"schedules": marks})


def due(memory: Memory, one: Scheduled, now: float) -> float | None:
    """The time of a schedule that is due and not heeded yet."""
    latest = latest_time(one.expression, now)
    waits = latest > memory.schedules[one.key].done and latest >= now - GRACE_SECONDS
    return latest if waits and not one.action.suspend else None


def missed(memory: Memory, scheduled: tuple[Scheduled, ...], now: float) -> tuple[tuple[Scheduled, float], ...]:
    """The schedules that gave up a time, and the latest such one."""
    found = ((one, latest_time(one.expression, now - GRACE_SECONDS - 1.0)) for one in scheduled)
    return tuple((one, time) for one, time in found if time > memory.schedules[one.key].done)


def heeded(memory: Memory, times: Mapping[str, float]) -> Memory:
    """The memory where these schedules, by key, were heeded up to these times."""
    marks = {
        key: mark.model_copy(update={"done": times[key]}) if key in times else mark
        for key, mark in memory.schedules.items()
    }
    return memory.model_copy(update={"schedules": marks})


def moments(memory: Memory, scheduled: tuple[Scheduled, ...], now: float) -> Iterator[float]:
    """When to look again: at the next times, and when one that waits is given up."""
    for one in scheduled:
        yield next_time(one.expression, now)
        waiting = due(memory, one, now)
        if waiting is not None:
            yield waiting + GRACE_SECONDS + 2.0


def next_time(expression: str, now: float) -> float:
    """The first time after `now` (Unix seconds)."""
    return next(CronSim(expression, datetime.fromtimestamp(int(now), UTC))).timestamp()


def latest_time(expression: str, now: float) -> float:
    """The last time at or before `now` (Unix seconds)."""
    return next(CronSim(expression, datetime.fromtimestamp(int(now) + 1, UTC), reverse=True)).timestamp()


def _mark(known: ScheduleMark | None, one: Scheduled, now: float) -> ScheduleMark:
    if known is None or known.expression != one.expression:
        return ScheduleMark(expression=one.expression, done=now)
    latest = latest_time(one.expression, now)
    return known.model_copy(update={"done": latest}) if one.action.suspend and latest > known.done else known
