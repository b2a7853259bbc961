"""Error budgets: what may be bad of 30 days' requests, how much of it is left, and how fast it goes.

The budget of a target of 99.9 % is 0.1 % of the requests of 30 days. A burn rate of 1 uses it up in exactly 30 days. It
burns too fast where a long window says so and a short one says that it still goes on (Beyer and others, The Site
Reliability Workbook, 2018, chapter 5, table 5-8). Where requests are few, one failure is a high rate: an alarm also
takes more bad requests in the long window than chance would bring with the probability that the alarm may spend, if
just as many as allowed were bad.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from weirkeeper.statistics.fisher import binomial_sf

PERIOD: Final = 30 * 86_400
"""Seconds over which an objective holds."""

CLEARED: Final = 0.7
"""Part of an alarm's rate below which a burn rate must fall before all is well again."""


class Tally(NamedTuple):
    """So many requests, and how many of them were bad."""

    requests: int = 0
    bad: int = 0

    def plus(self, other: Tally) -> Tally:
        """Add what another stretch of time had."""
        return Tally(self.requests + other.requests, self.bad + other.bad)


class BurnAlarm(NamedTuple):
    """Rings where both windows (seconds) burn at `rate` or faster."""

    long: int
    short: int
    rate: float


ALARMS: Final = (
    BurnAlarm(long=3_600, short=300, rate=14.4),
    BurnAlarm(long=6 * 3_600, short=1_800, rate=6.0),
    BurnAlarm(long=3 * 86_400, short=6 * 3_600, rate=1.0),
)
"""The fastest first; what they use up unnoticed of a month's budget is 2, 5 and 10 percent."""

WINDOWS: Final = tuple(sorted({window for alarm in ALARMS for window in (alarm.long, alarm.short)}))


def burn_rate(tally: Tally, allowed: float) -> float:
    """How many times as many were bad as `allowed` (a share); 0 of nothing."""
    return tally.bad / tally.requests / allowed if tally.requests else 0.0


def budget_left(tally: Tally, allowed: float, seconds: float) -> float:
    """What share of 30 days' budget is left after `tally` in `seconds`; below 0 it is overspent.

    Of a shorter time the budget is that of 30 days with as many requests a second; nothing is spent where there are
    none.
    """
    if not tally.requests:
        return 1.0
    whole = tally.requests * max(1.0, PERIOD / max(1.0, seconds))
    return 1.0 - tally.bad / (whole * allowed)


def ringing(windows: dict[int, Tally], allowed: float, alpha: float, *, rang_before: bool) -> BurnAlarm | None:
    """Find the fastest alarm that rings.

    `windows` are tallies by their length, those of WINDOWS; `alpha` is the probability of a false alarm that each of
    ALARMS may spend. What rang before goes on until the rates are well below.
    """
    for alarm in ALARMS:
        rate = alarm.rate * (CLEARED if rang_before else 1.0)
        fast = all(burn_rate(windows[window], allowed) >= rate for window in (alarm.long, alarm.short))
        if fast and (rang_before or _is_sure(windows[alarm.long], allowed, alpha)):
            return alarm
    return None


def _is_sure(tally: Tally, allowed: float, alpha: float) -> bool:
    return binomial_sf(tally.bad, tally.requests, allowed) < alpha
