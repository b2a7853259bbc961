"""AvailabilityAtRisk, LatencyAtRisk: whether what callers are promised over 30 days is in danger, or missed already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import MonitorSpec, parse_monitor
from weirkeeper.api.monitor_objectives import ObjectiveKind
from weirkeeper.api.values import Duration
from weirkeeper.delivery.evidence import ServedRequests
from weirkeeper.plan.conditions.watched import ConditionState, ConditionType, conditions_of
from weirkeeper.statistics.budget import alarm_share
from weirkeeper.statistics.error_budget import (
    ALARMS,
    PERIOD,
    WINDOWS,
    BurnAlarm,
    Tally,
    budget_left,
    burn_rate,
    ringing,
)
from weirkeeper.statistics.latency import bin_of
from weirkeeper.statistics.wording import lasted, number, percent

if TYPE_CHECKING:
    from weirkeeper.api.monitor_objectives import AnswerTimeObjective

LOOK_SECONDS: Final = 300
"""Burn rates are judged so often."""

CONDITION_OF: Final[Mapping[ObjectiveKind, ConditionType]] = {
    "Availability": "AvailabilityAtRisk",
    "Latency": "LatencyAtRisk",
}
NAMED: Final = 3
"""Silent routers that a message names."""


@dataclass(frozen=True)
class ObjectiveFinding:
    """Where one objective stands.

    `target` is in percent; `tally` are the requests of 30 days, or since `since` (Unix seconds), `recent` is how many
    the last hour had, `burn` the burn rates by the length of their window in seconds. `left` is the share of the budget
    that is left, below 0 where it is overspent; `alarm` is the one that rings.
    """

    kind: ObjectiveKind
    target: float
    bad: str
    since: int
    until: int
    tally: Tally
    burn: Mapping[int, float]
    left: float
    alarm: BurnAlarm | None
    recent: int = 0

    @property
    def at_risk(self) -> bool:
        """Whether the objective is missed, or will be at this pace."""
        return self.alarm is not None or self.left <= 0.0


def slow_bins(monitors: Iterable[Mapping[str, Any]]) -> frozenset[int] | None:
    """The latency bins above which requests are slow for Monitors (raw objects); None where none has objectives."""
    found: set[int] = set()
    some = False
    for monitor in monitors:
        try:
            asked = parse_monitor(monitor).objectives
        except InvalidSpec:
            # The planner tells its author.
            continue
        some = some or asked is not None
        if asked and asked.latency:
            found.add(slow_bin(asked.latency))
    return frozenset(found) if some else None


def judge_objectives(
    spec: MonitorSpec, served: ServedRequests | None, before: frozenset[str]
) -> tuple[ObjectiveFinding, ...]:
    """Judge what a Monitor promises; `before` are the conditions that were bad when its status was written."""
    asked = spec.objectives
    if asked is None or served is None:
        return ()
    found: list[ObjectiveFinding] = []
    if asked.availability:
        target = asked.availability.target.number
        found.append(_judged(spec, "Availability", target, "failed", (served, served.answered, served.since), before))
    if asked.latency and (slow := slow_bin(asked.latency)) in served.in_time:
        told = f"took longer than {asked.latency.below}"
        counted = (served, served.in_time[slow], served.slow_since[slow])
        found.append(_judged(spec, "Latency", asked.latency.target.number, told, counted, before))
    return tuple(found)


def objective_states(
    spec: MonitorSpec, served: ServedRequests | None, found: tuple[ObjectiveFinding, ...]
) -> tuple[ConditionState, ...]:
    """Say how the objectives are."""
    asked = spec.objectives
    kinds: list[ObjectiveKind] = ["Availability"] if asked and asked.availability else []
    kinds += ["Latency"] if asked and asked.latency else []
    by_kind = {one.kind: one for one in found}
    return tuple(_said(CONDITION_OF[kind], by_kind.get(kind), served) for kind in kinds)


def _said(kind: ConditionType, one: ObjectiveFinding | None, served: ServedRequests | None) -> ConditionState:
    if served is None or one is None:
        return ConditionState(kind, "Insufficient", "no request has been counted yet")
    silent = _silent(served)
    if served.routers and len(served.silent) == served.routers:
        return ConditionState(kind, "Insufficient", silent)
    if not one.tally.requests:
        return ConditionState(kind, "Insufficient", silent or "there was no request in 30 days, or since it is counted")
    told = "; ".join(part for part in (_told(one), silent) if part)
    return ConditionState(kind, "Drifting" if one.at_risk else "OK", told)


def slow_bin(latency: AnswerTimeObjective) -> int:
    """The latency bin above which a request is slow."""
    return bin_of(latency.below.seconds * 1e6)


_Counted = tuple[ServedRequests, Mapping[int, Tally], int]


def _judged(
    spec: MonitorSpec, kind: ObjectiveKind, target: float, bad: str, counted: _Counted, before: frozenset[str]
) -> ObjectiveFinding:
    served, windows, since = counted
    allowed = 1.0 - target / 100.0
    tally = windows[PERIOD]
    alpha = alarm_share(spec.false_alarms_per_month.number, LOOK_SECONDS, len(ALARMS), len(conditions_of(spec)))
    return ObjectiveFinding(
        kind=kind,
        target=target,
        bad=bad,
        since=max(since, served.until - PERIOD),
        until=served.until,
        tally=tally,
        burn={window: burn_rate(windows[window], allowed) for window in WINDOWS},
        left=budget_left(tally, allowed, served.until - since),
        alarm=ringing(dict(windows), allowed, alpha, rang_before=CONDITION_OF[kind] in before),
        recent=windows[ALARMS[0].long].requests,
    )


def _told(one: ObjectiveFinding) -> str:
    good = 100.0 * (1.0 - one.tally.bad / one.tally.requests)
    time = lasted(one.until - one.since)
    share = f"{one.tally.bad} of {one.tally.requests} requests {one.bad} in {time}: {good:.5g} % were good"
    left = f"{percent(one.left)} of 30 days' budget is left" if one.left > 0.0 else "30 days' budget is spent"
    return f"{share}, {one.target:g} % are asked, and {left}; {_burning(one)}"


def _burning(one: ObjectiveFinding) -> str:
    if one.alarm is None:
        rates = (f"{number(one.burn[alarm.long], 2)} in {window_name(alarm.long)}" for alarm in ALARMS)
        return f"burn rate {', '.join(rates)}"
    alarm = one.alarm
    rates = (f"{number(one.burn[window], 2)} in {window_name(window)}" for window in (alarm.long, alarm.short))
    told = f"burn rate {' and '.join(rates)}"
    if one.left <= 0.0:
        return told
    return f"{told}, which leaves nothing in {lasted(PERIOD * one.left / one.burn[alarm.long])}"


def window_name(seconds: int) -> str:
    """Write the length of a window: 5m, 1h, 3d."""
    days, rest = divmod(seconds, 86_400)
    return str(Duration.of(seconds)) if rest else f"{days}d"


def _silent(served: ServedRequests) -> str:
    if not served.silent:
        return ""
    named = ", ".join(served.silent[:NAMED])
    more = f" and {len(served.silent) - NAMED} more" if len(served.silent) > NAMED else ""
    return (
        f"{len(served.silent)} of {served.routers} routers have not answered for 10 minutes or longer ({named}{more});"
        " what they count comes with their next answer"
    )
