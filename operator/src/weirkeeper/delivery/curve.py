"""How a gate's evidence grew in an attempt: few points, kept for people, which decide nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

POINTS: Final = 24
"""Points that are kept at most; where there are more every second one goes, and they come half as often."""

SPACING: Final = 10
"""Seconds between two points at first."""

MOST: Final = 999
"""Percent of what suffices, beyond which a point is cut."""


class Curve(BaseModel):
    """Evidence along an attempt.

    Each of `points` has the seconds since the attempt began, then for each of `gates` the evidence for Fail and that
    for Pass, in percent of what suffices; `spacing` is the least time between two of them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    gates: tuple[str, ...]
    points: tuple[tuple[int, ...], ...] = ()
    spacing: int = SPACING

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        return self.model_dump(mode="json")


def grown(curve: Curve | None, results: Iterable[Mapping[str, Any]], seconds: float) -> Curve | None:
    """Add what gates say so many seconds after the attempt began; other gates than before begin anew."""
    judged = [one for one in results if one.get("failAt") and one.get("passAt")]
    gates = tuple(one["name"] for one in judged)
    if not gates:
        return curve
    curve = curve if curve is not None and curve.gates == gates else Curve(gates=gates)
    if curve.points and seconds < curve.points[-1][0] + curve.spacing:
        return curve
    point = (int(seconds), *(part for one in judged for part in _parts(one)))
    return _thinned(curve.model_copy(update={"points": (*curve.points, point)}))


def closed(curve: Curve | None, results: Iterable[Mapping[str, Any]], seconds: float) -> Curve | None:
    """The curve with what gates said last as its last point, however soon after the one before."""
    if curve is None or (curve.points and curve.points[-1][0] >= int(seconds)):
        return curve
    spacing = curve.spacing
    found = grown(curve.model_copy(update={"spacing": 0}), results, seconds)
    return found.model_copy(update={"spacing": spacing}) if found else None


def _parts(result: Mapping[str, Any]) -> tuple[int, int]:
    return _percent(result["logEFail"], result["failAt"]), _percent(result["logEPass"], result["passAt"])


def _percent(reached: float, needed: float) -> int:
    part = 100.0 * reached / needed
    return round(min(MOST, max(-MOST, part))) if math.isfinite(part) else 0


def _thinned(curve: Curve) -> Curve:
    if len(curve.points) <= POINTS:
        return curve
    # The first point stays, and so does the newest: their number is odd.
    return curve.model_copy(update={"points": curve.points[::2], "spacing": 2 * max(1, curve.spacing)})
