"""Golden answers compared with those that came: numbers within a tolerance, everything else exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_VALUE = 60


def difference(expected: Mapping[str, Any], got: Sequence[Any], tolerance: float) -> str:
    """Say how the values of one output (flat) differ from those of its golden tensor; empty where they agree."""
    wanted = flattened(expected.get("data", []))
    if len(wanted) != len(got):
        return f"expected {len(wanted)} values, got {len(got)}"
    for position, (want, value) in enumerate(zip(wanted, got, strict=True)):
        if not _agrees(want, value, tolerance):
            return f"expected {short(repr(want))}, got {short(repr(value))} at position {position}"
    return ""


def flattened(data: Any) -> Sequence[Any]:
    """List a tensor's elements row by row, however they are nested."""
    if isinstance(data, list):
        return [value for entry in data for value in flattened(entry)]
    return [data]


def short(text: str) -> str:
    """Cut a text so that it fits into a message."""
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _agrees(want: object, got: object, tolerance: float) -> bool:
    if isinstance(want, bool) or isinstance(got, bool) or isinstance(want, str) or isinstance(got, str):
        return want == got
    if isinstance(want, int | float) and isinstance(got, int | float):
        return math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)
    return False
